# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Milliseconds of single queries, warm, by stage: encode the query, search, fuse, re-rank, one after the other."""

import contextlib
import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pyserini_tct.compare._plan import SPARSE_OF, SYSTEMS, Plan
from pyserini_tct.fusion import interpolate
from pyserini_tct.runs import Hit

WARM_UP = 5
STAGES = ('encode query', 'search', 'fuse', 're-rank')


class Clock:
    """Adds up the seconds of each stage of one query."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time as that of a stage."""
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started


Search = Callable[[str, Clock], Sequence[Any]]


class Searchers:
    """The systems as functions of a query and a clock; each index and model is opened once.

    Args:
        plan: whose indexes are there.
        alphas: of the hybrids.
    """

    def __init__(self, plan: Plan, alphas: dict[str, float]) -> None:
        self.plan, self.settings, self.alphas = plan, plan.settings, alphas

    def of(self, system: str) -> Search:
        """Return a system's search; it gives what the system's command writes."""
        if system in SPARSE_OF:
            return self._hybrid(self._dense('flat'), self._sparse(SPARSE_OF[system]), self.alphas[system])
        if system in ('dense', 'dense-hnsw'):
            return self._dense(SYSTEMS[system].indexes[0])
        if system in ('bm25', 'doc2query'):
            return self._sparse(system)
        if system == 'colbert-e2e':
            return self._late()
        reranker = self._cross if system == 'bm25-cross' else self._maxsim
        return self._reranked(self.of('hybrid' if system == 'hybrid-maxsim' else 'bm25'), reranker)

    def _sparse(self, index: str) -> Search:
        searcher = self._lucene(index)

        def search(query: str, clock: Clock) -> Sequence[Any]:
            with clock.stage('search'):
                return searcher.search(query, self.settings.hits)

        return search

    def _dense(self, index: str) -> Search:
        searcher = self._faiss(index)

        def search(query: str, clock: Clock) -> Sequence[Any]:
            with clock.stage('encode query'):
                vector = self._encoder.encode(query)
            with clock.stage('search'):
                return searcher.search(vector, self.settings.hits)

        return search

    def _late(self) -> Search:
        from pyserini_tct.search.colbert import ColbertSearcher
        from pyserini_tct.search.rerank._maxsim import encode_queries

        searcher = ColbertSearcher(self.plan.index('colbert-index'), self._teacher, precision=self.settings.precision)

        def search(query: str, clock: Clock) -> Sequence[Any]:
            with clock.stage('encode query'):
                tokens = encode_queries(searcher.model, [query], searcher.precision)
            with clock.stage('search'):
                (rows,) = searcher.candidate_rows(tokens)
            with clock.stage('re-rank'):
                return searcher.scored_hits(tokens, rows, self.settings.hits)

        return search

    def _hybrid(self, dense: Search, sparse: Search, alpha: float) -> Search:
        def search(query: str, clock: Clock) -> Sequence[Any]:
            found = [side(query, clock) for side in (dense, sparse)]
            with clock.stage('fuse'):
                sides = [{hit.docid: hit.score for hit in hits} for hits in found]
                return interpolate(sides[0], sides[1], alpha, self.settings.hits)

        return search

    def _reranked(self, first: Search, reranker: Any) -> Search:
        def search(query: str, clock: Clock) -> Sequence[Any]:
            run = {hit.docid: hit.score for hit in first(query, clock)}
            with clock.stage('re-rank'):
                found: list[Hit] = reranker.rerank_run(run, query, self.settings.depth)
                return found

        return search

    @functools.cache  # noqa: B019 - as long as this object
    def _lucene(self, index: str) -> Any:
        from pyserini_tct.search.lucene import BM25Searcher

        return BM25Searcher(self.plan.index(index))

    @functools.cache  # noqa: B019
    def _faiss(self, index: str) -> Any:
        from pyserini_tct.search.faiss import FaissSearcher

        return FaissSearcher(self.plan.index(index), self._encoder)

    @functools.cached_property
    def _encoder(self) -> Any:
        from pyserini_tct import _env
        from pyserini_tct.encode import TctColBertQueryEncoder

        device = _env.device_of(self.settings.device)
        return TctColBertQueryEncoder(self.settings.student, device=device, precision=self.settings.precision)

    @functools.cached_property
    def _passages(self) -> list[Any]:
        from pyserini_tct.collection import read_corpus

        return list(read_corpus(self.plan.collection.corpus))

    @functools.cached_property
    def _teacher(self) -> Any:
        from pyserini_tct.models import colbert

        return colbert.load(str(self.settings.teacher), self.settings.device)

    @functools.cached_property
    def _maxsim(self) -> Any:
        from pyserini_tct.models.tokens import PassageTokens
        from pyserini_tct.search.rerank import StoredReranker

        return StoredReranker(self._teacher, PassageTokens(self.plan.index('tokens')), self.settings.precision)

    @functools.cached_property
    def _cross(self) -> Any:
        from pyserini_tct.models import cross
        from pyserini_tct.search.rerank import CrossReranker

        model = cross.load(str(self.settings.cross), self.settings.device)
        return CrossReranker(model, self._passages, self.settings.precision)


def measure(search: Search, queries: Sequence[str]) -> dict[str, Any]:
    """Time a search query by query, after a warm-up with the first ones.

    Returns:
        ``queries`` and ``warm_up`` (counts); ``mean``, ``p50``, ``p99`` in milliseconds a query; ``stages``, the mean
        milliseconds of each of :data:`STAGES` that the system has.
    """
    for query in queries[:WARM_UP]:
        search(query, Clock())
    total, stages = [], defaultdict(list)
    for query in queries:
        clock, started = Clock(), time.perf_counter()
        search(query, clock)
        total.append(time.perf_counter() - started)
        for name, seconds in clock.seconds.items():
            stages[name].append(seconds)
    p50, p99 = np.percentile(total, [50, 99])
    return {
        'queries': len(queries),
        'warm_up': min(WARM_UP, len(queries)),
        **{name: 1000 * float(value) for name, value in (('mean', np.mean(total)), ('p50', p50), ('p99', p99))},
        'stages': {name: 1000 * float(np.mean(stages[name])) for name in STAGES if name in stages},
    }
