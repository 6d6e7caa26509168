# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Mined negatives: from BM25, a student's own index or a run; the filters by hand; what bad input gets."""

import pytest
import torch
from conftest import TEXTS, TOPICS, fails, write_corpus

from pyserini_tct.collection import Passage
from pyserini_tct.mine import _filters
from pyserini_tct.mine.__main__ import main
from pyserini_tct.models import colbert
from pyserini_tct.runs import Hit, read_run
from pyserini_tct.train._samples import from_qrels

RUN = {'007': ['d5', 'd1', 'd4', 'd6', 'd2'], '8': ['d2', 'd3', 'd5', 'd1'], '9': ['d6']}


@pytest.fixture
def run(tmp_path):
    """A run of the three topics, in which every relevant passage stands."""
    path = tmp_path / 'run'
    path.write_text(''.join(f'{q} Q0 {d} {i} {20 - i}.0 t\n' for q, hits in RUN.items() for i, d in enumerate(hits, 1)))
    return path


@pytest.fixture
def qrels(tmp_path):
    """Each topic has one relevant passage; d3 is judged 0 for 8."""
    path = tmp_path / 'qrels'
    path.write_text('007 0 d1 1\n8 0 d2 2\n8 0 d3 0\n9 0 d6 1\n')
    return path


@pytest.fixture
def tiny_colbert(tiny_bert, tmp_path):
    torch.manual_seed(3)
    colbert.new(tiny_bert, 8).save(tmp_path / 'colbert')
    return tmp_path / 'colbert'


def mine(*words):
    main([str(word) for word in words])


def mined(path):
    return {
        qid: [hit for hit, _ in sorted(hits.items(), key=lambda pair: -pair[1])] for qid, hits in read_run(path).items()
    }


def test_filters_by_hand():
    """Ranks count before anything is dropped; the margin is kept from the lowest positive."""
    candidates = {'q': [Hit(name, 9.0 - i) for i, name in enumerate('abcde')]}
    assert [hit.docid for hit in _filters.within_ranks(candidates, 2, 4)['q']] == ['b', 'c', 'd']
    qrels = {'q': {'b': 1, 'c': 0, 'e': 3}}
    assert [hit.docid for hit in _filters.not_relevant(candidates, qrels)['q']] == ['a', 'c', 'd']
    scores = {'a': 7.0, 'c': 6.5, 'd': 6.4, 'p': 9.0, 'r': 8.5}
    hits = [hit for hit in candidates['q'] if hit.docid in 'acd']
    for margin, kept in ((2.0, ['c', 'd']), (1.5, ['a', 'c', 'd']), (2.1, ['d']), (3.0, [])):
        assert [hit.docid for hit in _filters.below_positives(hits, scores, ['p', 'r'], margin)] == kept
    assert [hit.docid for hit in _filters.below_positives(hits, scores, ['p'], 2.5)] == ['c', 'd']


def test_a_run_is_filtered_by_ranks_and_judgments(run, qrels, tmp_path, capsys):
    """No corpus and no topics are needed for that."""
    mine('--run', run, '--ranks', '2-4', '--qrels', qrels, '--output', tmp_path / 'out')
    assert mined(tmp_path / 'out') == {'007': ['d4', 'd6'], '8': ['d3', 'd5', 'd1']}
    assert '5 passages for 2 queries, 2.5 each' in capsys.readouterr().out
    mine('--run', run, '--depth', 2, '--output', tmp_path / 'two')
    assert mined(tmp_path / 'two') == {qid: hits[:2] for qid, hits in RUN.items()}


def test_the_run_is_what_training_reads(run, qrels, corpus, topics, tmp_path, capsys):
    mine('--run', run, '--topics', topics, '--ranks', '2-4', '--qrels', qrels, '--output', tmp_path / 'out')
    assert '1 of 3 queries have no negative left' in capsys.readouterr().err
    data = from_qrels(corpus, topics, qrels, tmp_path / 'out')
    docids = [passage.docid for passage in data.passages]
    assert [[docids[row] for row in s.negatives] for s in data.samples] == [['d4', 'd6'], ['d3', 'd5', 'd1'], []]


