# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Triples as batches, read while training: memory holds a batch, whatever the number of triples.

A first pass checks every triple and writes an index of numbers; a batch then depends on file, seed and step alone, so a
resumed run sees what an uninterrupted one sees. Each epoch is a new permutation of all triples. Where triples can only
be read in order (``.gz``, parquet), it is one of each :data:`WINDOW` triples, which are held in memory.

A passage is masked for a query if it is a positive of the same query in the batch, or relevant by the judgments; what
other lines of the file call positive is not known.
"""

import abc
import hashlib
import itertools
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.topics import read_qrels, read_topics
from pyserini_tct.train._samples import Batch, masks
from pyserini_tct.train._triples import RandomAccess, Record, Triples

WINDOW = 1 << 15
ROUNDS = 6


def shuffled(place: int, size: int, key: str) -> int:
    """Return what a pseudo-random permutation of ``range(size)`` puts at a place; nothing is held in memory.

    Source: a Feistel network (Luby and Rackoff 1988) on the least even number of bits that holds ``size``, applied
    until the result is below ``size`` (cycle walking, Black and Rogaway 2002).

    >>> sorted(shuffled(place, 5, 'a') for place in range(5))
    [0, 1, 2, 3, 4]
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = place >> half, place & mask
        for turn in range(ROUNDS):
            digest = hashlib.blake2b(f'{key} {turn} {right}'.encode(), digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest) & mask)
        place = left << half | right
        if place < size:
            return place


def triple_at(position: int, total: int, window: int, seed: int) -> int:
    """Return which triple is the ``position``-th to be trained on, over all epochs; all are counted from 0."""
    epoch, place = divmod(position, total)
    first = place // window * window
    return first + shuffled(place - first, min(window, total - first), f'{seed} {epoch} {first}')


class Drawn(NamedTuple):
    """A triple with its texts; ``rows`` name query, positive and negative in the data, where they are numbered."""

    name: str
    query: str
    positive: Passage
    negative: Passage
    rows: tuple[int, ...] = ()


class Index:
    """Whole numbers of each triple in a file, read one triple at a time.

    The file is read, not mapped: mapped pages count as the process's memory.
    """

    def __init__(self, path: Path, layout: str) -> None:
        self.path, self._row = path, struct.Struct(layout)
        self._file = open(path, 'rb', buffering=0)  # noqa: SIM115 - read from as long as the training goes
        self._count = path.stat().st_size // self._row.size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, triple: int) -> tuple[int, ...]:
        self._file.seek(triple * self._row.size)
        return self._row.unpack(self._file.read(self._row.size))


def make_index(path: Path, layout: str, triples: Triples, numbers: Callable[[Record], tuple[int, ...]]) -> Index:
    """Check all triples and keep some numbers of each; an index that is there is taken as it is.

    Raises:
        TctError: what ``triples`` or ``numbers`` complain of, or no triple at all; nothing is left.
    """
    if not path.exists():
        pack, count = struct.Struct(layout).pack, 0
        with _atomic.atomic_file(path, 'wb') as out:
            for record in tqdm(triples.records(), desc='triples', unit='triple', disable=None):
                out.write(pack(*numbers(record)))
                count += 1
            if not count:
                raise TctError(f'{triples.name} is empty: at least one triple is needed')
    return Index(path, layout)


class StreamedTriples(abc.ABC):
    """What both kinds of triples have in common: batches.

    Args:
        index: numbers of each triple.
        window: triples that are shuffled together.
        judged: docids known to be relevant, by query id.
    """

    def __init__(self, index: Index, window: int, judged: Mapping[str, set[str]]) -> None:
        self.index, self._window, self._judged = index, window, judged

    @abc.abstractmethod
    def draw(self, triple: int) -> Drawn:
        """Return a triple with its texts."""

    def batch_at(self, step: int, size: int, seed: int) -> Batch:
        """Return the batch of a step: ``size`` positives, then their ``size`` negatives."""
        positions = range(step * size, (step + 1) * size)
        drawn = [self.draw(triple_at(position, len(self.index), self._window, seed)) for position in positions]
        passages = [one.positive for one in drawn] + [one.negative for one in drawn]
        keys = [passage.docid or passage.text for passage in passages]
        relevant: dict[str, set[str]] = {}
        for one, key in zip(drawn, keys, strict=False):
            relevant.setdefault(one.query, set()).update({key}, self._judged.get(one.name, ()))
        known = np.array([[key in relevant[one.query] for key in keys] for one in drawn])
        rows = list(zip(*(one.rows for one in drawn), strict=True)) or [(), (), ()]
        return Batch(
            [one.name for one in drawn],
            list(rows[0]),
            [*rows[1], *rows[2]],
            [one.query for one in drawn],
            passages,
            *masks(list(range(size)) * 2, known),
        )


