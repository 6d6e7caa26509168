# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Pooling lists that are columns of run files: joined on the keys of the docids, which stay in the files.

Only the names of what is written, and of nothing else, become strings.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from pyserini_tct._columns import Columns, names_of
from pyserini_tct.fusion._pool import WRITTEN, Pool, falling

NONE = slice(0, 0)


def pool_columns(runs: Sequence[Columns], qids: Iterable[str], depth: int | None = None) -> dict[str, Pool]:
    """Pool the lists of each query; see :func:`pool_lists`."""
    sides = [(run, falling(run.scores)) for run in runs]
    return {qid: _pool(sides, qid, depth) for qid in qids}


def _pool(sides: list[tuple[Columns, np.ndarray]], qid: str, depth: int | None) -> Pool:
    runs = [run for run, _ in sides]
    ranked = [_ranked(run, falls, run.rows.get(qid, NONE)) for run, falls in sides]
    cut = [rows[:depth] for rows, _ in ranked]
    rows, bounds = np.concatenate(cut), [0, *itertools.accumulate(map(len, cut))]
    keys = np.concatenate([run.keys[part] for run, part in zip(runs, cut, strict=True)])
    order = keys.argsort()
    ordered = keys[order]
    new = np.ones(len(keys), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    place = np.empty(len(keys), np.intp)
    place[order] = new.cumsum() - 1
    positions = [place[start:stop] for start, stop in itertools.pairwise(bounds)]
    scores = [scores for _, scores in ranked]
    if all(run.ordered for run in runs):  # the keys are the docids, and have brought them in order
        found = ordered[new]
        return Pool(len(found), positions, scores, lambda places: names_of(found[places]), None)
    union = order[new]  # of each passage of the union, one of its rows

    def split(places: np.ndarray) -> list[tuple[Columns, np.ndarray, np.ndarray]]:
        """Return each run with the numbers and rows of the places that are taken from it."""
        at = union[places]
        owner = np.searchsorted(np.array(bounds), at, 'right') - 1
        numbers = [np.flatnonzero(owner == number) for number in range(len(runs))]
        return [(run, which, rows[at[which]]) for run, which in zip(runs, numbers, strict=True)]

    def names(places: np.ndarray) -> list[str]:
        found = np.empty(len(places), object)
        for run, which, of_run in split(places):
            found[which] = run.names(of_run)
        return found.tolist()

    def by_docid() -> np.ndarray:
        parts = split(np.arange(len(union)))
        words = np.zeros((len(union), max(_width(run, of_run) for run, _, of_run in parts)), np.uint64)
        for run, which, of_run in parts:
            found = _words(run, of_run)
            words[which, : found.shape[1]] = found
        return _lexicographic(words)

    return Pool(len(union), positions, scores, names, by_docid)


def _ranked(run: Columns, falls: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and scores of a list, best first, ties by docid."""
    numbers, scores = np.arange(rows.start, rows.stop), run.scores[rows]
    if not falls[rows.start : max(rows.stop - 1, 0)].all():
        by_docid = _lexicographic(_words(run, numbers))
        order = by_docid[np.argsort(-np.rint(scores[by_docid] * 10.0**WRITTEN), kind='stable')]
        numbers, scores = numbers[order], scores[order]
    return numbers, scores


def _width(run: Columns, rows: np.ndarray) -> int:
    return -(-int(run.sizes[rows].max(initial=1)) // 8)


def _words(run: Columns, rows: np.ndarray) -> np.ndarray:
    """Return docids as words that compare as the docids do: 8 letters each, the first one highest, zeros at the end."""
    offsets = np.arange(8 * _width(run, rows))
    data = np.frombuffer(run.data, np.uint8)
    letters = data[np.minimum(run.starts[rows][:, None] + offsets, len(data) - 1)]
    letters[offsets >= run.sizes[rows][:, None]] = 0
    return letters.view('>u8').astype(np.uint64)


def _lexicographic(words: np.ndarray) -> np.ndarray:
    return np.argsort(words[:, 0]) if words.shape[1] == 1 else np.lexsort(words.T[::-1])
