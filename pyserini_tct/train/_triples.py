# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Triples as they lie in files: query, positive and negative, as texts or as ids, read one by one.

In: TSV or JSONL (also ``.gz``), parquet, ``irds:NAME`` (the docpairs of ir_datasets), ``hf:OWNER/NAME`` (a data set on
the hub). Out: three strings each, checked; nothing is held in memory.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_bytes
from pyserini_tct.collection import IRDS, SUFFIXES, irds_dataset, json_object

HUB = 'hf:'
NAMES = ('query', 'positive', 'negative')
FIRST = ('query', 'anchor')  # what the first column of a table may be called
BLOCK = 1000  # rows of a table that are read together


class Record(NamedTuple):
    """A triple: where it is, for messages; what finds it again; query, positive, negative."""

    number: int
    offset: int
    columns: tuple[str, str, str]


class Triples(Protocol):
    """A source of triples; ``name`` is as the user gave it."""

    name: str

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the triples in order, from the ``start``-th on, counted from 0."""
        ...

    def where(self, number: int) -> str:
        """Name a triple in a message."""
        ...


@runtime_checkable
class RandomAccess(Protocol):
    """A source of which a single triple can be had without reading those before it."""

    def at(self, offset: int) -> tuple[str, str, str]:
        """Return the triple that has an offset."""
        ...


def open_triples(source: str | Path) -> Triples:
    """Return the reader that a name asks for.

    Raises:
        TctError: the name is unknown, or a package is missing.
    """
    name = str(source)
    if name.startswith(IRDS):
        return DocPairs(name)
    if name.startswith(HUB):
        return HubTable(name)
    path = Path(name)
    if not path.is_file():
        raise TctError(
            f'{name} does not exist: triples are a TSV, JSONL or parquet file, {IRDS}NAME or {HUB}OWNER/NAME'
        )
    if path.suffix == '.parquet':
        return ParquetTable(path)
    return LineFile(path) if path.suffix == '.gz' else PlainFile(path)


class LineFile:
    """A line a triple: three columns of a TSV, or a JSON object where the name says so."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self._json = path.name.endswith(SUFFIXES)

    def where(self, number: int) -> str:
        """Name a line."""
        return f'{self.path}: line {number}'

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the lines that are not blank."""
        for count, (number, offset, line) in enumerate(numbered_bytes(self.path)):
            if count >= start:
                yield Record(number, offset, self._columns(line, self.where(number)))

    def _columns(self, line: bytes, where: str) -> tuple[str, str, str]:
        try:
            text = line.decode('utf-8-sig')
        except UnicodeDecodeError as error:
            raise TctError(f'{where} is not UTF-8: convert the file to UTF-8') from error
        if self._json:
            return _from_table(json_object(text, where), where)
        columns = tuple(column.strip() for column in text.split('\t'))
        if len(columns) != 3:
            raise TctError(f'{where} has {len(columns)} columns: a triple is query, positive, negative')
        return _whole(columns, where)


class PlainFile(LineFile):
    """Lines that are not packed, so that each can be read alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._stream = open(path, 'rb')  # noqa: SIM115 - read from as long as the training goes

    def at(self, offset: int) -> tuple[str, str, str]:
        """Read the line at an offset."""
        self._stream.seek(offset)
        return self._columns(self._stream.readline(), f'{self.path}: byte {offset}')


class ParquetTable:
    """A parquet file with the columns query (or anchor), positive and negative."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        parquet, arrow = (_env.need(name, 'datasets', str(path)) for name in ('pyarrow.parquet', 'pyarrow'))
        try:
            self._file = parquet.ParquetFile(path)
        except arrow.ArrowInvalid as error:
            raise TctError(f'{path} is damaged or no parquet file: fetch it again') from error
        self._names = _column_names(self._file.schema_arrow.names, self.name)

    def where(self, number: int) -> str:
        """Name a row."""
        return f'{self.path}: row {number}'

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the rows; row groups before ``start`` are not read."""
        number, first, sizes = (
            0,
            0,
            [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)],
        )
        while first < len(sizes) and number + sizes[first] <= start:
            number, first = number + sizes[first], first + 1
        groups = range(first, len(sizes))
        for block in self._file.iter_batches(BLOCK, row_groups=list(groups), columns=list(self._names)):
            for row in block.to_pylist():
                number += 1
                if number > start:
                    yield Record(number, number - 1, _from_table(row, self.where(number)))


class HubTable:
    """``hf:OWNER/NAME`` or ``hf:OWNER/NAME/CONFIG``: the split ``train`` of a data set on the hub, memory-mapped."""

    def __init__(self, name: str) -> None:
        self.name = name
        parts = name[len(HUB) :].split('/')
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise TctError(f'{name} is no data set: write {HUB}OWNER/NAME or {HUB}OWNER/NAME/CONFIG')
        package = _env.need('datasets', 'datasets', name)
        try:
            table = package.load_dataset('/'.join(parts[:2]), *parts[2:], split='train')
        except Exception as error:  # the hub's own errors, and those of whatever lies between it and us
            cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise TctError(f'{name} could not be had from the hub ({cause}): check the name and the network') from error
        self._table = table.select_columns(list(_column_names(table.column_names, name)))

    def where(self, number: int) -> str:
        """Name a row."""
        return f'{self.name}: row {number}'

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the rows."""
        number = start
        for block in self._table.select(range(start, len(self._table))).iter(BLOCK):
            for row in zip(*block.values(), strict=True):
                number += 1
                yield Record(number, number - 1, _from_table(dict(zip(block, row, strict=True)), self.where(number)))

    def at(self, offset: int) -> tuple[str, str, str]:
        """Read a row."""
        return _from_table(self._table[offset], self.where(offset + 1))


class DocPairs:
    """``irds:NAME``: the docpairs of an ir_datasets data set, as ids."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._dataset = irds_dataset(name[len(IRDS) :], 'docpairs')

    def where(self, number: int) -> str:
        """Name a pair."""
        return f'{self.name}: pair {number}'

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the pairs with their query."""
        for number, pair in enumerate(self._dataset.docpairs_iter(), 1):
            if number > start:
                columns = (pair.query_id, pair.doc_id_a, pair.doc_id_b)
                yield Record(number, number - 1, _whole(columns, self.where(number)))


def _column_names(found: Iterable[str], name: str) -> tuple[str, str, str]:
    """Return what the three columns are called, or raise :class:`TctError`."""
    known = set(found)
    first = next((column for column in FIRST if column in known), None)
    if first is None or not known.issuperset(NAMES[1:]):
        raise TctError(
            f'{name} has the columns {", ".join(sorted(known)) or "none"}: query (or anchor), positive and negative '
            'are needed'
        )
    return first, *NAMES[1:]


def _from_table(row: Mapping[str, Any], where: str) -> tuple[str, str, str]:
    columns = tuple(row[column] for column in _column_names(row, where))
    odd = next((i for i, column in enumerate(columns) if not isinstance(column, str)), None)
    if odd is not None:
        raise TctError(f'{where}: the {NAMES[odd]} is {type(columns[odd]).__name__}, not text')
    return _whole(tuple(column.strip() for column in columns), where)


def _whole(columns: tuple[str, ...], where: str) -> tuple[str, str, str]:
    """Return three columns, none of them empty, or raise :class:`TctError`."""
    if not all(columns):
        raise TctError(f'{where} has an empty {NAMES[columns.index("")]}: remove it')
    query, positive, negative = columns
    return query, positive, negative
