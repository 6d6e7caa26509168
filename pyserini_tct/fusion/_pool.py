# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The lists of one query over the union of their passages, ready to be fused by one rule or by many."""

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
        by_docid: gives all places in the order of their docids; asked when there is a tie. ``None``: they are in it.
    """

    def __init__(
        self,
        size: int,
        positions: list[np.ndarray],
        scores: list[np.ndarray],
        names: Callable[[np.ndarray], list[str]],
        by_docid: Callable[[], np.ndarray] | None,
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
        below = np.rint(scores * -(10.0**decimals))
        if self._order_by_docid is None:
            return _lowest(below, k)
        if 'by_docid' not in self.__dict__:
            best = _lowest(below, None if k is None else k + 1)  # one more: a tie at the cut
            falls = below[best]
            if (falls[1:] != falls[:-1]).all():
                return best[:k]
            self.by_docid = self._order_by_docid()
        return self.by_docid[_lowest(below[self.by_docid], k)]


def _lowest(values: np.ndarray, k: int | None) -> np.ndarray:
    """Return the places of the ``k`` lowest of some whole numbers, lowest first, equal ones in their order."""
    bits = len(values).bit_length()
    places = np.arange(len(values))
    if k is not None and k < len(values):
        places = np.flatnonzero(values <= np.partition(values, k - 1)[k - 1])
    values = values[places]
    if not np.abs(values).max(initial=0) < 2 ** (62 - bits):
        return places[np.argsort(values, kind='stable')][:k]
    # Sorting numbers is several times faster than sorting places by them: each takes its place along.
    packed = (values.astype(np.int64) << bits) | places
    packed.sort()
    return packed[:k] & ((1 << bits) - 1)


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


def falling(scores: np.ndarray) -> np.ndarray:
    """Tell of each score but the first whether it is, as written, below the one before (no tie to settle)."""
    written = np.rint(scores * 10.0**WRITTEN)
    below: np.ndarray = written[1:] < written[:-1]
    return below


def _ranked(found: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """Return docids and scores of a list, best first, ties by docid."""
    docids, scores = list(found), np.fromiter(found.values(), np.float64, len(found))
    if not np.isfinite(scores).all():
        bad = int(np.isfinite(scores).argmin())
        raise TctError(f'document {docids[bad]} has the score {scores[bad]}: make the run again')
    if not falling(scores).all():
        keys = list(zip((-np.rint(scores * 10.0**WRITTEN)).tolist(), docids, strict=True))
        order = sorted(range(len(docids)), key=keys.__getitem__)
        docids, scores = [docids[i] for i in order], scores[order]
    return docids, scores
