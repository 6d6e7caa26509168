# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Tables as text, Markdown, LaTeX: rows of cells in, the head first. The first columns hold names, the rest figures."""

from collections.abc import Callable, Sequence

Cells = Sequence[Sequence[str]]
SPECIAL = str.maketrans(
    {
        **{letter: f'\\{letter}' for letter in '&%$#_{}'},
        '\\': r'\textbackslash{}',
        '~': r'\textasciitilde{}',
        '^': r'\textasciicircum{}',
        '<': r'\textless{}',
        '>': r'\textgreater{}',
    }
)


def text_table(cells: Cells, names: int = 1) -> str:
    """Lay a table out in columns.

    >>> print(text_table([['run', 'RR'], ['bm25', '0.5']]))
    run    RR
    bm25  0.5
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row[:names], widths, strict=False)]
        padded += [cell.rjust(width) for cell, width in zip(row[names:], widths[names:], strict=True)]
        lines.append('  '.join(padded).rstrip())
    return '\n'.join(lines)


def markdown_table(cells: Cells, names: int = 1) -> str:
    """Return a table in Markdown.

    >>> print(markdown_table([['run', 'RR'], ['bm25', '0.5']]))
    | run | RR |
    |---|---:|
    | bm25 | 0.5 |
    """
    lines = ['| ' + ' | '.join(cell.strip().replace('|', r'\|') for cell in row) + ' |' for row in cells]
    lines.insert(1, '|' + '---|' * names + '---:|' * (len(cells[0]) - names))
    return '\n'.join(lines)


def latex_table(cells: Cells, names: int = 1) -> str:
    r"""Return a table in LaTeX, with the rules of booktabs; a mark after a figure is raised.

    >>> print(latex_table([['run', 'RR'], ['bm_25', '0.5+']]))
    \begin{tabular}{lr}
    \toprule
    run & RR \\
    \midrule
    bm\_25 & 0.5$^{+}$ \\
    \bottomrule
    \end{tabular}
    """
    head, *body = [[cell.translate(SPECIAL).strip() for cell in row] for row in cells]
    lines = [[*row[:names], *map(_raised, row[names:])] for row in body]
    return '\n'.join(
        [
            f'\\begin{{tabular}}{{{"l" * names}{"r" * (len(head) - names)}}}',
            '\\toprule',
            f'{" & ".join(head)} \\\\',
            '\\midrule',
            *(f'{" & ".join(row)} \\\\' for row in lines),
            '\\bottomrule',
            '\\end{tabular}',
        ]
    )


def _raised(figure: str) -> str:
    return f'{figure[:-1]}$^{{{figure[-1]}}}$' if figure[-1:] in ('+', '-') and len(figure) > 1 else figure


TABLES: dict[str, Callable[[Cells, int], str]] = {'text': text_table, 'markdown': markdown_table, 'latex': latex_table}
