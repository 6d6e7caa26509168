# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Type and parameters of a Faiss index as its file has them, under the names of ``index.faiss``."""

from typing import Any


def parameters_of(index: Any) -> dict[str, int]:
    """Return the parameters of an index, also of the index that it wraps; those of another name are left out.

    Example:
        >>> import faiss
        >>> parameters_of(faiss.index_factory(8, 'OPQ4,IVF2,PQ4x6', faiss.METRIC_INNER_PRODUCT))
        {'pq_m': 4, 'pq_nbits': 6, 'nlist': 2, 'nprobe': 1}
        >>> parameters_of(faiss.index_factory(8, 'HNSW12,Flat', faiss.METRIC_INNER_PRODUCT))
        {'m': 12, 'ef_construction': 40, 'ef_search': 16}
    """
    import faiss

    here = faiss.downcast_index(index)  # which lives as long as ``index``
    if isinstance(here, faiss.IndexPreTransform):
        return parameters_of(here.index)
    if isinstance(here, faiss.IndexRefine):
        return {**parameters_of(here.base_index), 'refine': int(here.k_factor)}
    found: dict[str, int] = {}
    if isinstance(here, faiss.IndexHNSW):
        graph: Any = here.hnsw
        # of the upper levels: the lowest has twice as many links
        found = {'m': graph.nb_neighbors(1), 'ef_construction': graph.efConstruction, 'ef_search': graph.efSearch}
        return {**found, **parameters_of(here.storage)}
    if hasattr(here, 'pq'):
        found |= {'pq_m': here.pq.M, 'pq_nbits': here.pq.nbits}
    if isinstance(here, faiss.IndexIVF):
        found |= {'nlist': here.nlist, 'nprobe': here.nprobe}
    return found


def type_of(index: Any) -> str | None:
    """Return the type that ``index.faiss`` has for an index, ``None`` for any other.

    Example:
        >>> import faiss
        >>> [type_of(faiss.index_factory(8, name)) for name in ('SQ8', 'OPQ4,PQ4', 'PCA4,PQ4', 'PQ4x4fs,RFlat')]
        ['sq8', 'opq', None, 'fastscan']
    """
    import faiss

    here = faiss.downcast_index(index)  # which lives as long as ``index``
    if isinstance(here, faiss.IndexScalarQuantizer):
        return {faiss.ScalarQuantizer.QT_fp16: 'fp16', faiss.ScalarQuantizer.QT_8bit: 'sq8'}.get(here.sq.qtype)
    if isinstance(here, faiss.IndexPreTransform):
        chain: Any = here.chain
        first: Any = faiss.downcast_VectorTransform(chain.at(0))
        # Faiss reads OPQ back as any linear map; principal components have a bias, random rotations a class
        learned = type(first) in (faiss.LinearTransform, faiss.OPQMatrix) and not first.have_bias
        return 'opq' if learned and type_of(here.index) == 'pq' else None
    if isinstance(here, faiss.IndexRefine):
        return 'fastscan' if isinstance(faiss.downcast_index(here.base_index), faiss.IndexPQFastScan) else None
    kinds = {'IndexPQ': 'pq', 'IndexIVFFlat': 'ivf', 'IndexHNSWFlat': 'hnsw', 'IndexHNSWPQ': 'hnswpq'}
    return 'flat' if isinstance(here, faiss.IndexFlat) else kinds.get(type(here).__name__)
