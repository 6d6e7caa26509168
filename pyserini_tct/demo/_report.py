# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's table as text and Markdown, and a page with plots: alpha, effectiveness against latency and bytes."""

import html
from collections.abc import Sequence
from typing import Any

from pyserini_tct import _page, _plots
from pyserini_tct.demo._systems import BASELINE, MEASURES, Row
from pyserini_tct.eval import compare_to, markdown_table, text_table


def marks(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Return ``+`` or ``-`` where a row differs from the bi-encoder: paired t-test, Holm over the rows, p < 0.05.

    Returns:
        By row and measure; where there is no significant difference there is no entry.
    """
    base = next(row for row in rows if row.name == BASELINE)
    compared = compare_to(base.per_query, {row.name: row.per_query for row in rows if row is not base})
    found = {
        (name, m): comparison.mark() for name, by_measure in compared.items() for m, comparison in by_measure.items()
    }
    return {key: mark for key, mark in found.items() if mark}


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return the table's cells, the head first."""
    marked = marks(rows)
    table = [['pocket, test', *MEASURES, 'ms/query', 'index KiB', 'bytes/passage']]
    for row in rows:
        scores = [f'{row.scores[measure]:.4f}{marked.get((row.name, measure), " ")}' for measure in MEASURES]
        costs = [f'{row.ms:.1f}', f'{row.index_bytes / 1024:,.0f}', f'{row.index_bytes / row.passages:,.0f}']
        table.append([row.name, *scores, *costs])
    return table


def as_text(rows: Sequence[Row]) -> str:
    """Lay the table out in columns."""
    return text_table(cells(rows))


def as_markdown(rows: Sequence[Row], caption: str, commands: Sequence[str]) -> str:
    """Return the table, its caption and the commands as Markdown."""
    parts = ['# TCT-ColBERT on the pocket collection', caption, markdown_table(cells(rows))]
    return '\n\n'.join([*parts, '\n'.join(['```', *commands, '```', ''])])


def as_page(rows: Sequence[Row], alphas: dict[str, dict[str, Any]], caption: str, commands: Sequence[str]) -> str:
    """Return one HTML page without outside resources: the table, three plots, the commands."""
    head, *body = cells(rows)
    plots = (_plots.alpha_plot(alphas, 'dev', 'RR@10'), *_cost_plots(rows))
    return _page.page(
        'TCT-ColBERT on the pocket collection',
        f'<p>{html.escape(caption)}</p>\n{_page.table(head, body)}{_page.figures(plots)}'
        f'<h2>Commands</h2>{_page.code(commands)}',
    )


def _cost_plots(rows: Sequence[Row]) -> list[str]:
    return [
        _plots.cost_plot(
            f'effectiveness and {what}',
            f'{unit} (log)',
            'nDCG@10, test',
            [_plots.Point(row.name, cost(row), row.scores['nDCG@10']) for row in rows],
        )
        for what, unit, cost in (
            ('latency', 'ms a query', lambda row: row.ms),
            ('storage', 'bytes a passage', lambda row: row.index_bytes / row.passages),
        )
    ]
