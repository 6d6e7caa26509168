# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where the judged documents stand: judgments and a run in, the ranking of each query out.

A list is ordered by its full scores, ties by docid, whatever ranks a file states; or as trec_eval orders it, by 32-bit
scores, ties by docid the other way. The rank of a document is one more
than the number of documents before it, so no list has to be sorted as a whole with its names.
"""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pyserini_tct._columns import Columns, keys_of, mixed
from pyserini_tct._errors import TctError
from pyserini_tct.eval._formulas import Ranking

FEW, MOST = 64, 24  # one row in so many is looked at in vain; most bits by which keys are looked up

Qrels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]


class Ranked(NamedTuple):
    """The ranking of a query, and whether the list has scores that a 32-bit float does not tell apart."""

    qid: str
    ranking: Ranking
    tied: bool


def in_single_precision(run: Run | Columns) -> Run | Columns:
    """Return a run with scores as trec_eval keeps them."""
    if isinstance(run, Columns):
        scores = run.scores.astype(np.float32).astype(np.float64)
        return Columns(run.data, run.rows, scores, run.keys, run.starts, run.sizes)
    return {qid: {docid: float(np.float32(score)) for docid, score in found.items()} for qid, found in run.items()}


def rankings(qrels: Qrels, run: Run | Columns, descending: bool = False) -> Iterator[Ranked]:
    """Yield the ranking of each query that is judged and has a list, in the order of the run.

    Args:
        qrels: the judgments.
        run: the lists.
        descending: of documents with equal scores the last docid comes first.

    Raises:
        TctError: a score is NaN; query and document are named.
    """
    for qid, scores, judged, names in _columns(qrels, run) if isinstance(run, Columns) else _mapping(qrels, run):
        ordered = np.sort(scores)
        wanted = np.array([score for _, score in judged])
        above = len(ordered) - np.searchsorted(ordered, wanted, 'right')
        alike = len(ordered) - np.searchsorted(ordered, wanted, 'left') - above
        ranked = []
        for (docid, score), before, same in zip(judged, above.tolist(), alike.tolist(), strict=True):
            if same > 1:
                before += sum(name > docid if descending else name < docid for name in names(score))
            ranked.append((before + 1, qrels[qid][docid]))
        ranks, grades = zip(*sorted(ranked), strict=True) if ranked else ((), ())
        single = ordered.astype(np.float32)
        tied = bool((single[1:] == single[:-1]).any())
        yield Ranked(qid, Ranking(ranks, grades, list(qrels[qid].values()), len(ordered)), tied)


# Of each query: its id, all scores, the judged documents with their scores, and the docids that have a given score.
_Lists = Iterator[tuple[str, np.ndarray, list[tuple[str, float]], Callable[[float], list[str]]]]


def _mapping(qrels: Qrels, run: Run) -> _Lists:
    for qid, found in run.items():
        if qid in qrels and found:
            scores = np.fromiter(found.values(), np.float64, len(found))
            if np.isnan(scores).any():
                bad = next(docid for docid, score in found.items() if math.isnan(score))
                raise TctError(f'query {qid}: the score of document {bad} is NaN: make the run again')
            judged = [(docid, found[docid]) for docid in qrels[qid] if docid in found]
            yield qid, scores, judged, functools.partial(_names_of, found)


def _names_of(found: Mapping[str, float], score: float) -> list[str]:
    return [docid for docid, value in found.items() if value == score]


def _columns(qrels: Qrels, run: Columns) -> _Lists:
    shared = {qid: rows for qid, rows in run.rows.items() if qid in qrels}
    wanted = keys_of([docid for qid in shared for docid in qrels[qid]])
    # A key is looked up by its last bits alone, mixed; that leaves few rows, of which the names decide.
    bits = np.uint64((1 << min((FEW * len(wanted)).bit_length(), MOST)) - 1)
    table = np.zeros(int(bits) + 1, bool)
    table[mixed(wanted) & bits] = True
    hits = np.flatnonzero(table[mixed(run.keys) & bits])
    bounds = np.searchsorted(hits, [[rows.start, rows.stop] for rows in shared.values()]).tolist()
    for (qid, rows), (first, last) in zip(shared.items(), bounds, strict=True):
        named = zip(run.names(hits[first:last]), run.scores[hits[first:last]].tolist(), strict=True)
        judged = [(docid, score) for docid, score in named if docid in qrels[qid]]
        yield qid, run.scores[rows], judged, functools.partial(_names_at, run, rows)


def _names_at(run: Columns, rows: slice, score: float) -> list[str]:
    return run.names(rows.start + np.flatnonzero(run.scores[rows] == score))
