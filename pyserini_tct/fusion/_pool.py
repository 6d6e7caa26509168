# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The lists of one query over the union of their passages, ready to be fused by one rule or by many."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._rule import Rule

WRITTEN = 6  # decimals of a score in a run file, and so what a tie is


class Pool:
    """The lists of one query.

    Args:
        lists: score of each docid, one mapping a run, in any order.
        depth: best hits of each list that are fused; ``None``: all. A normalisation sees the whole list.

    Raises:
        TctError: a score is not finite.

    Attributes:
        docids: the union, in no particular order.
        positions: places of each list's hits in the union, best first (by score, ties by docid).
        scores: of each whole list, best first.
    """

    def __init__(self, lists: Sequence[Mapping[str, float]], depth: int | None = None) -> None:
        ranked = [_ranked(scores) for scores in lists]
        self.scores = [scores for _, scores in ranked]
        cut = [docids[:depth] for docids, _ in ranked]
        first = cut[0] if cut else []
        place = dict(zip(first, range(len(first)), strict=True))
        self.positions = [np.arange(len(first))]
        for docids in cut[1:]:
            new = [docid for docid in docids if docid not in place]
            place.update(zip(new, range(len(place), len(place) + len(new)), strict=True))
            self.positions.append(np.fromiter(map(place.__getitem__, docids), np.intp, len(docids)))
        self.docids = list(place)

    def fuse(self, rule: Rule, k: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return places in the union of the ``k`` best passages, ties by docid, and their fused scores."""
        scores = rule.fused(len(self.docids), self.positions, self.scores)
        best = self._best(scores, k, rule.decimals)
        return best, scores[best]

    def run(self, rule: Rule, k: int | None = None) -> dict[str, float]:
        """Return ``{docid: fused score}`` of the ``k`` best passages, best first."""
        best, scores = self.fuse(rule, k)
        return dict(zip(map(self.docids.__getitem__, best.tolist()), scores.tolist(), strict=True))

    def _best(self, scores: np.ndarray, k: int | None, decimals: int) -> np.ndarray:
        count = len(scores)
        if not count:
            return np.arange(0)
        below = np.rint(scores * -(10.0**decimals))
        if '_by_docid' not in self.__dict__:
            kept = np.arange(count)
            if k is not None and k < count:
                kept = np.flatnonzero(below <= np.partition(below, k - 1)[k - 1])
            order = kept[np.argsort(below[kept])]
            if (np.diff(below[order]) != 0).all():
                return order[:k]
        return self._by_docid[np.argsort(below[self._by_docid], kind='stable')][:k]

    @functools.cached_property
    def _by_docid(self) -> np.ndarray:  # worked out at the first tie: sorting strings takes longer than all the rest
        return np.array(sorted(range(len(self.docids)), key=self.docids.__getitem__), np.intp)


def _ranked(found: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """Return docids and scores of a list, best first, ties by docid."""
    docids, scores = list(found), np.fromiter(found.values(), np.float64, len(found))
    if not np.isfinite(scores).all():
        bad = int(np.isfinite(scores).argmin())
        raise TctError(f'document {docids[bad]} has the score {scores[bad]}: make the run again')
    written = np.rint(scores * 10.0**WRITTEN)
    if not (written[1:] < written[:-1]).all():
        keys = list(zip((-written).tolist(), docids, strict=True))
        order = sorted(range(len(docids)), key=keys.__getitem__)
        docids, scores = [docids[i] for i in order], scores[order]
    return docids, scores
