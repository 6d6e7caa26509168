# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Choosing alpha on dev: the measure at every alpha of a stated grid, the best, and what that choice is worth.

The curve and the choice are of all queries; the score that is reported is of queries that had no part in choosing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyserini_tct._columns import Columns
from pyserini_tct._errors import TctError
from pyserini_tct.fusion import _statistics
from pyserini_tct.fusion._rule import LARGEST_WEIGHT, alpha_rule, normalization_of
from pyserini_tct.fusion._runs import CUT, pool, queries
from pyserini_tct.runs import Run

GRID = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
FOLDS, SAMPLES = 5, 1000


def tune(
    dense: Run | Columns,
    sparse: Run | Columns,
    qrels: Mapping[str, Mapping[str, int]],
    measure: str = 'RR@10',
    grid: Sequence[float] = GRID,
    normalization: bool | str = False,
    weight_on_dense: bool = False,
    missing: str = 'min',
    folds: int | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Evaluate every alpha of a grid, choose one, and estimate what it will give on other queries.

    Args:
        dense: run of the dense side.
        sparse: run of the sparse side.
        qrels: judgments of the queries to tune on; a judged query without hits counts as 0.
        measure: as ir_measures spells it; its mean over queries is what counts.
        grid: alphas tried.
        normalization, weight_on_dense, missing: as for :func:`interpolate`.
        folds: of the cross-validation; ``None``: 5, or as many as there are queries.
        samples: of the bootstrap over queries.
        seed: of folds and bootstrap.

    Returns:
        ``alpha`` (the smallest of the best on all queries) and ``alpha_interval`` (95 % of the bootstrap's choices);
        ``grid``, ``curve`` (pairs of alpha and mean) and ``band`` (95 % interval of each mean); ``score`` and
        ``score_interval`` of the cross-validation, in which each query is fused with the alpha of the other ``folds``;
        ``sides``: dense and sparse alone, each with the paired t-test of the cross-validated hybrid against it (Holm);
        counts and settings. With one query there is no cross-validation: its figures are ``None``.

    Raises:
        TctError: an empty grid, a fold without a query, or runs and judgments of different queries.
    """
    from pyserini_tct.eval import parse_measures

    if not grid or not all(0 <= alpha <= LARGEST_WEIGHT for alpha in grid):
        raise TctError(f'the grid {list(grid)} is empty or holds what is no alpha: name numbers from 0')
    folds = min(FOLDS, len(qrels)) if folds is None else folds
    if not 1 <= folds <= len(qrels) or (folds == 1 and len(qrels) > 1):
        raise TctError(f'{folds} folds of {len(qrels)} judged queries: choose from 2 to as many as there are queries')
    if samples < 1:
        raise TctError(f'{samples} bootstrap samples: at least one is needed, 1000 are usual')
    (parsed,) = parse_measures([measure])
    options: dict[str, Any] = {
        'normalization': normalization_of(normalization),
        'weight_on_dense': weight_on_dense,
        'missing': missing,
    }
    alphas = sorted(set(map(float, grid)))
    values = _values(dense, sparse, qrels, parsed, alphas, options)
    sampled = _statistics.resampled(values, samples, seed)
    means = values.mean(axis=1)
    sides = {}
    for name, run in (('dense', dense), ('sparse', sparse)):
        try:
            sides[name] = _by_query(qrels, run, parsed)
        except TctError as error:
            raise TctError(f'{name} side: {error}') from error
    return {
        'alpha': alphas[int(_statistics.choose(means))],
        'alpha_interval': _statistics.interval(np.array(alphas)[_statistics.choose(sampled)], 'nearest'),
        'measure': str(parsed),
        **_held_out(values, alphas, sides, folds, samples, seed),
        **options,
        'level': _statistics.LEVEL,
        'samples': samples,
        'seed': seed,
        'queries': {
            'judged': len(qrels),
            'not_in_dense': len(qrels.keys() - _answered(dense)),
            'not_in_sparse': len(qrels.keys() - _answered(sparse)),
            'not_judged': len({*queries(dense), *queries(sparse)} - qrels.keys()),
            'irrelevant': sum(
                max(grades.values(), default=0) < parsed.params.get('rel', 1) for grades in qrels.values()
            ),
        },
        'grid': alphas,
        'curve': list(zip(alphas, means.tolist(), strict=True)),
        'band': _statistics.interval(sampled),
    }


def _held_out(
    values: np.ndarray, alphas: list[float], sides: dict[str, np.ndarray], folds: int, samples: int, seed: int
) -> dict[str, Any]:
    """Cross-validate: the score of queries that had no part in choosing their alpha, and the tests of it."""
    if folds < 2:
        return {'score': None, 'score_interval': None, 'folds': [],
                'sides': {name: {'score': float(side.mean())} for name, side in sides.items()}}  # fmt: skip
    fold = _statistics.fold_of(values.shape[1], folds, seed)
    mine, chosen = _statistics.held_out(values, fold)
    return {
        'score': float(mine.mean()),
        'score_interval': _statistics.interval(_statistics.resampled(mine[None], samples, seed))[0],
        'folds': [
            {
                'alpha': alphas[choice],
                'queries': int((fold == number).sum()),
                'score': float(mine[fold == number].mean()),
            }
            for number, choice in enumerate(chosen)
        ],
        'sides': _against(mine, sides),
    }


def _against(mine: np.ndarray, sides: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Compare the hybrid with each side, query by query."""
    from pyserini_tct.eval._significance import compare_to

    def values(of: np.ndarray) -> dict[str, dict[str, float]]:
        return {'': {str(query): value for query, value in enumerate(of.tolist())}}

    compared = compare_to(values(mine), {name: values(side) for name, side in sides.items()})
    return {
        name: {
            'score': float(sides[name].mean()),
            'difference': 0.0 - found[''].difference,
            'wins': found[''].losses,
            'ties': found[''].ties,
            'losses': found[''].wins,
            'p': found[''].corrected,
        }
        for name, found in compared.items()
    }


def _values(
    dense: Run | Columns,
    sparse: Run | Columns,
    qrels: Mapping[str, Mapping[str, int]],
    measure: Any,
    alphas: Sequence[float],
    options: dict[str, Any],
) -> np.ndarray:
    """Return the measure of each fused list, ``(alphas, queries)``, queries in order of their ids."""
    pools = pool([dense, sparse], qids=qrels.keys())
    if not pools:
        raise TctError('runs and judgments share no query id: check that they belong together')
    k = measure.params.get('cutoff', CUT)  # what comes later has no influence on the measure
    rows = []
    for alpha in alphas:
        rule = alpha_rule(alpha, **options)
        fused = {
            qid: {docid: -float(i) for i, docid in enumerate(pooled.run(rule, k))} for qid, pooled in pools.items()
        }
        rows.append(_by_query(qrels, fused, measure))
    return np.stack(rows)


def _answered(run: Run | Columns) -> set[str]:
    return set(run.rows) if isinstance(run, Columns) else {qid for qid, found in run.items() if found}


def _by_query(qrels: Mapping[str, Mapping[str, int]], run: Run | Columns, measure: Any) -> np.ndarray:
    from pyserini_tct.eval import evaluate

    (values,) = evaluate(qrels, run, [measure]).per_query.values()
    return np.array([values[qid] for qid in sorted(qrels)])
