# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers in an index that are not finite: such a passage is never found, by any query, and nothing says so.

Looked at is what a Faiss index stores as floats: flat vectors, also behind a graph or for a second look (refine), half
precision, and both in the cells of an inverted file.
"""

import sys
from typing import Any

import numpy as np

ROWS = 1 << 15  # looked at together


def not_finite(index: Any, most: int = sys.maxsize) -> int | None:
    """Return the first row found whose vector holds NaN or infinity, ``None`` if there is none.

    Args:
        index: Faiss index of any kind.
        most: bytes that are looked through; what has more is passed over.
    """
    import faiss

    here: Any = faiss.downcast_index(index)  # which lives as long as ``index``
    if isinstance(here, faiss.IndexHNSW):
        return not_finite(here.storage, most)
    if isinstance(here, faiss.IndexRefine):
        return not_finite(here.refine_index, most)
    if isinstance(here, faiss.IndexPreTransform):
        return not_finite(here.index, most)
    code = _code_of(here)
    if isinstance(here, faiss.IndexIVF):
        return _in_cells(here, code, most)
    if code is None or not here.ntotal or here.ntotal * here.code_size > most:
        return None
    return _first(faiss.rev_swig_ptr(here.codes.data(), here.ntotal * here.code_size), here.ntotal, code)


def _code_of(index: Any) -> str | None:
    """Return the type of the floats that an index keeps, ``None`` where it keeps other codes."""
    import faiss

    if isinstance(index, (faiss.IndexFlat, faiss.IndexIVFFlat)):
        return '<f4'
    if isinstance(index, (faiss.IndexScalarQuantizer, faiss.IndexIVFScalarQuantizer)):
        return {faiss.ScalarQuantizer.QT_fp16: '<f2', faiss.ScalarQuantizer.QT_bf16: 'bf16'}.get(index.sq.qtype)
    return None


def _in_cells(index: Any, code: str | None, most: int) -> int | None:
    import faiss

    lists = index.invlists
    sizes = [lists.list_size(cell) for cell in range(index.nlist)]
    if sum(sizes) < index.ntotal:  # Faiss counts a vector with NaN, but puts it in no cell
        held = np.zeros(index.ntotal, bool)
        for cell, size in enumerate(sizes):
            if size:
                held[faiss.rev_swig_ptr(lists.get_ids(cell), size)] = True
        return int(held.argmin())
    if code is None or index.ntotal * index.code_size > most:
        return None
    for cell, size in enumerate(sizes):
        if size:
            found = _first(faiss.rev_swig_ptr(lists.get_codes(cell), size * index.code_size), size, code)
            if found is not None:
                return int(faiss.rev_swig_ptr(lists.get_ids(cell), size)[found])
    return None


def _first(codes: np.ndarray, count: int, code: str) -> int | None:
    """Return the first of ``count`` vectors that is not finite; ``codes``: their bytes."""
    stored = codes.view('<u2' if code == 'bf16' else code).reshape(count, -1)
    for start in range(0, count, ROWS):
        block = stored[start : start + ROWS]
        # an exponent of ones is infinity or NaN
        finite = ((block & 0x7F80) != 0x7F80 if code == 'bf16' else np.isfinite(block)).all(axis=1)
        if not finite.all():
            return start + int(finite.argmin())
    return None


def looks_at_all(index: Any) -> bool:
    """Tell whether a search compares every vector, so that it finds fewer only where scores are not finite."""
    import faiss

    here = faiss.downcast_index(index)  # which lives as long as ``index``
    if isinstance(here, faiss.IndexPreTransform):
        return looks_at_all(here.index)
    if isinstance(here, faiss.IndexIVF):
        return bool(here.nprobe >= here.nlist)
    return isinstance(here, (faiss.IndexScalarQuantizer, faiss.IndexPQ))