class TextTriples(StreamedTriples):
    """Triples of texts.

    Args:
        triples: where they are.
        index_file: where the index is, or is to be.

    Raises:
        TctError: a triple is malformed or holds ids; the line is named.
    """

    def __init__(self, triples: Triples, index_file: Path) -> None:
        def offset(record: Record) -> tuple[int]:
            if all(column.isdecimal() for column in record.columns):
                raise TctError(f'{triples.where(record.number)} holds ids, not texts: add --corpus and --queries')
            return (record.offset,)

        index = make_index(index_file, '<q', triples, offset)
        self._random = triples if isinstance(triples, RandomAccess) else None
        super().__init__(index, len(index) if self._random else WINDOW, {})
        self._triples, self._held, self._first = triples, list[tuple[str, str, str]](), -1
        self._reader: Iterator[Record] = iter(())

    def draw(self, triple: int) -> Drawn:
        """Read a triple."""
        columns = self._random.at(*self.index[triple]) if self._random else self._from_window(triple)
        query, positive, negative = columns
        return Drawn(query[:40], query, Passage('', positive), Passage('', negative))

    def _from_window(self, triple: int) -> tuple[str, str, str]:
        first = triple // WINDOW * WINDOW
        if first != self._first:
            if not self._held or first != self._first + WINDOW:
                self._reader = self._triples.records(first)
            self._held = []  # before the next ones are read: two windows are never held
            self._held = [record.columns for record in itertools.islice(self._reader, WINDOW)]
            self._first = first
        return self._held[triple - first]


class IdTriples(StreamedTriples):
    """Triples of ids, whose texts are in a corpus and in topics, which are held in memory.

    Args:
        triples: where they are.
        index_file: where the index is, or is to be.
        corpus: passages.
        queries: topics.
        qrels: judgments that mask known relevant passages.

    Attributes:
        names, queries, passages: query ids, and all texts, by row.

    Raises:
        TctError: a triple is malformed or names an id that corpus or queries do not have; the line is named.
    """

    def __init__(self, triples: Triples, index_file: Path, corpus: Path, queries: Path, qrels: Path | None) -> None:
        topics, self.passages = read_topics(queries), list(read_corpus(corpus))
        self.names, self.queries = list(topics), list(topics.values())
        judged = read_qrels(qrels) if qrels else {}
        unknown = next((qid for qid in judged if qid not in topics), None)
        if unknown is not None:
            raise TctError(f'{qrels} judges query {unknown}, which {queries} does not have')
        ids = {qid: row for row, qid in enumerate(topics)}
        rows = {passage.docid: row for row, passage in enumerate(self.passages)}

        def numbers(record: Record) -> tuple[int, ...]:
            found = []
            for name, known, home in zip(record.columns, (ids, rows, rows), (queries, corpus, corpus), strict=True):
                if name not in known:
                    raise TctError(f'{triples.where(record.number)} names {name[:40]}, which {home} does not have')
                found.append(known[name])
            if not self.passages[found[1]].contents.strip():
                raise TctError(
                    f'{triples.where(record.number)} calls {record.columns[1]} positive, but it has no text in {corpus}'
                )
            return tuple(found)

        index = make_index(index_file, '<3i', triples, numbers)
        relevant = {qid: {docid for docid, grade in grades.items() if grade > 0} for qid, grades in judged.items()}
        super().__init__(index, len(index), relevant)

    def draw(self, triple: int) -> Drawn:
        """Look a triple's texts up."""
        query, positive, negative = rows = self.index[triple]
        return Drawn(self.names[query], self.queries[query], self.passages[positive], self.passages[negative], rows)

    def used_rows(self) -> list[int]:
        """Return the rows of all passages that a batch can hold, ascending."""
        used = np.zeros(len(self.passages), bool)
        for part in self._parts():
            used[part[:, 1:]] = True
        return np.flatnonzero(used).tolist()

    def own_candidates(self) -> Iterator[tuple[str, list[str]]]:
        """Yield query ids with the docids that a batch can hold as their own."""
        for part in self._parts():
            for query, *pair in part.tolist():
                yield self.names[query], [self.passages[row].docid for row in pair]

    def _parts(self) -> Iterator[np.ndarray]:
        with open(self.index.path, 'rb') as stream:
            while len(part := np.fromfile(stream, '<i4', 3 * WINDOW)):
                yield part.reshape(-1, 3)
