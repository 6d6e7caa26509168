# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Vector feedback: by hand, equal to Pyserini's classes (read from the installed package), and as flags."""

import ast
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import faiss
import numpy as np
import pytest
from conftest import TOPICS, fails, refusal
from test_search_faiss import make_index

from pyserini_tct.runs import read_run, write_run
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.faiss.__main__ import main
from pyserini_tct.search.faiss._prf import Feedback, FeedbackSearcher
from pyserini_tct.search.hybrid.__main__ import main as hybrid

SETTINGS = {
    'avg': {'depth': 3},
    'rocchio': {'depth': 5, 'method': 'rocchio', 'alpha': 0.4, 'beta': 0.6, 'topk': 5},
    'negative': {'depth': 6, 'method': 'rocchio', 'gamma': 0.3, 'topk': 2, 'bottomk': 4},
}


@pytest.fixture(scope='module')
def stock() -> dict:
    """Pyserini's two classes, without the modules and the JVM that their file brings."""
    spec = importlib.util.find_spec('pyserini')
    if spec is None:
        pytest.skip('Pyserini is not installed')
    path = Path(spec.submodule_search_locations[0], 'search/faiss/_prf.py')
    tree = ast.parse(path.read_text())
    kept = {'DenseVectorPrf', 'DenseVectorAveragePrf', 'DenseVectorRocchioPrf'}
    tree.body = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in kept]
    names = {'np': np, 'List': list, 'Dict': dict, 'PrfDenseSearchResult': object}
    exec(compile(tree, str(path), 'exec'), names)
    return names


@pytest.mark.parametrize('settings', SETTINGS.values(), ids=SETTINGS)
def test_equal_to_pyserinis(stock, settings):
    feedback, chance = Feedback(**settings), np.random.default_rng(1)
    queries = chance.normal(size=(4, 16)).astype(np.float32)
    passages = chance.normal(size=(4, feedback.depth, 16)).astype(np.float32)
    if feedback.method == 'avg':
        theirs = stock['DenseVectorAveragePrf']()
    else:
        theirs = stock['DenseVectorRocchioPrf'](
            feedback.alpha, feedback.beta, feedback.gamma, feedback.topk, feedback.bottomk
        )
    qids = list('abcd')
    hits = {qid: [SimpleNamespace(vectors=row) for row in rows] for qid, rows in zip(qids, passages, strict=True)}
    expected = theirs.get_batch_prf_q_emb(qids, queries, hits)
    found = [feedback.moved(query, list(rows)) for query, rows in zip(queries, passages, strict=True)]
    np.testing.assert_array_equal(np.asarray(found, np.float32), expected)


def index_of(kind, vectors):
    """The same four vectors in an index of another kind; only IVF cannot tell a row's vector by itself."""
    made = {'flat': faiss.IndexFlatIP(2), 'hnsw': faiss.IndexHNSWFlat(2, 4, faiss.METRIC_INNER_PRODUCT)}
    if kind == 'ivf':
        quantizer = faiss.IndexFlatIP(2)
        quantizer.add(np.eye(2, dtype=np.float32))
        made['ivf'] = faiss.IndexIVFFlat(quantizer, 2, 2, faiss.METRIC_INNER_PRODUCT)
        made['ivf'].nprobe = 2
    made[kind].add(vectors)
    return made[kind]


@pytest.mark.parametrize('kind', ['flat', 'hnsw', 'ivf'])
def test_two_searches_by_hand(tmp_path, kind):
    """q = (1, 0) finds a = (2, 0) and c = (1, 3); the mean of the three is (4/3, 1), so c gets ahead of a."""
    vectors = np.array([[2, 0], [0, 2], [1, 3], [0, 1]], np.float32)
    folder = make_index(tmp_path / 'stock', vectors, 'abcd')
    faiss.write_index(index_of(kind, vectors), str(folder / 'index'))
    searcher = FeedbackSearcher(FaissSearcher(folder, None), Feedback(2))
    found = searcher.search(np.array([1.0, 0.0]), k=4)
    assert [hit.docid for hit in found] == ['c', 'a', 'b', 'd']
    assert [hit.score for hit in found] == pytest.approx([13 / 3, 8 / 3, 2, 1])


def test_depth_beyond_the_index_and_settings_without_sense(tmp_path):
    folder = make_index(tmp_path / 'stock', [[1, 0], [0, 1]], 'ab')
    found = FeedbackSearcher(FaissSearcher(folder, None), Feedback(9)).search(np.array([1.0, 0.0]), k=9)
    assert [hit.score for hit in found] == pytest.approx([2 / 3, 1 / 3])
    assert 'at least 1' in refusal(Feedback, 0)
    assert 'unknown' in refusal(Feedback, 1, 'ance-prf')
    assert 'not all finite numbers' in refusal(Feedback, 1, 'rocchio', float('nan'))


@pytest.mark.parametrize('settings', SETTINGS.values(), ids=SETTINGS)
def test_the_commands(settings, tiny_index, tiny_student, topics, tmp_path):
    """search.faiss and the dense side of search.hybrid give the same run."""
    flags = ['--prf-depth', str(settings['depth']), '--prf-method', settings.get('method', 'avg')]
    for name in settings.keys() - {'depth', 'method'}:
        flags += [f'--rocchio-{name}', str(settings[name])]
    dense = ['--index', str(tiny_index), '--encoder', str(tiny_student), *flags]
    run = ['--topics', str(topics), '--hits', '6', '--output']
    main([*dense, *run, str(tmp_path / 'faiss')])
    write_run(tmp_path / 'none', {'other': {'d1': 1.0}})
    sparse = ['sparse', '--run', str(tmp_path / 'none'), 'fusion', '--alpha', '0']
    hybrid(['dense', *dense, *sparse, 'run', *run, str(tmp_path / 'hybrid')])
    found = read_run(tmp_path / 'faiss')
    expected = FeedbackSearcher(FaissSearcher(tiny_index, str(tiny_student)), Feedback(**settings))
    plain = FaissSearcher(tiny_index, str(tiny_student))
    for qid, query in TOPICS.items():
        assert found[qid] == pytest.approx({hit.docid: hit.score for hit in expected.search(query, 6)}, abs=1e-5)
        assert read_run(tmp_path / 'hybrid')[qid] == pytest.approx(found[qid], abs=1e-5)
        assert found[qid] != pytest.approx({hit.docid: hit.score for hit in plain.search(query, 6)}, abs=1e-3)


def test_flags_without_effect_are_refused(tiny_index, tiny_student, topics, tmp_path, capsys):
    """Pyserini takes them and searches without feedback."""
    words = ['--index', tiny_index, '--encoder', tiny_student, '--topics', topics, '--output', tmp_path / 'run']
    for flags, sentence in (
        (['--prf-method', 'rocchio'], '--prf-method has no effect without --prf-depth'),
        (['--rocchio-beta', '0.5'], '--rocchio-beta has no effect without --prf-depth'),
        (['--prf-depth', '3', '--rocchio-topk', '2'], '--rocchio-topk has no effect on avg'),
    ):
        assert sentence in fails(main, *words, *flags, capsys=capsys)
    side = ['dense', '--index', tiny_index, '--encoder', tiny_student, '--lucene', '--prf-depth', '3']
    rest = ['sparse', '--run', 'x', 'fusion', 'run', *words[4:]]
    assert 'dense --lucene has no use for --prf-depth' in fails(hybrid, *side, *rest, capsys=capsys)
    main([str(word) for word in [*words, '--prf-depth', '0', '--prf-method', 'avg']])  # Pyserini's way to say: none
    assert list(read_run(tmp_path / 'run')) == list(TOPICS)
