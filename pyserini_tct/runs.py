# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Runs: ranked results in files, in TREC or MS MARCO format, with ties that every tool breaks alike.

In memory a run is ``{qid: {docid: score}}``. On the way out a list is ordered by the score as written (6 decimals),
ties by docid; equal scores are lowered by the least step that trec_eval's single-precision floats can see, as Anserini
does, so that tools which break ties in another way have no tie left to break (Pyserini #292, #2306).
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from pyserini_tct._atomic import atomic_file
from pyserini_tct._columns import Columns, read_columns
from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines

Run = dict[str, dict[str, float]]
FORMATS = ('trec', 'msmarco')


class Hit(NamedTuple):
    """One retrieved passage; the two attributes that Pyserini's searchers promise."""

    docid: str
    score: float


class Ranking(Sequence[Hit]):
    """Hits of a query in order, held as docids and scores: a hit is made only when one is asked for.

    Args:
        docids: best first.
        scores: single or double floats, ``(hits,)``.
    """

    def __init__(self, docids: list[str], scores: np.ndarray) -> None:
        self.docids, self.scores = docids, scores

    def __len__(self) -> int:
        return len(self.docids)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> 'Ranking': ...
    def __getitem__(self, place: int | slice) -> 'Hit | Ranking':
        if isinstance(place, slice):
            return Ranking(self.docids[place], self.scores[place])
        return Hit(self.docids[place], float(self.scores[place]))

    def __iter__(self) -> Iterator[Hit]:
        pairs = zip(self.docids, self.scores.tolist(), strict=True)
        return map(tuple.__new__, itertools.repeat(Hit), pairs)  # a fifth of the time of Hit(...)


def rank(scores: Mapping[str, float] | Iterable[tuple[str, float]], k: int | None = None) -> list[Hit]:
    """Order by score (rounded to 6 decimals, highest first), then docid, and cut at ``k``.

    >>> [hit.docid for hit in rank({'b': 1.0, 'a': 1.0, 'c': 2.0})]
    ['c', 'a', 'b']
    """
    pairs = scores.items() if isinstance(scores, Mapping) else scores
    return [Hit(docid, score) for docid, score in sorted(pairs, key=lambda pair: (-round(pair[1], 6), pair[0]))[:k]]


def without_ties(scores: list[float]) -> list[float]:
    """Return ranked scores as written: 6 decimals, each lower than the one before, also as 32-bit floats.

    trec_eval keeps scores in single precision, where 70.000001 equals 70.0; so a step is as wide as that precision.

    >>> without_ties([1.0, 1.0, 0.5])
    [1.0, 0.999999, 0.5]
    """
    written = [round(float(score), 6) for score in scores]
    single = np.array(written, np.float32)
    _lower(written, (np.flatnonzero(single[1:] >= single[:-1]) + 1).tolist())
    return written


def _lower(written: list[float], places: Iterable[int]) -> None:
    """Lower scores, from some places on, until each is below the one before as a 32-bit float."""
    for i in places:
        while i < len(written) and np.float32(round(written[i], 6)) >= np.float32(round(written[i - 1], 6)):
            lower = float(np.nextafter(np.float32(round(written[i - 1], 6)), np.float32(-np.inf)))
            written[i] = min(math.floor(lower * 1e6) / 1e6, round(written[i - 1] - 1e-6, 6))
            i += 1


def write_run(
    path: Path,
    run: Mapping[str, Iterable[Hit] | Mapping[str, float]],
    tag: str = 'pyserini_tct',
    output_format: str = 'trec',
    hits: int | None = None,
) -> None:
    """Write a run; queries keep their order, an empty list writes no line.

    Args:
        path: the file; it appears whole or not at all.
        run: hits or scores of each query, in any order.
        tag: last column of the TREC format, without white space.
        output_format: ``trec`` (``qid Q0 docid rank score tag``) or ``msmarco`` (``qid docid rank``).
        hits: longest list written.

    Raises:
        TctError: a score is not finite.
    """
    head, tail = (' Q0 %s ', f' %.6f {_literal(tag)}\n') if output_format == 'trec' else ('\t%s\t', '\n')
    lines = list[str]()  # as many as the longest list so far has, without qid, docid and score
    with atomic_file(path) as out:
        for qid, found in run.items():
            docids, values = _columns(found)
            if not np.isfinite(values).all():
                bad = int(np.isfinite(values).argmin())
                raise TctError(
                    f'query {qid}: document {docids[bad]} has the score {values[bad]}: check encoder and index for NaN'
                )
            docids, written = _in_order(docids, values, hits)
            if not docids:
                continue
            fields: list[Any] = docids
            if output_format == 'trec':
                fields = [None] * (2 * len(docids))
                fields[::2], fields[1::2] = docids, written
            lines += [f'{head}{place}{tail}' for place in range(len(lines) + 1, len(docids) + 1)]
            # one template for all lines of a query: a third of the time of formatting them one by one
            name = _literal(qid)
            out.write((name + name.join(lines[: len(docids)])) % tuple(fields))


def _columns(found: Iterable[Hit] | Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """Return docids and scores ``(hits,)``, each docid once."""
    if isinstance(found, Ranking) and len(set(found.docids)) == len(found.docids):
        return found.docids, found.scores.astype(np.float64)
    scores = found if isinstance(found, Mapping) else _best(found)
    return list(scores), np.fromiter(scores.values(), np.float64, len(scores))


def _literal(text: str) -> str:
    return text.replace('%', '%%')


def _in_order(docids: list[str], values: np.ndarray, hits: int | None) -> tuple[list[str], list[float]]:
    """Return docids and scores as written, sorting and rounding only where scores are close, which is rare.

    Scores that fall clearly are in order and without ties however they are rounded.
    """
    apart = (values[1:] + 1e-6).astype(np.float32) < (values[:-1] - 1e-6).astype(np.float32)
    if apart.all():
        return docids[:hits], values[:hits].tolist()
    rounded = np.round(values, 6)
    if (np.diff(rounded.astype(np.float32)) < 0).all() and np.abs(values - rounded).max() < 1e-9:
        return docids[:hits], rounded[:hits].tolist()  # already as written: reciprocal ranks, a run that was read
    if (np.diff(values) > 1e-6).any():  # not in order, not even nearly
        ranked = rank(zip(docids, values.tolist(), strict=True), hits)
        return [hit.docid for hit in ranked], without_ties([hit.score for hit in ranked])
    close = np.flatnonzero(~apart) + 1
    docids, written = list(docids), values.tolist()
    for chain in np.split(close, np.flatnonzero(np.diff(close) > 1) + 1):
        part = slice(int(chain[0]) - 1, int(chain[-1]) + 1)
        docids[part], written[part] = map(list, zip(*rank(zip(docids[part], written[part], strict=True)), strict=True))
    docids, written = docids[:hits], written[:hits]
    _lower(written, close.tolist())
    return docids, written


def _best(hits: Iterable[Hit]) -> dict[str, float]:
    """Return each document's best score: an index may hold several vectors of one document."""
    best: dict[str, float] = {}
    for hit in hits:
        score = float(hit.score)
        if not score <= best.get(hit.docid, float('-inf')):  # a NaN stays, to be refused
            best[hit.docid] = score
    return best


def read_run(path: Path) -> Run:
    """Read a run in TREC (6 columns) or MS MARCO (3 columns; score = 1/rank, as Pyserini) format.

    Raises:
        TctError: a malformed line, a score that is not finite, or a document twice for one query; the line is named.
    """
    run = load_run(path)
    return run.as_run() if isinstance(run, Columns) else run


def load_run(path: Path) -> Run | Columns:
    """Read a run as :func:`read_run` does, into columns where that is possible, which costs a third of the time."""
    path = Path(path)
    return read_columns(path) or read_lines(path)


def notes_on(path: Path, run: Run | Columns, scored: bool = True) -> list[str]:
    """Say what is no error in a run, but what its user may not have meant.

    Args:
        path: of the file.
        run: what was read from it.
        scored: its scores count, not its ranks alone.

    Returns:
        Notes: lists out of the order of their scores; ranks in place of scores.
    """
    if isinstance(run, Columns):
        lists = [run.scores[rows] for rows in run.rows.values()]
    else:
        lists = [np.array([*found.values()]) for found in run.values()]
    unsorted = sum(bool((scores[1:] > scores[:-1]).any()) for scores in lists)
    notes = []
    if unsorted:
        notes.append(f'{unsorted} lists of {path} are not in order of their scores: ranks are those of the scores')
    if scored and path.is_file() and len(next(numbered_lines(path))[1].split()) == 3:  # a pipe is read only once
        notes.append(f'{path} has ranks only (MS MARCO format): its scores are 1 / rank')
    return notes


def read_lines(path: Path) -> Run:
    """Read a run as :func:`read_run` does, slowly, so that what is wrong can be named."""
    run: Run = {}
    width = 0
    for number, line in numbered_lines(path):
        columns = line.split()
        width = width or len(columns)
        if len(columns) != width or width not in (3, 6):
            raise TctError(
                f'{path}: line {number} has {len(columns)} columns: a run has 6 (TREC) or 3 (MS MARCO) on every line'
            )
        try:
            qid, docid = columns[0], columns[2] if width == 6 else columns[1]
            score = float(columns[4]) if width == 6 else 1 / int(columns[2])
        except (ValueError, ZeroDivisionError) as error:
            raise TctError(f'{path}: line {number}: score or rank is not a number: {line!r}') from error
        if not math.isfinite(score):
            raise TctError(f'{path}: line {number}: the score {columns[4]} is not finite: make the run again')
        hits = run.setdefault(qid, {})
        if docid in hits:
            raise TctError(f'{path}: line {number}: document {docid} is listed twice for query {qid}: remove one')
        hits[docid] = score
    if not run:
        raise TctError(f'{path} is empty: a run needs at least one line')
    return run
