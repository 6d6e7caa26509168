# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's table as text and Markdown, and a page with plots: alpha, effectiveness against latency and bytes."""

import html
import io
from collections.abc import Sequence
from typing import Any

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
    table = cells(rows)
    head = ''.join(f'<th>{html.escape(cell)}</th>' for cell in table[0])
    body = ''.join('<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in line) + '</tr>' for line in table[1:])
    plots = ''.join(f'<figure>{plot}</figure>' for plot in (_alpha_plot(alphas), *_cost_plots(rows)))
    listed = html.escape('\n'.join(commands))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>TCT-ColBERT on the pocket collection</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .25rem .7rem; text-align: right }} td:first-child, th:first-child {{ text-align: left }}
tr:nth-child(even) {{ background: #f4f4f4 }} th {{ border-bottom: 1px solid }}
figure {{ display: inline-block; margin: 1rem 1rem 0 0 }} pre {{ background: #f4f4f4; padding: 1rem; overflow-x: auto }}
</style></head><body><h1>TCT-ColBERT on the pocket collection</h1><p>{html.escape(caption)}</p>
<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{plots}<h2>Commands</h2><pre>{listed}</pre></body></html>
"""


def _svg(figure: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format='svg', bbox_inches='tight')
    text = out.getvalue()
    return text[text.index('<svg') :]


def _axes(title: str, x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.8))
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _alpha_plot(alphas: dict[str, dict[str, Any]]) -> str:
    figure, axes = _axes('alpha, on dev', 'alpha (weight of the sparse scores)', 'RR@10')
    for name, found in alphas.items():
        axes.plot(*zip(*found['curve'], strict=True), marker='.', label=f'{name} (best {found["alpha"]:g})')
    axes.legend(fontsize=8)
    return _svg(figure)


def _cost_plots(rows: Sequence[Row]) -> list[str]:
    plots = []
    for title, unit, value in (
        ('effectiveness and latency', 'ms a query (log)', lambda row: row.ms),
        ('effectiveness and storage', 'bytes a passage (log)', lambda row: row.index_bytes / row.passages),
    ):
        figure, axes = _axes(title, unit, 'nDCG@10, test')
        axes.set_xscale('log')
        for number, row in enumerate(rows, 1):
            axes.scatter(value(row), row.scores['nDCG@10'], label=f'{number} {row.name}', s=20)
            axes.annotate(
                str(number), (value(row), row.scores['nDCG@10']), xytext=(4, 3), textcoords='offset points', fontsize=8
            )
        axes.legend(fontsize=6, loc='center left', bbox_to_anchor=(1, 0.5))
        plots.append(_svg(figure))
    return plots
