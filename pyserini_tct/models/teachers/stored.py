# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Scores in a file as a teacher: query id, docid and score a line, from whatever model made them."""

import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines, sha256
from pyserini_tct.collection import SUFFIXES, Passage, json_object


class StoredTeacher:
    """Looks scores up by query id and docid; 16 bytes a pair are held in memory.

    Args:
        path: see :func:`read_scores`.
        names: query ids in the order of the training data.

    Raises:
        TctError: a malformed line, or a pair twice.
    """

    logit_scale: float | None = None

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self._names = path, names
        self.parents = {'stored scores': sha256(path)} if path.is_file() else {}
        self._queries: dict[str, int] = {}
        self._passages: dict[str, int] = {}
        rows, columns, values = array('i'), array('i'), array('d')
        for qid, docid, value in read_scores(path):
            rows.append(self._queries.setdefault(qid, len(self._queries)))
            columns.append(self._passages.setdefault(docid, len(self._passages)))
            values.append(value)
        keys = self._keys_of(np.asarray(rows), np.asarray(columns))
        order = np.argsort(keys, kind='stable')
        self._keys, self._scores = keys[order], np.asarray(values)[order]
        repeated = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(repeated):
            row, column = divmod(int(self._keys[repeated[0]]), len(self._passages))
            raise TctError(
                f'{path} scores passage {list(self._passages)[column]} twice for query {list(self._queries)[row]}: '
                'remove one'
            )

    def _keys_of(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return rows.astype(np.int64) * len(self._passages) + columns

    def _rows_of(self, qids: Sequence[str], docids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.array([self._queries.get(qid, -1) for qid in qids], np.int64),
            np.array([self._passages.get(docid, -1) for docid in docids], np.int64),
        )

    def _scores_at(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores, and which of them are stored."""
        keys = np.where((rows >= 0) & (columns >= 0), self._keys_of(rows, columns), -1)
        places = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        known = self._keys[places] == keys
        return np.where(known, self._scores[places], 0.0), known

    def check(self, qid: str, docids: Sequence[str]) -> None:
        """Raise :class:`TctError` for the first of a query's passages without a score."""
        known = self._scores_at(*self._rows_of([qid], docids))[1]
        if not known.all():
            raise TctError(self._missing(qid, docids[int(known.argmin())]))

    def _missing(self, qid: str, docid: str) -> str:
        return (
            f'{self.path} has no score of query {qid} with passage {docid}: add the pair (--kd-pairs own asks for each '
            "query's own candidates only)"
        )

    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
        wanted: np.ndarray | None = None,
    ) -> torch.Tensor:
        """Look the pairs up; 0 where a pair is neither wanted nor there.

        Raises:
            TctError: a wanted pair has no score.
        """
        asked = np.ones((len(queries), len(passages)), bool) if wanted is None else wanted
        qids, docids = [self._names[row] for row in query_rows], [passage.docid for passage in passages]
        rows, columns = self._rows_of(qids, docids)
        found, known = self._scores_at(rows[:, None], columns[None, :])
        missing = np.argwhere(asked & ~known)
        if len(missing):
            raise TctError(self._missing(qids[missing[0, 0]], docids[missing[0, 1]]))
        return torch.from_numpy(found).float()


def read_scores(path: Path) -> Iterator[tuple[str, str, float]]:
    """Yield ``(qid, docid, score)``.

    Args:
        path: ``qid<TAB>docid<TAB>score``, or JSONL by its extension (``{"qid", "docid", "score"}``); ``.gz`` too.

    Raises:
        TctError: a malformed line, a score that is not finite, or no line at all; file and line are named.
    """
    number = 0
    for number, line in numbered_lines(path):
        where = f'{path}: line {number}'
        if path.name.endswith(SUFFIXES):
            record = json_object(line, where)
            columns = [record.get(key) for key in ('qid', 'docid', 'score')]
            if any(value is None or isinstance(value, (bool, list, dict)) for value in columns):
                raise TctError(f'{where} needs a `qid`, a `docid` and a `score`')
        else:
            columns = [column.strip() for column in line.split('\t')]
            if len(columns) != 3:
                raise TctError(f'{where} has {len(columns)} columns: a stored score is qid<TAB>docid<TAB>score')
        qid, docid, value = columns
        try:
            score = float(value)  # type: ignore[arg-type]
        except (ValueError, OverflowError) as error:
            raise TctError(f'{where}: the score {str(value)[:40]!r} is not a number: make the scores again') from error
        if not math.isfinite(score):
            raise TctError(f'{where}: the score {value} is not finite: make the scores again')
        yield str(qid), str(docid), score
    if not number:
        raise TctError(f'{path} is empty: at least one stored score is needed')
