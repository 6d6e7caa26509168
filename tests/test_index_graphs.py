# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A graph is searched with as many candidates as hits, whatever it is wrapped in, and without a change of the index."""

import faiss
import numpy as np
import pytest

from pyserini_tct.index import _graphs
from pyserini_tct.search.faiss import _engines

COUNT, K = 2_000, 300


def made(factory):
    index = faiss.index_factory(16, factory, faiss.METRIC_INNER_PRODUCT)
    vectors = np.random.default_rng(0).standard_normal((COUNT, 16), np.float32)
    index.train(vectors)
    index.add_with_ids(vectors, np.arange(COUNT)) if factory.startswith('IDMap') else index.add(vectors)
    return index, vectors


def share(found, exact):
    return np.mean([len(set(a) & set(b)) / K for a, b in zip(found, exact, strict=True)])


@pytest.mark.parametrize('factory', ['HNSW6,Flat', 'PCAR16,HNSW6,Flat', 'IDMap,HNSW6,Flat', 'IDMap2,HNSW6_SQ8'])
def test_it_is_what_faiss_finds_with_so_many(factory):
    """Against the parameter itself, set on the index."""
    index, vectors = made(factory)
    assert _graphs.candidates(index) == 16
    few = index.search(vectors[:20], K)[1]
    scores, rows = _graphs.search(index, vectors[:20], K)
    assert _graphs.candidates(index) == 16
    faiss.ParameterSpace().set_index_parameter(index, 'efSearch', K)
    expected = index.search(vectors[:20], K)
    np.testing.assert_array_equal(rows, expected[1])
    np.testing.assert_array_equal(scores, expected[0])
    exact = np.argsort(-vectors[:20] @ vectors.T, axis=1)[:, :K]
    assert share(rows, exact) > share(few, exact) + 0.1
    np.testing.assert_array_equal(_graphs.search(index, vectors[:20], 9)[1], index.search(vectors[:20], 9)[1])


def test_a_refined_graph_has_candidates_for_what_is_refined():
    index, vectors = made('HNSW6_SQ8,RFlat')
    here = faiss.downcast_index(index)
    here.k_factor = 3
    rows = _graphs.search(index, vectors[:20], K)[1]
    faiss.downcast_index(here.base_index).hnsw.efSearch = 3 * K
    np.testing.assert_array_equal(rows, index.search(vectors[:20], K)[1])


def test_other_kinds_are_searched_as_they_are():
    index, vectors = made('IVF8,Flat')
    assert _graphs.candidates(index) is None
    np.testing.assert_array_equal(_graphs.search(index, vectors[:9], K)[1], index.search(vectors[:9], K)[1])


def test_more_hits_than_candidates_are_told_once(capsys):
    index, vectors = made('HNSW6,Flat')
    _engines._tell.cache_clear()
    engine = _engines.engine_of([index, index])
    (few,) = engine.nearest(vectors[:1], 10)
    assert not capsys.readouterr().err
    (many,), _ = list(engine.nearest(vectors[:1], K)), list(engine.nearest(vectors[:1], K))
    assert capsys.readouterr().err == f'note: {K} hits need as many candidates: --ef-search is {K}, not 16\n'
    assert len(few[1]) >= 10
    assert len(many[1]) >= K
