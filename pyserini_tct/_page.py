# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""One HTML page without outside resources: what all reports share."""

import html
from collections.abc import Iterable, Sequence

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
td, th { padding: .25rem .7rem; text-align: right } td:first-child, th:first-child { text-align: left }
.more table { margin: 0 }
tr:nth-child(even) { background: #f4f4f4 } th { border-bottom: 1px solid }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto } figure { display: inline-block; margin: 1rem 1rem 0 0 }
tr.row { cursor: pointer } tr.row:hover { background: #e8eef8 } tr.row:nth-child(4n + 3) { background: #f4f4f4 }
tr.row > td:first-child::before { content: "\\25B8\\00A0" }
tr.row[aria-expanded=true] > td:first-child::before { content: "\\25BE\\00A0" }
tr.more > td { background: #fff; text-align: left; max-width: 66rem }
.block { position: relative } .block button { position: absolute; top: .4rem; right: .4rem }
.block pre { padding-right: 6rem; white-space: pre-wrap; overflow-wrap: anywhere }
"""
SCRIPT = """
document.querySelectorAll('tr.row').forEach(row => {
  const toggle = () => { const more = row.nextElementSibling; more.hidden = !more.hidden;
    row.setAttribute('aria-expanded', String(!more.hidden)); };
  row.addEventListener('click', toggle);
  row.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); toggle(); } });
});
document.querySelectorAll('.block button').forEach(button => button.addEventListener('click', async () => {
  const pre = button.parentElement.querySelector('pre');
  try { await navigator.clipboard.writeText(pre.textContent); }
  catch (error) { const range = document.createRange(); range.selectNodeContents(pre);
    getSelection().removeAllRanges(); getSelection().addRange(range); document.execCommand('copy'); }
  button.textContent = 'copied';
}));
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


def commands(lines: Iterable[str]) -> str:
    """Return commands with a button that copies them."""
    return f'<div class="block"><button type="button">copy</button>{code(lines)}</div>'


def opening_row(cells: Sequence[str], more: str) -> str:
    """Return a row of a table that opens to something more, by click or key, where :data:`SCRIPT` is on the page.

    Args:
        cells: ``<td>`` elements.
        more: HTML.
    """
    return (
        f'<tr class="row" tabindex="0" role="button" aria-expanded="false">{"".join(cells)}</tr>'
        f'<tr class="more" hidden><td colspan="{len(cells)}">{more}</td></tr>'
    )


def opening_table(head: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    """Return a table of plain texts whose rows open; each comes with the HTML that it opens to."""
    names = ''.join(f'<th>{html.escape(name)}</th>' for name in head)
    body = ''.join(opening_row([f'<td>{html.escape(cell)}</td>' for cell in cells], more) for cells, more in rows)
    return f'<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'


def page(title: str, body: str, style: str = '', script: str = '') -> str:
    """Return a whole page; ``body`` is HTML, ``title`` is text and becomes the heading too."""
    name = html.escape(title)
    code = f'<script>{script}</script>' if script else ''
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>\n{STYLE}{style}'
        f'</style></head><body><h1>{name}</h1>{body}{code}</body></html>\n'
    )
