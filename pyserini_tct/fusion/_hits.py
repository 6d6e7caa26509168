# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of the lists of one query; hits of a dense and a sparse list say what they were fused from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pyserini_tct.fusion._pool import pool_lists
from pyserini_tct.fusion._rule import Rule, alpha_rule
from pyserini_tct.runs import Hit


class HybridHit(NamedTuple):
    """A fused passage: scores and ranks (from 1) of both sides.

    A side that did not retrieve the passage has no rank, and its score is what the rule put in its place.
    """

    docid: str
    score: float
    dense_score: float
    sparse_score: float
    in_dense: bool
    in_sparse: bool
    dense_rank: int | None
    sparse_rank: int | None


def interpolate(
    dense: Mapping[str, float],
    sparse: Mapping[str, float],
    alpha: float = 0.1,
    k: int | None = None,
    normalization: bool | str = False,
    weight_on_dense: bool = False,
    missing: str = 'min',
) -> list[HybridHit]:
    """Fuse two lists of one query: ``dense + alpha * sparse`` over the union of their passages.

    Args:
        dense: score of each docid that the dense side retrieved.
        sparse: the same of the sparse side.
        alpha: weight of the sparse scores (of the dense ones with ``weight_on_dense``).
        k: hits returned; ``None`` returns all.
        normalization: of each list first: ``none``, ``min-max`` (to 0 and 1), ``z-score``, or ``centred`` (to -0.5 and
            0.5), which ``True`` means, as in Pyserini.
        weight_on_dense: ``sparse + alpha * dense`` instead.
        missing: what a passage gets from a list that lacks it: ``min``, that list's lowest score, or ``zero``.

    Returns:
        Hits by score, ties by docid. Scores of the sides are those of the lists as given, before normalisation.

    Raises:
        TctError: an unknown name, or a number that is not finite.

    Source: castorini/tct_colbert ``retrieval/fuse.py`` and Pyserini's ``HybridSearcher._hybrid_results``, which this
    equals wherever theirs is defined (theirs orders ties by hash, and divides by zero when a list's scores are equal).

    Example:
        >>> [hit[:2] for hit in interpolate({'a': 3.0, 'b': 1.0}, {'b': 10.0, 'c': 5.0}, alpha=0.1)]
        [('a', 3.5), ('b', 2.0), ('c', 1.5)]
    """
    return hybrid_hits(dense, sparse, alpha_rule(alpha, normalization, weight_on_dense, missing), k)


def reciprocal_rank(
    lists: Sequence[Mapping[str, float]], rrf_k: int = 60, k: int | None = None, depth: int | None = None
) -> list[Hit]:
    """Fuse two or more lists of one query by their ranks alone: the sum of ``1 / (rrf_k + rank)``.

    Args:
        lists: score of each docid, in any order; ranks are those of the scores, ties by docid.
        rrf_k: the larger, the less the first ranks weigh.
        k: hits returned; ``None`` returns all.
        depth: best hits of each list that count; ``None``: all.

    Returns:
        Hits by score, ties by docid.

    Raises:
        TctError: fewer than two lists, or a number out of range.

    Source: Cormack, Clarke and Büttcher, SIGIR 2009.

    Example:
        >>> [hit.docid for hit in reciprocal_rank([{'a': 3.0, 'b': 1.0}, {'b': 10.0, 'c': 5.0}])]
        ['b', 'a', 'c']
    """
    rule = Rule('rrf', rrf_k=rrf_k)
    rule.check_lists(len(lists))
    return [Hit(*pair) for pair in pool_lists(lists, depth).run(rule, k).items()]


def hybrid_hits(
    dense: Mapping[str, float], sparse: Mapping[str, float], rule: Rule, k: int | None = None
) -> list[HybridHit]:
    """Fuse a dense and a sparse list of one query by any rule; see :func:`interpolate`."""
    pooled = pool_lists([dense, sparse])
    best, scores = pooled.fuse(rule, k)
    sides = [_side(*side, pooled.size, best, rule) for side in zip(pooled.positions, pooled.scores, strict=True)]
    columns = [column for kind in zip(*sides, strict=True) for column in kind]
    return list(map(HybridHit._make, zip(pooled.names(best), scores.tolist(), *columns, strict=True)))


def _side(
    at: np.ndarray, raw: np.ndarray, size: int, best: np.ndarray, rule: Rule
) -> tuple[list[float], list[bool], list[int | None]]:
    """Return scores, whether retrieved, and ranks of the ``best`` passages on one side."""
    scores = np.full(size, raw[-1] if rule.missing == 'min' and len(raw) else 0.0)
    ranks = np.zeros(size, np.intp)
    scores[at], ranks[at] = raw, np.arange(1, len(at) + 1)
    found = ranks[best]
    return scores[best].tolist(), (found > 0).tolist(), [rank or None for rank in found.tolist()]
