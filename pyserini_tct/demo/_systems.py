# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of the demo's table: each system searched query by query, timed, and scored; alpha is tuned on dev."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _atomic, runs
from pyserini_tct._stages import index_bytes
from pyserini_tct.eval import evaluate, parse_measures
from pyserini_tct.fusion import interpolate, tune
from pyserini_tct.models import colbert
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.lucene import BM25Searcher
from pyserini_tct.search.rerank import MaxSimReranker
from pyserini_tct.topics import read_qrels, read_topics

HITS, SIDE, RERANKED, WARM_UP = 100, 1000, 50, 5  # SIDE: hits of each side of a fusion, as in search.hybrid
UNTUNED = 0.1  # Pyserini's default alpha
MEASURES = ('RR@10', 'nDCG@10', 'R@100')
BASELINE = 'bi-encoder (no distillation)'
Search = Callable[[str], Sequence[Any]]


class Row(NamedTuple):
    """A row of the table: means, scores by query, median milliseconds of a query, bytes of what is searched."""

    name: str
    scores: dict[str, float]
    per_query: dict[str, dict[str, float]]
    ms: float
    index_bytes: int
    passages: int


class Bench:
    """Searches the test topics with one system after another.

    Args:
        work: the demo's folder; runs go to ``runs/``.
        pocket: the collection.
    """

    def __init__(self, work: Path, pocket: Path) -> None:
        self.work, self.rows = work, list[Row]()
        self.topics = {split: read_topics(pocket / f'queries.{split}.tsv') for split in ('dev', 'test')}
        self.qrels = {split: read_qrels(pocket / f'qrels.{split}.txt') for split in ('dev', 'test')}
        self.measures = parse_measures(MEASURES)

    def add(self, name: str, search: Search, index_bytes: int, passages: int) -> None:
        """Search the test topics one by one, warm; write the run, score it and keep the row."""
        topics = self.topics['test']
        for query in list(topics.values())[:WARM_UP]:
            search(query)
        found, seconds = {}, []
        for qid, query in topics.items():
            started = time.perf_counter()
            found[qid] = search(query)
            seconds.append(time.perf_counter() - started)
        path = self.work / 'runs' / f'{slug(name)}.test.trec'
        runs.write_run(path, found, slug(name), hits=HITS)
        scores = evaluate(self.qrels['test'], runs.read_run(path), self.measures)
        ms = 1000 * statistics.median(seconds)
        self.rows.append(Row(name, scores.mean, scores.per_query, ms, index_bytes, passages))

    def tuned_alpha(self, name: str, dense: Search, sparse: Search) -> dict[str, Any]:
        """Tune alpha on the dev topics and keep the curve in ``alpha.NAME.json``."""
        sides = []
        for search in (dense, sparse):
            run = {qid: {hit.docid: float(hit.score) for hit in search(q)} for qid, q in self.topics['dev'].items()}
            sides.append(run)
        found = tune(sides[0], sides[1], self.qrels['dev'], 'RR@10')
        _atomic.write_json(self.work / f'alpha.{slug(name)}.json', found)
        return found


def slug(name: str) -> str:
    """Return a row's name as part of a file name."""
    return '-'.join(''.join(letter if letter.isalnum() else ' ' for letter in name.lower()).split())


def measure(work: Path, pocket: Path) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Search with every system of the table.

    Returns:
        The rows, and the tuned alphas with their curves by the name of the system.
    """
    bench = Bench(work, pocket)
    bm25, doc2query = BM25Searcher(work / 'bm25'), BM25Searcher(work / 'doc2query')
    dense = {
        name: FaissSearcher(work / f'index-{name}', str(work / f'tct_colbert-{name}'))
        for name in ('untrained', 'none', 'loose', 'tight')
    }
    count = dense['tight'].num_docs
    from pyserini_tct.collection import read_corpus

    reranker = MaxSimReranker(
        colbert.load(work / 'colbert'), read_corpus(pocket / 'corpus.jsonl'), work / 'tokens', reuse=True
    )
    bytes_of = {name: index_bytes(work / name) for name in ('bm25', 'doc2query', 'index-tight')}

    def to(searcher: Any, hits: int = HITS) -> Search:
        return lambda query: searcher.search(query, hits)

    def hybrid(dense_side: Search, sparse: Search, alpha: float) -> Search:
        def search(query: str) -> Sequence[Any]:
            sides = [{hit.docid: hit.score for hit in side(query)} for side in (dense_side, sparse)]
            return interpolate(sides[0], sides[1], alpha, HITS)

        return search

    def reranked(first: Search) -> Search:
        return lambda query: reranker.rerank_run({hit.docid: hit.score for hit in first(query)}, query, RERANKED)

    bench.add('BM25', to(bm25), bytes_of['bm25'], count)
    bench.add('BM25 + doc2query', to(doc2query), bytes_of['doc2query'], count)
    names = {
        'untrained': 'untrained student',
        'none': BASELINE,
        'loose': 'student, loose',
        'tight': 'TCT-ColBERT (tight)',
    }
    for key, name in names.items():
        bench.add(name, to(dense[key]), index_bytes(work / f'index-{key}'), count)
    both = bytes_of['index-tight'] + bytes_of['bm25']  # every student's index has the same size
    bench.add('untrained student + BM25', hybrid(to(dense['untrained'], SIDE), to(bm25, SIDE), UNTUNED), both, count)
    tokens = bytes_of['bm25'] + reranker.store.nbytes
    bench.add('BM25 + MaxSim (ColBERT two-stage)', reranked(to(bm25)), tokens, count)
    alphas, tight = {}, to(dense['tight'], SIDE)
    for sparse_name, sparse in (('BM25', to(bm25, SIDE)), ('doc2query', to(doc2query, SIDE))):
        name = f'TCT-ColBERT + {sparse_name}'
        alphas[name] = bench.tuned_alpha(name, tight, sparse)
        both = bytes_of['index-tight'] + bytes_of[sparse_name.lower()]
        bench.add(name, hybrid(tight, sparse, alphas[name]['alpha']), both, count)
    name = 'TCT-ColBERT + doc2query'
    last = reranked(hybrid(tight, to(doc2query, SIDE), alphas[name]['alpha']))
    everything = bytes_of['index-tight'] + bytes_of['doc2query'] + reranker.store.nbytes
    bench.add(f'{name} + MaxSim', last, everything, count)
    return bench.rows, alphas
