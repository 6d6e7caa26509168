# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dense search: exact scores, canonical ties, every form of query, and the command that writes a run."""

import copy

import faiss
import numpy as np
import pytest
from conftest import TEXTS, TOPICS, refusal

from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.lucene._dense import LuceneDenseSearcher
from pyserini_tct.vectors import VectorStore


def make_index(folder, vectors, docids):
    """A folder as stock Pyserini writes it: `index` and `docid`, no manifest, no texts."""
    folder.mkdir()
    index = faiss.IndexFlatIP(len(vectors[0]))
    index.add(np.asarray(vectors, np.float32))
    faiss.write_index(index, str(folder / 'index'))
    (folder / 'docid').write_text(''.join(f'{docid}\n' for docid in docids))
    return folder


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertQueryEncoder(tiny_student)


def pairs(hits):
    return [(hit.docid, hit.score) for hit in hits]


def test_scores_and_order_by_hand(tmp_path):
    """q = (1, 2): a = 1, b = 4, c = 3, d = -2."""
    folder = make_index(tmp_path / 'stock', [[1, 0], [0, 2], [1, 1], [0, -1]], 'abcd')
    hits = FaissSearcher(folder, None).search(np.array([1.0, 2.0]), k=4)
    assert pairs(hits) == [('b', 4.0), ('c', 3.0), ('a', 1.0), ('d', -2.0)]


def test_scores_equal_numpys_dot_products(tiny_index, encoder):
    store = VectorStore(tiny_index.parent / 'vectors')
    docids, vectors = next(store.shards())
    searcher = FaissSearcher(tiny_index, encoder)
    for query in TOPICS.values():
        scores = vectors @ encoder.encode(query)
        hits = searcher.search(query, k=6)
        assert [hit.docid for hit in hits] == [docids[row] for row in np.argsort(-scores)]
        np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores)[::-1], rtol=1e-5)


@pytest.mark.parametrize('k', [1, 3, 59, 60, 100])
def test_ties_are_decided_by_docid_also_where_they_straddle_the_cut(tmp_path, k):
    """Faiss orders ties by row, up or down: here neither is the order of the docids."""
    docids = [f'd{37 * number % 60:02d}' for number in range(60)]
    folder = make_index(tmp_path / 'stock', [[1, 1]] * 60, docids)
    found = FaissSearcher(folder, None).batch_search(np.array([[1.0, 0.0], [0.5, 0.5]]), ['1', '2'], k=k)
    assert pairs(found['1']) == [(docid, 1.0) for docid in sorted(docids)[:k]]
    assert found['1'] == found['2']


def test_a_tie_behind_better_hits_is_decided_by_docid(tmp_path):
    """Only the last place is tied: 2 better hits, then 50 of the same score, the best docid in the middle."""
    docids = ['y', 'z', *(f'd{(number + 25) % 50:02d}' for number in range(50))]
    folder = make_index(tmp_path / 'stock', [[3, 0], [2, 0], *[[1, 0]] * 50], docids)
    assert pairs(FaissSearcher(folder, None).search(np.array([1.0, 0]), k=3)) == [('y', 3.0), ('z', 2.0), ('d00', 1.0)]


def test_more_hits_than_passages_gives_all_of_them_once(tiny_index, encoder):
    hits = FaissSearcher(tiny_index, encoder).search('ice', k=1000)
    assert sorted(hit.docid for hit in hits) == sorted(TEXTS)
    assert min(hit.score for hit in hits) > -1e6


