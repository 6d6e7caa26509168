# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""One HTML page without outside resources: what all reports share."""

import html
from collections.abc import Iterable, Sequence

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .7rem; text-align: right } td:first-child, th:first-child { text-align: left }
tr:nth-child(even) { background: #f4f4f4 } th { border-bottom: 1px solid }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto } figure { display: inline-block; margin: 1rem 1rem 0 0 }
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain texts.

    >>> table(['run'], [['a < b']])
    '<table><thead><tr><th>run</th></tr></thead><tbody><tr><td>a &lt; b</td></tr></tbody></table>'
    """
    cells = ''.join(f'<th>{html.escape(cell)}</th>' for cell in head)
    body = ''.join('<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in line) + '</tr>' for line in rows)
    return f'<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>'


def figures(plots: Iterable[str]) -> str:
    """Return SVG elements side by side."""
    return ''.join(f'<figure>{plot}</figure>' for plot in plots)


def code(lines: Iterable[str]) -> str:
    """Return commands, one a line.

    >>> code(['sort < run'])
    '<pre>sort &lt; run</pre>'
    """
    return f'<pre>{html.escape(chr(10).join(lines))}</pre>'


def page(title: str, body: str, style: str = '', script: str = '') -> str:
    """Return a whole page; ``body`` is HTML, ``title`` is text and becomes the heading too."""
    name = html.escape(title)
    code = f'<script>{script}</script>' if script else ''
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>\n{STYLE}{style}'
        f'</style></head><body><h1>{name}</h1>{body}{code}</body></html>\n'
    )
