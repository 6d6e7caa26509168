# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dense and sparse search fused by the paper's rule, on Pyserini's interface; both sides are searched at once.

Ties are in docid order, and hits keep scores and ranks of both sides.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._hits import HybridHit, hybrid_hits
from pyserini_tct.fusion._rule import Rule, alpha_rule


class HybridSearcher:
    """Hybrid search with Pyserini's signature.

    Args:
        dense_searcher: anything with ``search`` and ``batch_search`` whose hits have ``docid`` and ``score``.
        sparse_searcher: the same for the sparse side, ours or Pyserini's ``LuceneSearcher``.
        rule: another fusion rule; it replaces ``alpha``, ``normalization`` and ``weight_on_dense`` of the searches.
        dense_hits: hits taken from the dense side, instead of ``k0``.
        sparse_hits: the same of the sparse side.
        concurrent: search the dense side in a thread of its own, while the calling thread searches the sparse side.
            The results are the same.
    """

    def __init__(
        self,
        dense_searcher: Any,
        sparse_searcher: Any,
        rule: Rule | None = None,
        dense_hits: int | None = None,
        sparse_hits: int | None = None,
        concurrent: bool = True,
    ) -> None:
        self.dense_searcher, self.sparse_searcher = dense_searcher, sparse_searcher
        self.rule, self.dense_hits, self.sparse_hits = rule, dense_hits, sparse_hits
        self._thread = ThreadPoolExecutor(1, 'dense') if concurrent else None
        if rule:
            rule.check_lists(2)

    def search(
        self,
        query: str,
        k0: int = 10,
        k: int = 10,
        alpha: float = 0.1,
        normalization: bool | str = False,
        weight_on_dense: bool = False,
    ) -> list[HybridHit]:
        """Fuse the ``k0`` best hits of each side, return the ``k`` best; see ``fusion.interpolate``."""
        rule = self.rule or alpha_rule(alpha, normalization, weight_on_dense)
        dense, sparse = self._both(
            lambda: self.dense_searcher.search(query, self.dense_hits or k0),
            lambda: self.sparse_searcher.search(query, self.sparse_hits or k0),
        )
        return _fused(dense, sparse, rule, k)

    def batch_search(
        self,
        queries: Sequence[str],
        q_ids: Sequence[str],
        k0: int = 10,
        k: int = 10,
        threads: int = 1,
        alpha: float = 0.1,
        normalization: bool | str = False,
        weight_on_dense: bool = False,
    ) -> dict[str, list[HybridHit]]:
        """Return ``{qid: hits}``; ``threads`` are those of each side; see :meth:`search`."""
        rule = self.rule or alpha_rule(alpha, normalization, weight_on_dense)
        dense, sparse = self._both(
            lambda: self.dense_searcher.batch_search(queries, q_ids, self.dense_hits or k0, threads),
            lambda: self.sparse_searcher.batch_search(queries, q_ids, self.sparse_hits or k0, threads),
        )
        return {qid: _fused(dense[qid], sparse[qid], rule, k) for qid in q_ids}

    def _both(self, dense: Callable[[], Any], sparse: Callable[[], Any]) -> tuple[Any, Any]:
        """Search both sides; the calling thread, which may have started the JVM, takes the sparse one."""
        if self._thread is None:
            return dense(), sparse()
        pending = self._thread.submit(dense)
        try:
            found = sparse()
        finally:
            pending.exception()  # waits
        return pending.result(), found


def _fused(dense: Sequence[Any], sparse: Sequence[Any], rule: Rule, k: int) -> list[HybridHit]:
    if k < 1:
        raise TctError(f'k = {k}: at least one hit is needed')
    return hybrid_hits(_scores(dense), _scores(sparse), rule, k)


def _scores(hits: Sequence[Any]) -> dict[str, float]:
    """Return the score of each docid; of a document that an index holds several times, the best."""
    scores = {hit.docid: hit.score for hit in hits}
    if len(scores) < len(hits):
        for hit in hits:
            scores[hit.docid] = max(scores[hit.docid], hit.score)
    return scores
