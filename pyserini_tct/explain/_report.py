# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""An explanation as text, and as a page in which tokens are coloured by what they give to the score."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from pyserini_tct import _page
from pyserini_tct.eval import text_table

Found = Mapping[str, Any]
TITLES = {'maxsim': 'MaxSim (teacher)', 'dense': 'dot product (student)', 'bm25': 'BM25', 'hybrid': 'hybrid'}
STYLE = """.heat span { padding: 0 .1rem; border-radius: .2rem } .matrix { font-size: 10px }
.matrix td, .matrix th { padding: 0 .2rem } .matrix thead th { writing-mode: vertical-rl; text-align: right }
.scroll { overflow-x: auto }
"""


def as_text(found: Found, top: int) -> str:
    """Return the score of each part with its largest contributions.

    Args:
        found: the explanation.
        top: tokens shown of a list.
    """
    blocks = [f'query    {found["query"]}\npassage  {found["docid"]}']
    for name, part in found['parts'].items():
        lines = [heading(name, part)]
        for side in ('query', 'passage'):
            if part.get(side):
                lines.append(text_table([*_cells(name, side, part[side][:0]), *_largest(name, side, part[side], top)]))
        blocks.append('\n'.join(lines))
    return '\n\n'.join(blocks)


def heading(name: str, part: Found) -> str:
    """Return a part's title and score."""
    how = f', dense + {part["alpha"]:g} * BM25' if name == 'hybrid' else ''
    return f'{TITLES[name]}: {part["score"]:.6f}{how}'


def _cells(name: str, side: str, entries: Sequence[Found]) -> list[list[str]]:
    """Return the table of a list of tokens, the head first."""
    if name == 'bm25':
        rows = [[f'{e["count"]}', f'{e["documents"]}', _number(e['idf']), _number(e['tf'])] for e in entries]
        head = ['count', 'documents', 'idf', 'tf']
    elif name == 'maxsim' and side == 'query':
        rows = [['(padding)' if e['best'] is None else f'{e["best"]} [{e["position"]}]'] for e in entries]
        head = ['best passage token']
    else:
        rows, head = [[] for _ in entries], []
    values = [_number(entry['contribution']) for entry in entries]
    body = [[e['token'], *row, value] for e, row, value in zip(entries, rows, values, strict=True)]
    return [[f'{side} token', *head, 'contribution'], *body]


def _largest(name: str, side: str, entries: Sequence[Found], top: int) -> list[list[str]]:
    """Return the rows of the largest contributions, in the order of the text, and one for the rest."""
    order = sorted(range(len(entries)), key=lambda i: -abs(entries[i]['contribution']))
    kept = sorted(order[:top])
    rows = _cells(name, side, [entries[i] for i in kept])[1:]
    rest = [entries[i]['contribution'] for i in order[top:]]
    if rest:
        blank = [''] * (len(_cells(name, side, [])[0]) - 2)
        rows.append([f'{len(rest)} others', *blank, _number(sum(rest))])
    return rows


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.4f}'


def as_page(found: Found) -> str:
    """Return one HTML page without outside resources: tokens as a heat map, tables, and the matrix of all pairs."""
    parts = []
    for name, part in found['parts'].items():
        parts.append(f'<h2>{html.escape(heading(name, part))}</h2>')
        parts += [_heat(side, part[side]) for side in ('query', 'passage') if part.get(side)]
        if part.get('query'):
            head, *rows = _cells(name, 'query', part['query'])
            parts.append(f'<details><summary>by query token</summary>{_page.table(head, rows)}</details>')
        if part.get('pairs'):
            parts.append(f'<details><summary>all pairs</summary>{_matrix(part)}</details>')
    about = f'<p>{html.escape(found["query"])}</p><p>{html.escape(found["text"] or "")}</p>'
    return _page.page(f'Passage {found["docid"]}', about + ''.join(parts), STYLE)


def _colour(value: float, largest: float) -> str:
    """Return a background: green for what adds to a score, red for what takes away."""
    shade = f'{abs(value) / largest if largest else 0:.2f}'
    return f'background: rgba({"0, 140, 60" if value > 0 else "200, 30, 30"}, {shade})'


def _heat(side: str, entries: Sequence[Found]) -> str:
    largest = max(abs(entry['contribution']) for entry in entries)
    spans = ' '.join(
        f'<span style="{_colour(entry["contribution"], largest)}" title="{entry["contribution"]:.4f}">'
        f'{html.escape(entry["token"])}</span>'
        for entry in entries
    )
    return f'<p class="heat"><b>{side}</b> {spans}</p>'


def _matrix(part: Found) -> str:
    largest = max((abs(value) for row in part['pairs'] for value in row), default=0.0)
    head = ''.join(f'<th>{html.escape(entry["token"])}</th>' for entry in part['passage'])
    body = ''.join(
        f'<tr><td>{html.escape(entry["token"])}</td>'
        + ''.join(f'<td style="{_colour(value, largest)}" title="{value:.4f}"></td>' for value in row)
        + '</tr>'
        for entry, row in zip(part['query'], part['pairs'], strict=False)
    )
    return f'<div class="scroll"><table class="matrix"><thead><tr><th></th>{head}</tr></thead>{body}</table></div>'
