# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Choosing alpha on dev: the measure at every alpha of a stated grid, and the best."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._interpolation import interpolate
from pyserini_tct.runs import Run

GRID = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
LARGEST_ALPHA = 1e6
CUT = 1000  # hits of a fused list that are evaluated


def fuse(dense: Run, sparse: Run, alpha: float, k: int = CUT, **options: bool) -> Run:
    """Interpolate two runs query by query; a query that one side lacks has the other side's list."""
    return {
        qid: {hit.docid: hit.score for hit in interpolate(dense.get(qid, {}), sparse.get(qid, {}), alpha, k, **options)}
        for qid in {**dense, **sparse}
    }


def tune(
    dense: Run,
    sparse: Run,
    qrels: Mapping[str, Mapping[str, int]],
    measure: str = 'RR@10',
    grid: Sequence[float] = GRID,
    **options: bool,
) -> dict[str, Any]:
    """Evaluate every alpha of a grid.

    Args:
        dense: run of the dense side.
        sparse: run of the sparse side.
        qrels: judgments of the queries to tune on; report on others.
        measure: as ir_measures spells it.
        grid: alphas tried.
        options: ``normalization``, ``weight_on_dense``, as for :func:`interpolate`.

    Returns:
        ``alpha`` (the smallest of the best), ``measure``, ``score`` and the ``curve`` as pairs.

    Raises:
        TctError: an empty grid, or runs and judgments of different queries.
    """
    from pyserini_tct.eval import evaluate, parse_measures

    if not grid or not all(abs(alpha) <= LARGEST_ALPHA for alpha in grid):
        raise TctError(f'the grid {list(grid)} is empty or holds what is no alpha: name finite numbers')
    (parsed,) = parse_measures([measure])
    judged = {qid: dict(grades) for qid, grades in qrels.items()}
    curve = []
    for alpha in sorted(grid):
        scores = evaluate(judged, fuse(dense, sparse, alpha, **options), [parsed])
        curve.append((alpha, next(iter(scores.mean.values()))))
    best, value = max(curve, key=lambda point: (round(point[1], 6), -point[0]))
    return {'alpha': best, 'measure': str(parsed), 'score': value, **options, 'curve': curve}


def read_alpha(text: str, **options: bool) -> float:
    """Return an alpha given as a number, or as ``@FILE`` that :func:`tune`'s command wrote.

    Raises:
        TctError: it is neither, or out of range, or was tuned with other options.
    """
    from pyserini_tct._files import read_json

    value: Any = text
    if text.startswith('@'):
        tuned = read_json(Path(text[1:]))
        value = tuned.get('alpha')
        other = next((name for name, option in options.items() if tuned.get(name, option) != option), None)
        if other:
            flag = f'--{other.replace("_", "-")}'
            raise TctError(f'{text[1:]} was tuned {"with" if tuned[other] else "without"} {flag}: use it so')
    try:
        alpha = float(value)
    except (TypeError, ValueError) as error:
        raise TctError(f'--alpha {text} is neither a number nor @FILE with an `alpha`') from error
    if not abs(alpha) <= LARGEST_ALPHA:
        raise TctError(f'--alpha {text} is beyond {LARGEST_ALPHA:g} or no number: choose a smaller one')
    return alpha