def test_rows_that_an_approximate_index_could_not_fill_are_left_out(tmp_path):
    """Two cells, one of them searched: Faiss fills up with row -1, which Python reads as the last docid."""
    vectors = np.array([[1, 0], [2, 0], [0, 1], [0, 2]], np.float32)
    folder = make_index(tmp_path / 'stock', vectors, 'abcd')
    quantizer = faiss.IndexFlatIP(2)
    quantizer.add(np.eye(2, dtype=np.float32))
    index = faiss.IndexIVFFlat(quantizer, 2, 2, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    faiss.write_index(index, str(folder / 'index'))
    assert pairs(FaissSearcher(folder, None).search(np.array([1.0, 0]), k=4)) == [('b', 2.0), ('a', 1.0)]


def test_a_batch_equals_single_queries(tiny_index, encoder):
    """30 queries: Faiss takes another way from 20 on."""
    queries = [f'{a} {b}' for a in ('ice', 'rock', 'sea', 'slow', 'lobster') for b in list(TOPICS.values()) * 2]
    searcher = FaissSearcher(tiny_index, encoder)
    found = searcher.batch_search(queries, [str(number) for number in range(30)], k=4, threads=2)
    for number, query in enumerate(queries):
        single = searcher.search(query, k=4)
        assert [hit.docid for hit in found[str(number)]] == [hit.docid for hit in single]
        np.testing.assert_allclose([h.score for h in found[str(number)]], [h.score for h in single], rtol=1e-5)
    assert '2 queries for 1 query ids' in refusal(searcher.batch_search, ['a', 'b'], ['1'])
    assert 'k = 0' in refusal(searcher.search, 'a', k=0)


def test_a_vector_is_a_query_too(tiny_index, encoder):
    searcher, vector = FaissSearcher(tiny_index, encoder), encoder.encode('slow ice')
    assert searcher.search(vector) == searcher.search(vector[None]) == searcher.search('slow ice')


def test_return_vector_gives_each_hit_its_own(tiny_index, encoder):
    searcher = FaissSearcher(tiny_index, encoder)
    query, hits = searcher.search('slow ice', k=3, return_vector=True)
    assert query.shape == (1, 32)
    assert [(hit.docid, hit.score) for hit in hits] == pairs(searcher.search('slow ice', k=3))
    np.testing.assert_allclose([hit.vectors @ query[0] for hit in hits], [hit.score for hit in hits], rtol=1e-5)
    batch_query, found = searcher.batch_search(['slow ice', 'rock'], ['1', '2'], k=3, return_vector=True)
    assert (batch_query.shape, [hit.docid for hit in found['1']]) == ((2, 32), [hit.docid for hit in hits])


def test_return_vector_of_a_docid_with_several_vectors(tmp_path):
    """Feedback would average in a vector that was never retrieved."""
    searcher = FaissSearcher(make_index(tmp_path / 'stock', [[3, 0], [1, 5]], ['a', 'a']), None)
    _, hits = searcher.search(np.array([1.0, 0]), k=2, return_vector=True)
    assert [hit.vectors.tolist() for hit in hits] == [[3, 0], [1, 5]]


def test_remove_dups_keeps_the_best_of_a_docid(tmp_path):
    searcher = FaissSearcher(make_index(tmp_path / 'stock', [[1, 0], [5, 0], [3, 0], [2, 0]], 'abab'), None)
    query = np.array([1.0, 0])
    assert pairs(searcher.search(query, k=2, remove_dups=True)) == [('b', 5.0), ('a', 3.0)]
    assert [hit.docid for hit in searcher.search(query, k=4)] == ['b', 'a', 'b', 'a']


def test_repeats_are_replaced_by_the_next_best(tmp_path):
    """Also where they fill the first search: one docid has the hundred best vectors."""
    vectors = [[10 - number / 100, 0] for number in range(100)] + [[1 - number / 10, 0] for number in range(9)]
    searcher = FaissSearcher(make_index(tmp_path / 'stock', vectors, ['a'] * 100 + list('bcdefghij')), None)
    found = searcher.rankings(np.array([[1.0, 0]]), ['1'], 3)['1']
    assert pairs(found) == [('a', 10.0), ('b', 1.0), ('c', pytest.approx(0.9))]
    assert len(searcher.rankings(np.array([[1.0, 0]]), ['1'], 50)['1']) == searcher.distinct_docs == 10


def test_normalized_distances(tmp_path):
    searcher = FaissSearcher(make_index(tmp_path / 'stock', [[1, 0], [-1, 0]], 'ab'), None, normalize_distances=True)
    assert pairs(searcher.search(np.array([1.0, 0]))) == [('a', 1.0), ('b', 0.0)]


def test_query_vectors_that_do_not_fit(tiny_index, tmp_path, encoder):
    searcher = FaissSearcher(tiny_index, None)
    assert 'query vectors have shape (1, 31)' in refusal(searcher.search, np.ones(31))
    assert 'holds NaN or infinity' in refusal(searcher.search, np.full(32, np.nan))
    assert 'holds NaN or infinity' in refusal(searcher.batch_search, np.full((1, 32), np.inf), ['1'])
    small = make_index(tmp_path / 'stock', [[1, 0]], 'a')
    assert 'the encoder gives 32 dimensions' in refusal(FaissSearcher, small, encoder)
    assert 'has dimension 2' in refusal(FaissSearcher(small, encoder, check_encoder=False).search, 'ice')
    assert "faiss_device 'cuda'" in refusal(FaissSearcher, small, None, faiss_device='cuda')


def test_an_unsound_encoder_and_its_query_are_named(tiny_index, tiny_student, tmp_path, encoder, monkeypatch):
    unsound = copy.copy(encoder)
    unsound.encode_batch = lambda queries: np.array([[np.nan if 'ice' in query else 1] * 32 for query in queries])
    message = f"{tiny_student} gives query{{}} 'slow ice' a vector that holds NaN or infinity: this encoder is unsound"
    searcher = FaissSearcher(tiny_index, unsound)
    assert message.format('') in refusal(searcher.search, 'slow ice')
    assert message.format(' 8') in refusal(searcher.rankings, ['rock', 'slow ice'], ['7', '8'])
    monkeypatch.setattr('pyserini_tct.search.lucene._dense.LuceneVectors', lambda folder: None)
    lucene = LuceneDenseSearcher(tmp_path / 'index', unsound)
    assert message.format(' 8') in refusal(lucene.batch_search, ['rock', 'slow ice'], ['7', '8'])
    given = np.array([[1.0] * 32, [np.inf] * 32])
    found = refusal(searcher.batch_search, given, ['7', '8'])
    assert found == 'the vector of query 8 holds NaN or infinity: encode it again'
