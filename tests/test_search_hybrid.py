# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The hybrid searcher and its command without a JVM: sides, depths, ready runs, and every flag of Pyserini's."""

import ast
import importlib.util
import threading
from pathlib import Path

import pytest
from conftest import TOPICS, fails, refusal

from pyserini_tct._errors import TctError
from pyserini_tct.fusion import Rule
from pyserini_tct.runs import Hit, read_run, write_run
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.hybrid import HybridSearcher, _flags
from pyserini_tct.search.hybrid.__main__ import main

DENSE, SPARSE = {'a': 4.0, 'b': 2.0, 'c': 1.0}, {'b': 10.0, 'd': 6.0}


def scores(hits):
    return {hit.docid: hit.score for hit in hits}


class Fixed:
    def __init__(self, scores):
        self.hits = [Hit(docid, score) for docid, score in scores.items()]

    def search(self, query, k):
        return self.hits[:k]

    def batch_search(self, queries, q_ids, k, threads):
        return dict.fromkeys(q_ids, self.hits[:k])


def test_searcher_takes_k0_of_each_side_and_batches_like_single_queries():
    searcher = HybridSearcher(Fixed(DENSE), Fixed(SPARSE))
    single = searcher.search('q', k0=1, k=5, alpha=0.5)
    assert scores(single) == {'a': 9.0, 'b': 9.0}
    assert searcher.batch_search(['q', 'q'], ['1', '2'], k0=1, k=5, alpha=0.5) == {'1': single, '2': single}


def test_each_side_has_a_depth_of_its_own():
    found = HybridSearcher(Fixed(DENSE), Fixed(SPARSE), dense_hits=1, sparse_hits=2).search('q', k0=3, k=9, alpha=0.5)
    assert scores(found) == {'a': 7.0, 'b': 9.0, 'd': 7.0}


def test_another_rule():
    """Ranks: a 1, b 2 and 1, c 3, d 2; the constant is 1."""
    found = HybridSearcher(Fixed(DENSE), Fixed(SPARSE), rule=Rule('rrf', rrf_k=1)).search('q', k0=3, k=9)
    assert scores(found) == pytest.approx({'b': 1 / 3 + 1 / 2, 'a': 1 / 2, 'd': 1 / 3, 'c': 1 / 4})
    assert [(hit.dense_rank, hit.sparse_rank) for hit in found] == [(2, 1), (1, None), (None, 2), (3, None)]
    assert (found[1].sparse_score, found[2].dense_score) == (0.0, 0.0)
    assert 'k = 0' in refusal(HybridSearcher(Fixed(DENSE), Fixed(SPARSE)).search, 'q', k=0)


def test_a_document_that_an_index_holds_twice_keeps_its_best_score():
    """Stock keeps the last, which is the worst."""
    twice = Fixed({})
    twice.hits = [Hit('a', 5.0), Hit('b', 4.0), Hit('a', 1.0)]
    assert scores(HybridSearcher(twice, Fixed(SPARSE)).search('q', alpha=0.0)) == {'a': 5.0, 'b': 4.0, 'd': 4.0}


class Meeting(Fixed):
    """A side that waits for the other one."""

    def __init__(self, scores, barrier):
        super().__init__(scores)
        self.barrier = barrier

    def search(self, query, k):
        self.barrier.wait(timeout=60)
        return super().search(query, k)


def test_both_sides_are_searched_at_once():
    """One after the other, each would wait for the other for ever."""
    barrier = threading.Barrier(2)
    found = HybridSearcher(Meeting(DENSE, barrier), Meeting(SPARSE, barrier)).search('q', alpha=0.5)
    assert found == HybridSearcher(Fixed(DENSE), Fixed(SPARSE), concurrent=False).search('q', alpha=0.5)


class Broken(Fixed):
    def search(self, query, k):
        raise TctError('this side is broken')


def test_what_a_side_raises_is_raised():
    for sides in ((Broken({}), Fixed(SPARSE)), (Fixed(DENSE), Broken({}))):
        assert refusal(HybridSearcher(*sides).search, 'q') == 'this side is broken'


