# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Interpolation of a dense and a sparse list by the paper's rule: a missing passage takes that list's minimum score."""

from collections.abc import Mapping
from typing import NamedTuple


class HybridHit(NamedTuple):
    """A fused passage with what it was fused from; a side that did not retrieve it shows the imputed minimum."""

    docid: str
    score: float
    dense_score: float
    sparse_score: float
    in_dense: bool
    in_sparse: bool


def interpolate(
    dense: Mapping[str, float],
    sparse: Mapping[str, float],
    alpha: float = 0.1,
    k: int | None = None,
    normalization: bool = False,
    weight_on_dense: bool = False,
) -> list[HybridHit]:
    """Fuse two lists of one query: ``dense + alpha * sparse`` over the union of their passages.

    Args:
        dense: score of each docid that the dense side retrieved.
        sparse: the same of the sparse side.
        alpha: weight of the sparse scores (of the dense ones with ``weight_on_dense``).
        k: hits returned; ``None`` returns all.
        normalization: first map each list linearly to [-0.5, 0.5]; a list whose scores are all equal becomes 0.
        weight_on_dense: ``sparse + alpha * dense`` instead.

    Returns:
        Hits by score, ties by docid. Scores are of the lists as given, before normalisation.

    Source: castorini/tct_colbert ``retrieval/fuse.py`` and Pyserini's ``HybridSearcher._hybrid_results``, which this
    equals wherever theirs is defined (theirs orders ties by hash, and divides by zero when a list's scores are equal).

    Example:
        >>> [hit[:2] for hit in interpolate({'a': 3.0, 'b': 1.0}, {'b': 10.0, 'c': 5.0}, alpha=0.1)]
        [('a', 3.5), ('b', 2.0), ('c', 1.5)]
    """
    low_d, high_d = (min(dense.values()), max(dense.values())) if dense else (0.0, 1.0)
    low_s, high_s = (min(sparse.values()), max(sparse.values())) if sparse else (0.0, 1.0)
    hits = []
    for docid in {**dense, **sparse}:
        d, s = float(dense.get(docid, low_d)), float(sparse.get(docid, low_s))
        x, y = (_centred(d, low_d, high_d), _centred(s, low_s, high_s)) if normalization else (d, s)
        score = y + alpha * x if weight_on_dense else alpha * y + x
        hits.append(HybridHit(docid, score, d, s, docid in dense, docid in sparse))
    hits.sort(key=lambda hit: (-round(hit.score, 6), hit.docid))
    return hits[:k]


def _centred(score: float, low: float, high: float) -> float:
    return (score - (low + high) / 2) / (high - low) if high > low else 0.0
