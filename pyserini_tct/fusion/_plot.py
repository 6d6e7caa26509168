# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The tuning curve as an SVG file: the same result gives the same bytes."""

import io
from pathlib import Path
from typing import Any

from pyserini_tct import _env
from pyserini_tct._atomic import atomic_file


def write_plot(path: Path, found: dict[str, Any]) -> None:
    """Draw what :func:`tune` returned: curve and band, the choice and its interval, each side alone.

    Raises:
        TctError: Matplotlib is not installed.
    """
    matplotlib = _env.need('matplotlib', 'plot', 'a plot')
    figure_class = _env.need('matplotlib.figure', 'plot', 'a plot').Figure
    with matplotlib.rc_context({'svg.hashsalt': 'pyserini_tct', 'svg.fonttype': 'none'}):
        figure = figure_class(figsize=(6, 4))
        axes = figure.subplots()
        alphas, means = zip(*found['curve'], strict=True)
        low, high = zip(*found['band'], strict=True)
        level = f'{100 * found["level"]:g} %'
        axes.fill_between(alphas, low, high, alpha=0.2, label=f'{level} band')
        axes.plot(alphas, means, marker='.', label='all queries')
        axes.axvspan(*found['alpha_interval'], color='grey', alpha=0.15, label=f'{level} interval of alpha')
        axes.axvline(found['alpha'], color='grey', linewidth=1, label=f'alpha {found["alpha"]:g}')
        for (name, side), style in zip(found['sides'].items(), ('--', ':'), strict=True):
            axes.axhline(side['score'], color='black', linestyle=style, linewidth=1, label=f'{name} alone')
        if found['score'] is not None:
            axes.plot([found['alpha']], [found['score']], 'D', label=f'held out, {len(found["folds"])} folds')
        weighted = 'dense' if found['weight_on_dense'] else 'sparse'
        axes.set(xlabel=f'alpha (weight of the {weighted} scores)', ylabel=found['measure'])
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
        svg = io.StringIO()
        figure.savefig(svg, format='svg', bbox_inches='tight', metadata={'Date': None})
    with atomic_file(path) as out:
        out.write(svg.getvalue())