@pytest.fixture
def files(tmp_path, monkeypatch, topics):
    """A run for each side: of the three topics, the sparse one lacks one and knows another."""
    monkeypatch.chdir(tmp_path)
    write_run(Path('dense.trec'), dict.fromkeys(TOPICS, DENSE))
    write_run(Path('sparse.trec'), {'007': SPARSE, '8': SPARSE, 'other': SPARSE})
    return ['dense', '--run', 'dense.trec', 'sparse', '--run', 'sparse.trec', 'fusion', '--alpha', '0.5']


RUN = ['run', '--topics', 'topics.tsv', '--output', 'run']


def test_two_ready_runs(files, capsys):
    """Neither a model nor a JVM is needed; what the runs lack is counted."""
    main([*files, *RUN])
    run = read_run(Path('run'))
    assert list(run) == list(TOPICS)
    assert run['007'] == pytest.approx({'a': 7.0, 'b': 7.0, 'c': 4.0, 'd': 4.0}, abs=1e-5)
    assert run['9'] == DENSE
    assert capsys.readouterr().err.splitlines()[-2:] == [
        'note: 1 of 3 topics are not in sparse.trec',
        'note: 1 queries of sparse.trec are no topics, they are ignored',
    ]
    Path('dense.trec').write_text('007\ta\t2\n007\tb\t1\n')
    main([*files, *RUN, '--overwrite'])
    assert capsys.readouterr().err.splitlines()[-5:-2] == [
        'note: 2 of 3 topics are not in dense.trec',
        'note: 1 lists of dense.trec are not in order of their scores: ranks are those of the scores',
        'note: dense.trec has ranks only (MS MARCO format): its scores are 1 / rank',
    ]


def test_depths_rules_and_formats_of_the_command(files):
    main(
        [
            *files[:3],
            '--hits',
            '1',
            *files[3:],
            '--missing',
            'zero',
            '--normalization',
            *RUN,
            '--output-format',
            'msmarco',
        ]
    )
    # dense: a alone, 0; sparse: b .5, d -.5, at weight .5
    assert Path('run').read_text().splitlines()[:3] == ['007\tb\t1', '007\ta\t2', '007\td\t3']
    main([*files[:-2], '--method', 'rrf', '--rrf.k', '1', *RUN, '--overwrite', '--hits', '2'])
    assert read_run(Path('run'))['007'] == pytest.approx({'b': 1 / 3 + 1 / 2, 'a': 1 / 2}, abs=1e-6)


def test_max_passage(files):
    write_run(Path('dense.trec'), {qid: {'x#1': 3.0, 'y#0': 2.0, 'x#0': 1.0, 'z#0': 0.5} for qid in TOPICS})
    write_run(Path('sparse.trec'), {qid: {'x#0': 1.0} for qid in TOPICS})
    main([*files, *RUN, '--max-passage', '--max-passage-hits', '2'])
    assert read_run(Path('run'))['8'] == {'x': 3.5, 'y': 2.5}


def test_a_ready_run_beside_a_dense_index(files, tiny_index, tiny_student):
    """The encoder is ours, the index a folder, the sparse side a file."""
    write_run(Path('sparse.trec'), {qid: {'d2': 5.0, 'd4': 3.0} for qid in TOPICS})
    dense = ['dense', '--index', str(tiny_index), '--encoder', str(tiny_student), '--hits', '4']
    main([*dense, *files[3:], *RUN])
    searcher = FaissSearcher(tiny_index, str(tiny_student))
    for qid, query in TOPICS.items():
        expected = HybridSearcher(searcher, Fixed({'d2': 5.0, 'd4': 3.0}), dense_hits=4).search(query, k=9, alpha=0.5)
        assert read_run(Path('run'))[qid] == pytest.approx(scores(expected), abs=1e-4)


def test_ef_search_is_for_hnsw(files, tiny_index, tiny_student, capsys):
    dense = ['dense', '--index', tiny_index, '--encoder', tiny_student, '--ef-search', '9']
    message = fails(main, *dense, *files[3:], *RUN, capsys=capsys)
    assert '--ef-search is for HNSW' in message


