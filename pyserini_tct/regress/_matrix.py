# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome of a regression: one row a figure, and what a reader or a shell makes of the rows."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pyserini_tct import _cli
from pyserini_tct.regress._records import Pin

OK, LOW, HIGH, RANKS, NO_PIN, NOT_RUN = 'OK', 'LOW', 'HIGH', 'RANKS', 'no pin', 'not run'


class Row(NamedTuple):
    """One figure: what was pinned, what was found, the verdict, and where it moved; ``commands`` gave it."""

    condition: str
    topic_key: str
    measure: str
    expected: float | None
    found: float | None
    tolerance: float | None
    status: str
    detail: str = ''
    source: str | None = None
    note: str = ''
    commands: tuple[str, ...] = ()
    finding: str = ''


def verdict(pin: Pin, found: float) -> str:
    """Compare both figures as printed, at 4 decimals: a score that is too high is drift as well."""
    if pin.expected is None:
        return NO_PIN
    difference = round(found, 4) - round(pin.expected, 4)
    if abs(difference) <= pin.tolerance + 1e-9:
        return OK
    return LOW if difference < 0 else HIGH


def exit_code(rows: Sequence[Row]) -> int:
    """Return 1 after any drift, else 2 if anything (or everything) could not run, else 0."""
    found = {row.status for row in rows}
    if found & {LOW, HIGH, RANKS}:
        return _cli.FAILED
    return _cli.UNUSABLE if NOT_RUN in found or not found else 0


def matrix(rows: Sequence[Row]) -> str:
    """Return a line a figure, then what is to be said about them, each thing once, then a summary."""
    head = ('condition', 'topics', 'measure', 'expected', 'found', 'difference', 'tolerance', '')
    cells = [
        head,
        *(
            (
                row.condition,
                row.topic_key,
                row.measure,
                _figure(row.expected),
                _figure(row.found),
                _difference(row),
                _figure(row.tolerance),
                row.status,
            )
            for row in rows
        ),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    aligned = (
        (
            cell.rjust(width) if 3 <= column < 7 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    )
    lines = ['  '.join(line).rstrip() for line in aligned]
    details = dict.fromkeys(
        f'{row.condition} {row.topic_key}: {text}' for row in rows for text in (row.detail, row.finding) if text
    )
    counts = ', '.join(f'{count} {status}' for status, count in Counter(row.status for row in rows).items())
    return '\n'.join([*lines, *details, f'{len(rows)} figures: {counts}']) + '\n'


def _figure(value: float | None) -> str:
    return '-' if value is None else f'{value:.4f}'


def _difference(row: Row) -> str:
    return '-' if row.expected is None or row.found is None else f'{round(row.found, 4) - round(row.expected, 4):+.4f}'
