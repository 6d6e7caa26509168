# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The lists of one query over the union of their passages, ready to be fused by one rule or by many."""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._rule import Rule

WRITTEN = 6  # decimals of a score in a run file, and so what a tie is


class Pool:
    """The lists of one query.

    Args:
        size: passages of the union.
        positions: places of each list's hits in the union, best first (by score, ties by docid).
        scores: of each whole list, best first; more than there are positions where a depth cut the list.
        names: from places in the union to their docids.
        by_docid: gives all places in the order of their docids; asked when there is a tie.
    """

    def __init__(
        self,
        size: int,
        positions: list[np.ndarray],
        scores: list[np.ndarray],
        names: Callable[[np.ndarray], list[str]],
        by_docid: Callable[[], np.ndarray],
    ) -> None:
        self.size, self.positions, self.scores, self.names = size, positions, scores, names
        self._order_by_docid = by_docid

    def fuse(self, rule: Rule, k: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return places in the union of the ``k`` best passages, ties by docid, and their fused scores."""
        scores = rule.fused(self.size, self.positions, self.scores)
        best = self._best(scores, k, rule.decimals)
        return best, scores[best]

    def run(self, rule: Rule, k: int | None = None) -> dict[str, float]:
        """Return ``{docid: fused score}`` of the ``k`` best passages, best first."""
        best, scores = self.fuse(rule, k)
        return dict(zip(self.names(best), scores.tolist(), strict=True))

    def _best(self, scores: np.ndarray, k: int | None, decimals: int) -> np.ndarray:
        if not self.size:
            return np.arange(0)
        below = np.rint(scores * -(10.0**decimals))
        if 'by_docid' not in self.__dict__:
            kept = np.arange(self.size)
            if k is not None and k < self.size:
                kept = np.flatnonzero(below <= np.partition(below, k - 1)[k - 1])
            order = kept[np.argsort(below[kept])]
            if (np.diff(below[order]) != 0).all():
                return order[:k]
        return self.by_docid[np.argsort(below[self.by_docid], kind='stable')][:k]

    @functools.cached_property
    def by_docid(self) -> np.ndarray:
        """All places of the union in the order of their docids; worked out when it is asked for."""
        return self._order_by_docid()


def pool_lists(lists: Sequence[Mapping[str, float]], depth: int | None = None) -> Pool:
    """Pool the lists of one query, one mapping from docid to score a run, in any order.

    Args:
        lists: of each run.
        depth: best hits of each list that are fused; ``None``: all. A normalisation sees the whole list.

    Raises:
        TctError: a score is not finite.
    """
    ranked = [_ranked(scores) for scores in lists]
    cut = [docids[:depth] for docids, _ in ranked]
    first = cut[0] if cut else []
    place = dict(zip(first, range(len(first)), strict=True))
    positions = [np.arange(len(first))]
    for docids in cut[1:]:
        new = [docid for docid in docids if docid not in place]
        place.update(zip(new, range(len(place), len(place) + len(new)), strict=True))
        positions.append(np.fromiter(map(place.__getitem__, docids), np.intp, len(docids)))
    union = list(place)
    return Pool(
        len(union),
        positions,
        [scores for _, scores in ranked],
        lambda places: list(map(union.__getitem__, places.tolist())),
        lambda: np.array(sorted(range(len(union)), key=union.__getitem__), np.intp),
    )


def in_order(scores: np.ndarray) -> bool:
    """Tell whether each score, as written, is below the one before: then no tie is to be settled."""
    written = np.rint(scores * 10.0**WRITTEN)
    return bool((written[1:] < written[:-1]).all())


def _ranked(found: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """Return docids and scores of a list, best first, ties by docid."""
    docids, scores = list(found), np.fromiter(found.values(), np.float64, len(found))
    if not np.isfinite(scores).all():
        bad = int(np.isfinite(scores).argmin())
        raise TctError(f'document {docids[bad]} has the score {scores[bad]}: make the run again')
    if not in_order(scores):
        keys = list(zip((-np.rint(scores * 10.0**WRITTEN)).tolist(), docids, strict=True))
        order = sorted(range(len(docids)), key=keys.__getitem__)
        docids, scores = [docids[i] for i in order], scores[order]
    return docids, scores
