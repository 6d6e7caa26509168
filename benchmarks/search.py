# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ours against stock Pyserini on pocket with all-MiniLM-L6-v2: search of few vectors, BM25."""

import tempfile
from pathlib import Path

from benchmarks._interleave import interleave, table
from pyserini_tct import _jvm
from pyserini_tct._files import data_dir
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.index.lucene import build_bm25
from pyserini_tct.models import student
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.lucene import BM25Searcher
from pyserini_tct.topics import read_topics

QUERIES = 32


def main() -> None:
    """Build the artefacts in a temporary folder and print the tables."""
    _jvm.prepare(quiet=True)
    from pyserini.encode import TctColBertQueryEncoder as StockQueries
    from pyserini.search.faiss import FaissSearcher as StockFaiss
    from pyserini.search.lucene import LuceneSearcher

    pocket = data_dir('prebuilt') / 'pocket'
    queries = list(read_topics(pocket / 'queries.test.tsv').values())[:QUERIES]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, 'tct_colbert-benchmark')
        student.load('sentence-transformers/all-MiniLM-L6-v2').save(folder)
        ours = TctColBertDocumentEncoder(folder, device='cpu')
        q_ours, q_stock = TctColBertQueryEncoder(folder), StockQueries(str(folder))
        encode_corpus(pocket / 'corpus.jsonl', Path(work, 'v'), ours)
        build_flat(Path(work, 'v'), Path(work, 'i'))
        build_bm25(pocket / 'corpus.jsonl', Path(work, 'b'))
        vectors, ids = q_ours.encode_batch(queries), [str(i) for i in range(len(queries))]
        f_ours, f_stock = FaissSearcher(Path(work, 'i'), q_ours), StockFaiss(str(Path(work, 'i')), q_stock)
        alternatives = {
            'stock': lambda: f_stock.batch_search(vectors, ids, 100),
            'ours': lambda: f_ours.batch_search(vectors, ids, 100),
        }
        table('flat search of vectors, k = 100', 'query', interleave(alternatives), len(queries))
        b_ours, b_stock = BM25Searcher(Path(work, 'b')), LuceneSearcher(str(Path(work, 'b')))

        def read(found: dict) -> list:  # Java's hits cost something only when they are read
            return [[(hit.docid, hit.score) for hit in found[qid]] for qid in ids]

        alternatives = {
            'stock': lambda: read(b_stock.batch_search(queries, ids, 100, 2)),
            'ours': lambda: read(b_ours.batch_search(queries, ids, 100, 2)),
        }
        table('BM25, k = 100, 2 threads', 'query', interleave(alternatives), len(queries))