def test_a_students_negatives_are_the_hits_of_its_index(corpus, topics, tiny_student, tiny_index, tmp_path):
    from pyserini_tct.search.faiss.__main__ import main as search

    found = tmp_path / 'dense'
    search([str(w) for w in ('--index', tiny_index, '--encoder', tiny_student, '--topics', topics, '--hits', 5,
                             '--output', found, '--device', 'cpu')])  # fmt: skip
    words = ('--corpus', corpus, '--topics', topics, '--encoder', tiny_student, '--device', 'cpu')
    mine(*words, '--depth', 5, '--output', tmp_path / 'out')
    assert mined(tmp_path / 'out') == mined(found)
    dense, own = read_run(found), read_run(tmp_path / 'out')
    for qid in TOPICS:
        assert own[qid] == pytest.approx(dense[qid], abs=1e-4)
    mine(*words, '--ranks', '3-5', '--output', tmp_path / 'deep')
    assert mined(tmp_path / 'deep') == {qid: hits[2:] for qid, hits in mined(found).items()}
    assert not (tmp_path / 'out.partial').exists()


def test_equal_scores_at_the_cut_go_by_docid(topics, tiny_student, tmp_path):
    corpus = write_corpus(tmp_path / 'same.jsonl', dict.fromkeys(('c', 'a', 'd', 'b'), 'sea wave'))
    mine('--corpus', corpus, '--topics', topics, '--encoder', tiny_student, '--depth', 2, '--output', tmp_path / 'out')
    assert mined(tmp_path / 'out') == {qid: ['a', 'b'] for qid in TOPICS}


def test_a_killed_job_does_not_encode_again(corpus, topics, tiny_student, tmp_path, monkeypatch):
    from pyserini_tct import scoring
    from pyserini_tct.encode import _writer

    words = ('--corpus', corpus, '--topics', topics, '--encoder', tiny_student, '--output', tmp_path / 'out')

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(scoring, 'nearest', stop)
        mine(*words)
    assert not (tmp_path / 'out').exists()
    monkeypatch.setattr(_writer, 'encode_corpus', stop)
    mine(*words)
    assert set(mined(tmp_path / 'out')) == set(TOPICS)


def test_bm25(corpus, tmp_path):
    """The words of 1 are in three passages, of which d4 is relevant; nothing but d4 has those of 2."""
    (tmp_path / 'topics.tsv').write_text('1\tice sea magnitude\n2\tsnow\n')
    (tmp_path / 'judged').write_text('1 0 d4 1\n2 0 d4 1\n')
    words = ('--corpus', corpus, '--topics', tmp_path / 'topics.tsv', '--output')
    mine(*words, tmp_path / 'all')
    found = mined(tmp_path / 'all')
    assert (set(found['1']), found['2']) == ({'d1', 'd4', 'd6'}, ['d4'])
    mine(*words, tmp_path / 'out', '--qrels', tmp_path / 'judged')
    assert mined(tmp_path / 'out') == {'1': [docid for docid in found['1'] if docid != 'd4']}


def test_a_teacher_drops_what_it_finds_too_good(run, corpus, topics, qrels, tiny_colbert, tmp_path):
    """Against MaxSim of one pair at a time."""
    model = colbert.load(tiny_colbert)

    def score(qid, docid):
        with torch.no_grad():
            return model([TOPICS[qid]], [Passage(docid, TEXTS[docid])]).item()

    relevant = {'007': 'd1', '8': 'd2', '9': 'd6'}
    below = {
        qid: {docid: score(qid, relevant[qid]) - score(qid, docid) for docid in hits if docid != relevant[qid]}
        for qid, hits in RUN.items()
    }
    gaps = sorted(gap for found in below.values() for gap in found.values())
    margin = (gaps[2] + gaps[3]) / 2  # between two candidates, so that rounding decides nothing
    mine('--run', run, '--corpus', corpus, '--topics', topics, '--qrels', qrels, '--teacher', tiny_colbert,
         '--margin', margin, '--device', 'cpu', '--output', tmp_path / 'out')  # fmt: skip
    expected = {qid: [docid for docid in RUN[qid] if found.get(docid, -1e9) >= margin] for qid, found in below.items()}
    assert mined(tmp_path / 'out') == {qid: found for qid, found in expected.items() if found}
    assert sum(map(len, expected.values())) == len(gaps) - 3


