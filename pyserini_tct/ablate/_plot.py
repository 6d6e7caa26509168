# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The plot of an ablation: for each measure the settings' means and spreads, and their differences to none."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _env
from pyserini_tct._atomic import atomic_file
from pyserini_tct.ablate._statistics import MEAN, Difference, Row, spread

COLOURS = {'student': 'tab:blue', 'teacher': 'tab:green', 'maxsim': 'tab:olive'}


def write_plot(
    path: Path,
    rows: Sequence[Row],
    measures: Sequence[str],
    trained: Sequence[str],
    compared: dict[str, dict[str, Difference]],
) -> None:
    """Draw the mean over the collections trained on.

    Raises:
        TctError: Matplotlib is not installed.
    """
    figure_class = _env.need('matplotlib.figure', 'demo', 'the plot').Figure
    figure = figure_class(figsize=(11, 0.9 + len(measures) * (0.9 + 0.28 * len(rows))), layout='constrained')
    for line, measure in zip(figure.subplots(len(measures), 2, sharey='row', squeeze=False), measures, strict=True):
        places = range(len(rows), 0, -1)
        for place, row in zip(places, rows, strict=True):
            found, colour = spread(row, MEAN, measure, trained), COLOURS.get(row.kind, 'tab:grey')
            if found:
                line[0].errorbar(found[0], place, xerr=found[1], fmt='o', color=colour, capsize=3)
            difference = compared[measure].get(row.name)
            if difference:
                ends = [[difference.difference - difference.low], [difference.high - difference.difference]]
                filled = colour if difference.corrected < 0.05 else 'white'
                line[1].errorbar(
                    difference.difference, place, xerr=ends, fmt='o', color=colour, markerfacecolor=filled, capsize=3
                )
        line[0].set_yticks(list(places), [row.name for row in rows], fontsize=8)
        line[0].set(xlabel=f'{measure}, mean ± standard deviation over seeds')
        line[1].axvline(0, color='grey', linewidth=1)
        line[1].set(xlabel=f'{measure} minus none, 95 % interval (filled: p < 0.05)')
        for axes in line:
            axes.grid(axis='x', alpha=0.3)
    with atomic_file(path, 'wb') as out:
        figure.savefig(out, format='png', dpi=130)
