# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ours equals stock Pyserini: vectors, dense search, fusion and BM25."""

import numpy as np
import pytest
from conftest import command

from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.fusion import interpolate
from pyserini_tct.runs import read_run
from pyserini_tct.search.faiss import FaissSearcher


@pytest.mark.parametrize('name', ['tiny', 'minilm'])
def test_vectors_equal_stock(stock, name):
    """A difference in a prefix, the padding or the pooling would only show as slightly worse scores."""
    job, folder = stock['job'], stock['job']['models'][name]
    documents = TctColBertDocumentEncoder(folder, device='cpu', batch_size=5)
    queries = TctColBertQueryEncoder(folder)
    for kind, ours in (
        ('texts', documents.encode(job['texts'])),
        ('titled', documents.encode(job['texts'], titles=job['titles'])),
        ('queries', queries.encode_batch(job['queries'])),
    ):
        assert np.abs(ours - np.load(stock['out'] / f'{name}.{kind}.npy')).max() <= 1e-5, kind


def test_dense_search_equals_stock(stock):
    searcher = FaissSearcher(stock['job']['faiss'], stock['job']['faiss_encoder'])
    for query, expected in stock['dense'].items():
        found = searcher.search(query, 5)
        assert [hit.score for hit in found] == pytest.approx([score for _, score in expected], abs=1e-4)
        assert {hit.docid for hit in found} == {docid for docid, _ in expected}


def test_fusion_equals_stock(stock):
    for lists, expected in zip(stock['job']['lists'], stock['fused'], strict=True):
        found = interpolate(
            dict(lists['dense']),
            dict(lists['sparse']),
            lists['alpha'],
            50,
            lists['normalization'],
            lists['weight_on_dense'],
        )
        # As a dictionary: what both sides impute can be equal, and stock leaves the order of equal scores to a hash.
        assert {hit.docid: hit.score for hit in found} == pytest.approx(dict(expected), abs=1e-6)
        assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_bm25_equals_stock(stock, bm25_index, tmp_path):
    queries = {str(i): query for i, query in enumerate(stock['job']['queries'])}
    (tmp_path / 'topics.tsv').write_text(
        ''.join(f'{qid}\t{query.strip()}\n' for qid, query in queries.items()), encoding='utf-8'
    )
    done = command(
        'pyserini_tct.search.lucene',
        '--index',
        bm25_index,
        '--topics',
        tmp_path / 'topics.tsv',
        '--output',
        tmp_path / 'run',
        '--hits',
        10,
    )
    assert done.returncode == 0, done.stderr
    assert 'k1=0.9 b=0.4' in done.stdout
    run = read_run(tmp_path / 'run')
    for qid, query in queries.items():
        assert list(run.get(qid, {}).items()) == [
            (docid, pytest.approx(score, abs=1e-4)) for docid, score in stock['bm25'][query]
        ]
