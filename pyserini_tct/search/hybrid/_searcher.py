# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dense and sparse search fused by the paper's rule, on Pyserini's interface; ties in docid order, both scores kept."""

from collections.abc import Sequence
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._interpolation import HybridHit, interpolate


class HybridSearcher:
    """Hybrid search with Pyserini's signature.

    Args:
        dense_searcher: anything with ``search`` and ``batch_search`` whose hits have ``docid`` and ``score``.
        sparse_searcher: the same for the sparse side, ours or Pyserini's ``LuceneSearcher``.
    """

    def __init__(self, dense_searcher: Any, sparse_searcher: Any) -> None:
        self.dense_searcher, self.sparse_searcher = dense_searcher, sparse_searcher

    def search(
        self,
        query: str,
        k0: int = 10,
        k: int = 10,
        alpha: float = 0.1,
        normalization: bool = False,
        weight_on_dense: bool = False,
    ) -> list[HybridHit]:
        """Fuse the ``k0`` best hits of each side, return the ``k`` best; see ``fusion.interpolate``."""
        return self._hybrid_results(
            self.dense_searcher.search(query, k0),
            self.sparse_searcher.search(query, k0),
            alpha,
            k,
            normalization,
            weight_on_dense,
        )

    def batch_search(
        self,
        queries: Sequence[str],
        q_ids: Sequence[str],
        k0: int = 10,
        k: int = 10,
        threads: int = 1,
        alpha: float = 0.1,
        normalization: bool = False,
        weight_on_dense: bool = False,
    ) -> dict[str, list[HybridHit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        dense = self.dense_searcher.batch_search(queries, q_ids, k0, threads)
        sparse = self.sparse_searcher.batch_search(queries, q_ids, k0, threads)
        return {
            qid: self._hybrid_results(dense[qid], sparse[qid], alpha, k, normalization, weight_on_dense)
            for qid in q_ids
        }

    @staticmethod
    def _hybrid_results(
        dense_results: Sequence[Any],
        sparse_results: Sequence[Any],
        alpha: float,
        k: int,
        normalization: bool = False,
        weight_on_dense: bool = False,
    ) -> list[HybridHit]:
        if k < 1:
            raise TctError(f'k = {k}: at least one hit is needed')
        return interpolate(
            {hit.docid: hit.score for hit in dense_results},
            {hit.docid: hit.score for hit in sparse_results},
            alpha,
            k,
            normalization,
            weight_on_dense,
        )
