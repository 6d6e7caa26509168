# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a regression: each condition is a row that opens to its commands and figures; earlier runs below."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from pyserini_tct import _page
from pyserini_tct.regress._grid import LEGEND, apart, cell, grid_of
from pyserini_tct.regress._matrix import HIGH, LOW, NOT_RUN, RANKS, Row

STYLE = """body { max-width: 90rem } tr.row td:first-child { min-width: 14rem } tr.more > td { max-width: 86rem }
tr.more td:last-child, tr.more th:last-child { text-align: left }
td.moved { color: #b00020; font-weight: bold } td.absent { color: #777 }
"""
EARLIER = 12  # runs shown


def as_page(
    facts: Mapping[str, Any], rows: Sequence[Row], displays: Mapping[str, str], history: Sequence[Mapping[str, Any]]
) -> str:
    """Return the page.

    Args:
        facts: of this run.
        rows: its figures.
        displays: how conditions are called in full.
        history: all runs that were reported into the same folder, this one last.
    """
    grid = grid_of(rows)
    earlier = history[-EARLIER:]
    head = '<th>condition</th>' + ''.join(
        f'<th>{html.escape(topic)}<br>{html.escape(measure)}</th>' for topic, measure in grid.columns
    )
    body = ''.join(
        _condition(name, displays.get(name, name), [line.get(column) for column in grid.columns], earlier)
        for name, line in grid.lines.items()
    )
    absent = ''.join(
        f'<p>{html.escape(reason)}</p><ul>{"".join(f"<li>{html.escape(name)}</li>" for name in names)}</ul>'
        for reason, names in apart(rows).items()
    )
    versions = ', '.join(f'{name} {version}' for name, version in facts['environment']['versions'].items() if version)
    return _page.page(
        f'Regression {facts["file"]}',
        f'<p>{html.escape(facts["date"])}, exit code {facts["exit_code"]}. {html.escape(versions)}.<br>'
        f'{html.escape(LEGEND)}. A row opens to its commands.</p>'
        f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        + (f'<h2>Could not run</h2>{absent}' if absent else '')
        + f'<h2>Runs so far</h2>{_history(earlier)}',
        STYLE,
        _page.SCRIPT,
    )


def _condition(name: str, display: str, rows: Sequence[Row | None], earlier: Sequence[Mapping[str, Any]]) -> str:
    cells = [f'<td>{html.escape(display)}</td>', *(f'<td{_class(row)}>{html.escape(cell(row))}</td>' for row in rows)]
    found = [row for row in rows if row is not None]
    commands = {row.topic_key: row.commands for row in found if row.commands}
    blocks = ''.join(f'<h4>{html.escape(topic)}</h4>{_page.commands(lines)}' for topic, lines in commands.items())
    details = ''.join(
        f'<p>{html.escape(text)}</p>'
        for text in dict.fromkeys(
            f'{row.topic_key}: {text}' for row in found for text in (row.detail, row.finding) if text
        )
    )
    return _page.opening_row(cells, details + _figures(found, earlier) + blocks)


def _class(row: Row | None) -> str:
    if row is None or row.status == NOT_RUN:
        return ' class="absent"'
    return ' class="moved"' if row.status in (LOW, HIGH, RANKS) else ''


def _figures(rows: Sequence[Row], earlier: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with pin, tolerance and source of each figure, and what earlier runs found."""
    lines = []
    for row in rows:
        before = [run['figures'].get(f'{row.condition} {row.topic_key} {row.measure}') for run in earlier[:-1]]
        lines.append(
            [
                f'{row.topic_key} {row.measure}',
                _text(row.expected),
                _text(row.found),
                _text(row.tolerance),
                row.status,
                ' '.join(_text(value) for value in before) or '-',
                '; '.join(filter(None, [row.source, row.note])) or '-',
            ]
        )
    return _page.table(['figure', 'pinned', 'found', 'tolerance', '', 'earlier', 'source'], lines)


def _text(value: float | None) -> str:
    return '-' if value is None else f'{value:.4f}'


def _history(runs: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for before, run in zip([None, *runs], runs, strict=False):
        figures = run['figures']
        known = [value for value in figures.values() if value is not None]
        changed = sum(value != before['figures'].get(name, value) for name, value in figures.items()) if before else 0
        versions = run['versions']
        new = [
            f'{name} {versions[name]}' for name in versions if before and before['versions'].get(name) != versions[name]
        ]
        lines.append(
            [run['date'], str(run['exit_code']), f'{len(known)} of {len(figures)}', str(changed), ', '.join(new) or '-']
        )
    return _page.table(['run', 'exit code', 'figures found', 'other than before', 'new versions'], reversed(lines))
