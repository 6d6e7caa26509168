# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The figures as 2CR lays them out: a line a condition, a column a measure, grouped by topics; what is amiss below."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pyserini_tct.regress._matrix import HIGH, LOW, NO_PIN, NOT_RUN, OK, RANKS, Row, matrix

MARKS = {OK: '', LOW: '-', HIGH: '+', RANKS: '!', NO_PIN: '?', NOT_RUN: ''}
LEGEND = '- lower than pinned, + higher, ! other documents, ? without a pin, (in brackets) pinned and could not run'


class Grid(NamedTuple):
    """Columns as ``(topic_key, measure)``, and for each condition a row for each column that it has."""

    columns: list[tuple[str, str]]
    lines: dict[str, dict[tuple[str, str], Row]]


def grid_of(rows: Iterable[Row]) -> Grid:
    """Arrange rows; topics and measures keep the order in which they first come."""
    topics: dict[str, dict[str, None]] = {}
    lines: dict[str, dict[tuple[str, str], Row]] = {}
    for row in rows:
        topics.setdefault(row.topic_key, {})[row.measure] = None
        lines.setdefault(row.condition, {})[row.topic_key, row.measure] = row
    return Grid([(topic, measure) for topic, measures in topics.items() for measure in measures], lines)


def cell(row: Row | None) -> str:
    """Return a figure with its mark; the pinned one in brackets where nothing was found.

    >>> cell(Row('bm25', 'dev', 'RR@10', 0.5, 0.25, 0.0, 'LOW'))
    '0.2500-'
    """
    if row is None:
        return ''
    if row.found is None:
        return '(-)' if row.expected is None else f'({_figure(row, row.expected)})'
    return _figure(row, row.found) + MARKS[row.status]


def _figure(row: Row, value: float) -> str:
    return f'{value:.0f}' if row.measure.startswith('ranks@') else f'{value:.4f}'


def as_text(rows: Sequence[Row]) -> str:
    """Return the grid in columns of equal width."""
    grid = grid_of(rows)
    table = [['', *(measure for _, measure in grid.columns)]]
    table += [[name, *(cell(line.get(column)) for column in grid.columns)] for name, line in grid.lines.items()]
    widths = [max(len(line[i]) for line in table) + 1 for i in range(len(table[0]))]
    head = ' ' * widths[0]
    for topic in dict.fromkeys(topic for topic, _ in grid.columns):
        span = [i for i, column in enumerate(grid.columns, 1) if column[0] == topic]
        head = head.ljust(sum(widths[: span[0]]) + span[0]) + f' {topic}'
        room = sum(widths[i] for i in span) + len(span) - 1
        widths[span[-1]] += max(len(topic) + 1 - room, 0)
    lines = [head, *(_aligned(line, widths) for line in table)]
    return '\n'.join(line.rstrip() for line in lines) + '\n'


def _aligned(line: list[str], widths: list[int]) -> str:
    """Align figures at their last digit: a mark stands right of it."""
    cells = [line[0].ljust(widths[0])]
    for text, width in zip(line[1:], widths[1:], strict=True):
        cells.append((text if text[-1:] in ('-', '+', '!', '?', ')') else f'{text} ').rjust(width))
    return ' '.join(cells)


def apart(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return why things could not run, each reason once, with the conditions and topics that it keeps from running."""
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.status == NOT_RUN:
            reasons.setdefault(row.detail, {})[f'{row.condition} {row.topic_key}'] = None
    return {reason: list(names) for reason, names in reasons.items()}


def summary(rows: Sequence[Row]) -> str:
    """Return the grid, then the figures that moved, then what could not run, then the counts."""
    if not rows:
        return 'nothing of this can run here\n'
    text = as_text(rows)
    if any(row.status != OK for row in rows):
        text += LEGEND + '\n'
    moved = [row for row in rows if row.status in (LOW, HIGH, RANKS)]
    if moved:
        text += '\n' + matrix(moved).rsplit('\n', 2)[0] + '\n'  # without its count
    for reason, names in apart(rows).items():
        text += f'\ncould not run: {reason}\n' + ''.join(f'  {name}\n' for name in names)
    counts = ', '.join(f'{count} {status}' for status, count in Counter(row.status for row in rows).items())
    return f'{text}{len(rows)} figures: {counts or "none"}\n'