def test_queries_without_a_positive_get_no_negatives_from_a_teacher(
    run, corpus, topics, tiny_colbert, tmp_path, capsys
):
    (tmp_path / 'few').write_text('007 0 d1 1\n8 0 d2 0\n')
    mine('--run', run, '--corpus', corpus, '--topics', topics, '--qrels', tmp_path / 'few', '--teacher', tiny_colbert,
         '--margin', -100, '--device', 'cpu', '--output', tmp_path / 'out')  # fmt: skip
    assert mined(tmp_path / 'out') == {'007': ['d5', 'd4', 'd6', 'd2']}
    assert '2 queries have no relevant passage to compare with' in capsys.readouterr().err


def test_bad_input(run, corpus, topics, qrels, tiny_colbert, tiny_student, tiny_bert, tmp_path, capsys):
    out = ['--output', tmp_path / 'out']
    data = ['--corpus', corpus, '--topics', topics]
    for words, message in (
        (['--topics', topics], '--corpus is missing'),
        (['--corpus', corpus], '--topics is missing'),
        ([*data, '--encoder', tiny_student, '--run', run], None),
        ([*data, '--ranks', '5-2'], None),
        ([*data, '--ranks', '0-2'], None),
        ([*data, '--ranks', '1-2', '--depth', 3], None),
        ([*data, '--run', run, '--margin', 1, '--qrels', qrels], '--teacher and --margin belong together'),
        ([*data, '--run', run, '--teacher', tiny_colbert, '--qrels', qrels], '--teacher and --margin belong together'),
        ([*data, '--run', run, '--teacher', tiny_colbert, '--margin', 1], 'add --qrels'),
        ([*data, '--run', run, '--teacher', tiny_colbert, '--margin', 'nan', '--qrels', qrels], '--margin is nan'),
        (['--run', run, '--teacher', tiny_colbert, '--margin', 1, '--qrels', qrels], '--topics is missing'),
        (['--run', tmp_path / 'nothing'], 'nothing does not exist'),
        (['--run', run, '--ranks', '40-50'], 'no candidate is left for any query'),
        ([*data, '--run', run, '--teacher', tiny_bert, '--margin', 1, '--qrels', qrels], 'is no teacher'),
        ([*data, '--encoder', tmp_path / 'nothing'], 'does not exist'),
    ):
        if message is None:
            with pytest.raises(SystemExit) as done:
                mine(*words, *out)
            assert done.value.code == 2
        else:
            assert message in fails(main, *words, *out, capsys=capsys)
        assert not (tmp_path / 'out').exists()
    (tmp_path / 'other').write_text('77 0 d1 1\n')
    words = [*data, '--run', run, '--qrels', tmp_path / 'other']
    assert 'judges none of the queries of' in fails(main, *words, *out, capsys=capsys)
    (tmp_path / 'strange').write_text('007 Q0 d99 1 1.0 t\n')
    words = [*data, '--run', tmp_path / 'strange', '--teacher', tiny_colbert, '--margin', 1, '--qrels', qrels]
    assert 'strange lists passage d99, which' in fails(main, *words, *out, capsys=capsys)
    words = ['--corpus', corpus, '--run', tmp_path / 'strange']
    assert 'strange lists passage d99, which' in fails(main, *words, *out, capsys=capsys)
    words = ['--run', run, '--qrels', tmp_path / 'other']
    assert f'judges none of the queries of {run}' in fails(main, *words, *out, capsys=capsys)
    (tmp_path / 'strange').write_text('77 Q0 d1 1 1.0 t\n')
    words = [*data, '--run', tmp_path / 'strange']
    assert 'strange has none of the queries of' in fails(main, *words, *out, capsys=capsys)
    (tmp_path / 'strange').write_text('77 Q0 d1 1 1.0 t\n007 Q0 d2 1 1.0 t\n007 Q0 d3 2 2.0 t\n')
    mine(*data, '--run', tmp_path / 'strange', *out)
    assert capsys.readouterr().err.splitlines() == [
        f'note: 2 of 3 topics are not in {tmp_path}/strange',
        f'note: 1 queries of {tmp_path}/strange are no topics, they are ignored',
        f'note: 1 lists of {tmp_path}/strange are not in order of their scores: ranks are those of the scores',
        'note: 2 of 3 queries have no negative left',
    ]
    assert "in each other's way" in fails(main, *data, '--run', run, '--output', run, capsys=capsys)
