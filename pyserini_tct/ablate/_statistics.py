# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Cells to rows: means and spreads over seeds, and each student's difference to the one without soft labels.

A column is a collection, or :data:`MEAN`, the mean over the collections trained on, each of which counts alike.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct.eval import holm, t_test

MEAN, LEVEL = 'mean', 0.95
Content = Mapping[str, Any]


class Row(NamedTuple):
    """A setting: its cells by seed (``None``: it has no seed), and the row it is compared with."""

    name: str
    kind: str
    baseline: str
    cells: dict[int | None, Content]


class Difference(NamedTuple):
    """A setting's mean minus its baseline's, over the seeds that both have; the interval is Student's, 95 %."""

    difference: float
    low: float
    high: float
    p: float
    corrected: float  # by Holm, for the number of settings compared
    queries: int
    seeds: int


def rows_of(cells: Iterable[Content]) -> list[Row]:
    """Return the rows in the order of the cells."""
    found: dict[str, Row] = {}
    for cell in cells:
        row = found.setdefault(cell['row'], Row(cell['row'], cell['kind'], cell['baseline'], {}))
        row.cells[cell['seed']] = cell
    return list(found.values())


def spread(row: Row, column: str, measure: str, trained: Sequence[str]) -> tuple[float, float | None] | None:
    """Return mean and standard deviation (n - 1) over the seeds evaluated there, ``None`` where none is.

    Args:
        row: the setting.
        column: a collection or :data:`MEAN`.
        measure: its name.
        trained: the collections of the mean.
    """
    names = trained if column == MEAN else [column]
    cells = [cell for cell in row.cells.values() if _has(cell, names)]
    if not cells:
        return None
    values = [sum(cell['means'][name][measure] for name in names) / len(names) for cell in cells]
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def compare(rows: Sequence[Row], column: str, measure: str, trained: Sequence[str]) -> dict[str, Difference]:
    """Compare every student with its baseline, query by query; scores are averaged over the seeds first.

    For :data:`MEAN` each query weighs as much as makes the collections count alike: the mean of the weighed
    differences is the difference of the means.

    Returns:
        By row; a row without a baseline, or whose baseline is missing, is not there.
    """
    names = trained if column == MEAN else [column]
    by_name, found = {row.name: row for row in rows}, {}
    for row in rows:
        base = by_name.get(row.baseline)
        seeds = [s for s in row.cells if base and s in base.cells and _has(base.cells[s], names)]
        seeds = [seed for seed in seeds if _has(row.cells[seed], names)]
        if base is None or not seeds:
            continue
        parts = [_by_query(row, name, measure, seeds) - _by_query(base, name, measure, seeds) for name in names]
        whole = sum(map(len, parts))
        weighed = np.concatenate([part * (whole / (len(parts) * len(part))) for part in parts])
        if whole > 1:
            found[row.name] = (weighed, len(seeds))
    ps = [t_test(values[None])[0] for values, _ in found.values()]
    return {
        name: Difference(*_interval(values), p, corrected, len(values), seeds)
        for (name, (values, seeds)), p, corrected in zip(found.items(), ps, holm(ps), strict=True)
    }


def _has(cell: Content, names: Sequence[str]) -> bool:
    """Tell whether a cell was evaluated on these collections."""
    return all(name in cell['means'] for name in names)


def _by_query(row: Row, name: str, measure: str, seeds: Sequence[int | None]) -> np.ndarray:
    """Return each query's mean over the seeds, in the order of the query ids."""
    values = [row.cells[seed]['per_query'][name][measure] for seed in seeds]
    return np.array([sum(one[qid] for one in values) / len(values) for qid in sorted(values[0])])


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    from scipy.special import stdtrit

    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * error
    return mean, mean - half, mean + half


def average(row: Row, value: Callable[[Content], float | None]) -> float | None:
    """Return the mean over a row's cells of a figure, of those that have it; ``None`` if none has."""
    found = [number for cell in row.cells.values() if (number := value(cell)) is not None]
    return statistics.fmean(found) if found else None


def seconds(cell: Content) -> float | None:
    """Return what the training of a cell took."""
    return (cell['training'] or {}).get('seconds')


def step_seconds(cell: Content) -> float | None:
    """Return the median of a training step."""
    return (cell['training'] or {}).get('seconds_per_step')


def memory(cell: Content) -> float | None:
    """Return the training's peak memory in bytes: the GPU's where it has used one, else the process's."""
    training = cell['training'] or {}
    return training.get('peak_gpu_memory') or training.get('peak_memory')


def entropy(cell: Content) -> float | None:
    """Return the entropy of the teacher's target in the first step, in nats."""
    return (cell['training'] or {}).get('target_entropy')
