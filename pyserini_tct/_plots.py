# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG text for a page without outside resources: what ``demo`` and ``compare`` draw."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _env

WIDTH = 13  # pixels from one number to the next


class Point(NamedTuple):
    """A system in a plot of effectiveness against cost."""

    name: str
    cost: float
    score: float


def axes(title: str, x: str, y: str) -> tuple[Any, Any]:
    """Return a figure and its axes.

    Raises:
        TctError: Matplotlib is not installed.
    """
    figure = _env.need('matplotlib.figure', 'plot', 'a plot').Figure(figsize=(5.2, 3.8))
    drawn = figure.subplots()
    drawn.set(title=title, xlabel=x, ylabel=y)
    drawn.grid(alpha=0.3)
    return figure, drawn


def svg(figure: Any) -> str:
    """Return a figure as an SVG element."""
    out = io.StringIO()
    figure.savefig(out, format='svg', bbox_inches='tight')
    text = out.getvalue()
    return text[text.index('<svg') :]


def cost_plot(title: str, unit: str, score: str, points: Iterable[Point]) -> str:
    """Draw effectiveness against cost, the cost on a logarithmic axis; points are numbered as in the legend."""
    figure, drawn = axes(title, unit, score)
    drawn.set_xscale('log')
    drawn.xaxis.set_major_formatter('{x:,g}')
    points = list(points)
    for number, point in enumerate(points, 1):
        drawn.scatter(point.cost, point.score, label=f'{number} {point.name}', s=24)
    drawn.margins(0.12)
    taken: list[Any] = []
    for number, point in enumerate(points, 1):
        at = point.cost, point.score
        place = _free_place(drawn.transData.transform(at), taken)
        drawn.annotate(str(number), at, xytext=place, textcoords='offset points', fontsize=9, ha='center', va='center')
    drawn.legend(fontsize=8, loc='upper center', bbox_to_anchor=(0.45, -0.16), ncol=2, frameon=False)
    return svg(figure)


def _free_place(at: np.ndarray, taken: list[Any]) -> tuple[float, float]:
    """Return where a number may stand beside its point, in points, and note it: not upon another number."""
    places = [(r * np.cos(turn), r * np.sin(turn)) for r in (9, 18, 27) for turn in np.arange(0.5, 8.5) * np.pi / 4]
    free = (place for place in places if all(np.hypot(*(at + place - other)) > WIDTH for other in taken))
    found = next(free, places[0])
    taken.append(at + found)
    return found


def alpha_plot(tuned: Mapping[str, Mapping[str, Any]], split: str, score: str) -> str:
    """Draw effectiveness at each alpha, by the name of a hybrid as ``fusion.tune`` returned it."""
    figure, drawn = axes(f'alpha, on {split}', 'alpha (weight of the sparse scores)', score)
    for name, found in tuned.items():
        drawn.plot(*zip(*found['curve'], strict=True), marker='.', label=f'{name} (best {found["alpha"]:g})')
    drawn.legend(fontsize=8)
    return svg(figure)


def gains_plot(title: str, score: str, gains: Sequence[float]) -> str:
    """Draw the gain of each query, the largest first: gains in green, losses in red."""
    figure, drawn = axes(title, 'query, by gain', f'difference in {score}')
    figure.set_size_inches(3.4, 2.6)
    ordered = np.array(sorted(gains, reverse=True))
    places = np.arange(1, len(ordered) + 1)
    for colour, part in (('tab:green', ordered.clip(min=0)), ('tab:red', ordered.clip(max=0))):
        drawn.fill_between(places, part, step='mid', color=colour, linewidth=0.8)
    drawn.axhline(0, color='black', linewidth=0.6)
    return svg(figure)