def literal_flags(path: str) -> dict[str, set[str]]:
    """Flags by the variable whose add_argument names them, in a module of the installed Pyserini."""
    spec = importlib.util.find_spec('pyserini')
    if spec is None:
        pytest.skip('Pyserini is not installed')
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(Path(spec.submodule_search_locations[0], path).read_text())):
        if isinstance(node, ast.FunctionDef):
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            found[node.name] = {
                call.args[0].value for call in calls if getattr(call.func, 'attr', '') == 'add_argument' and call.args
            }
        elif isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'add_argument':
            found.setdefault(getattr(node.func.value, 'id', ''), set()).add(node.args[0].value)
    return found


def test_every_flag_of_pyserinis_groups_is_known():
    """Stock parses 13 dense and 27 sparse flags that it then ignores: here each is honoured or refused."""
    known = {name: set(parser._option_string_actions) for name, parser in _flags.groups().items()}
    hybrid = literal_flags('search/hybrid/__main__.py')
    assert literal_flags('search/faiss/__main__.py')['define_dsearch_args'] <= known['dense']
    assert literal_flags('search/lucene/__main__.py')['define_search_args'] <= known['sparse']
    assert hybrid['define_fusion_args'] <= known['fusion']
    assert hybrid['run_parser'] <= known['run']


@pytest.mark.parametrize(
    ('group', 'flag'), [(group, flag) for group, flags in _flags.REFUSED.items() for flag in flags]
)
def test_refused_flags_say_what_to_do(group, flag, files, capsys):
    """Whatever comes after it, the sentence is about the flag."""
    value = ['1'] if _flags.REFUSED[group][flag][0] else []
    at = {'dense': 3, 'sparse': 6}[group]
    message = fails(main, *files[:at], flag, *value, *files[at:], *RUN, capsys=capsys)
    assert message.startswith(f'error: {group} {flag}: ')
    assert not Path('run').exists()


SIDES = {'dense': ['--run', 'dense.trec'], 'sparse': ['--run', 'sparse.trec']}


@pytest.mark.parametrize(
    ('changed', 'sentence'),
    [
        ({'dense': []}, 'dense needs either --index INDEX or --run FILE'),
        ({'sparse': ['--run', 'x', '--index', 'y']}, 'sparse needs either'),
        ({'dense': ['--index', 'x']}, '--encoder (or --encoded-queries) is missing'),
        ({'dense': ['--run', 'x', '--encoder', 'y']}, 'dense --run has no use for --encoder'),
        ({'dense': ['--run', 'x', '--lucene']}, 'dense --run has no use for --lucene'),
        ({'sparse': ['--run', 'x', '--k1', '0.9']}, 'sparse --run has no use for --k1'),
        ({'sparse': ['--index', 'x', '--impact', '--rm3']}, 'sparse --impact has no use for --rm3'),
        ({'sparse': ['--index', 'x', '--encoder', 'y']}, 'sparse without --impact has no use for --encoder'),
        ({'sparse': ['--index', 'x', '--qld', '--b', '0']}, 'sparse --qld has no use for --b'),
        ({'sparse': ['--index', 'x', '--rocchio-use-negative']}, 'sparse without --rocchio has no use'),
        ({'sparse': ['--index', 'x', '--rocchio', '--rm3']}, 'two kinds of feedback'),
        ({'sparse': ['--run', 'x', '--language', 'zh']}, '--language is for BM25'),
        ({'fusion': ['--method', 'rrf', '--alpha', '0.1']}, 'fusion --alpha has no effect on rrf'),
        ({'fusion': ['--rrf.k', '60']}, 'fusion --rrf.k has no effect on interpolation'),
        ({'fusion': ['--alpha', 'x']}, '--alpha x is neither a number nor @FILE'),
        ({'dense': ['--run', 'none']}, 'none does not exist'),
        ({'dense': ['--run', 'run']}, "in each other's way"),
    ],
)
def test_contradictions_are_told_before_anything_is_loaded(files, changed, sentence, capsys):
    if "other's way" in sentence:
        Path('run').write_text('1 Q0 d 1 1 x\n')
        RUN_OVER = [*RUN, '--overwrite']
    else:
        RUN_OVER = RUN
    words = [word for name, flags in {**SIDES, 'fusion': [], **changed}.items() for word in (name, *flags)]
    assert sentence in fails(main, *words, *RUN_OVER, capsys=capsys)
