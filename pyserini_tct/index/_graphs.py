# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Search of graphs in Faiss with as many candidates as hits.

Faiss ends the search of a graph once ``efSearch`` candidates are better than all that is left to look at, however many
hits are wanted: of 100,000 real vectors it found 0.29 of the best 1,000 with 64 candidates, and 0.82 with 1,000
(docs/indexes.md).
"""

import math
from typing import Any

import numpy as np


def candidates(index: Any) -> int | None:
    """Return how many candidates a search of an index keeps, ``None`` where there is no graph.

    Example:
        >>> import faiss
        >>> [candidates(faiss.index_factory(8, name)) for name in ('HNSW9,Flat', 'PCA4,HNSW9,Flat,RFlat', 'Flat')]
        [16, 16, None]
    """
    import faiss

    here = faiss.downcast_index(index)  # which lives as long as ``index``
    if isinstance(here, (faiss.IndexPreTransform, faiss.IndexIDMap, faiss.IndexIDMap2)):
        return candidates(here.index)
    if isinstance(here, faiss.IndexRefine):
        return candidates(here.base_index)
    return here.hnsw.efSearch if isinstance(here, faiss.IndexHNSW) else None


def search(index: Any, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and rows, ``(Q, k)``, as ``index.search`` does; a graph keeps at least ``k`` candidates.

    Args:
        index: any kind of Faiss index.
        queries: float32 ``(Q, dimension)``.
        k: hits a query.
    """
    import faiss

    library: Any = faiss  # its type hints lack these classes
    least, here = candidates(index), faiss.downcast_index(index)
    if least is None:
        parameters = None
    elif isinstance(here, faiss.IndexRefine):
        inner = library.SearchParametersHNSW(efSearch=max(least, math.ceil(k * here.k_factor)))
        parameters = library.IndexRefineSearchParameters(k_factor=here.k_factor, base_index_params=inner)
    else:
        parameters = library.SearchParametersHNSW(efSearch=max(least, k))
    scores, rows = index.search(queries, k, params=parameters)
    return scores, rows
