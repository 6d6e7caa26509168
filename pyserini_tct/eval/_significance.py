# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Is the difference to a baseline more than chance? Values per query in; p-values, corrected ones and counts out."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pyserini_tct._errors import TctError

LEVEL = 0.05
TESTS = {'t': 'paired t-test', 'randomization': 'paired randomization test'}
PERMUTATIONS, SEED = 10_000, 42
SIGNS = 1 << 22  # signs drawn at a time

PerQuery = Mapping[str, Mapping[str, float]]


class Comparison(NamedTuple):
    """A run against the baseline, by one measure."""

    difference: float  # of the means, the run's minus the baseline's
    p: float
    corrected: float  # p, corrected for the number of runs that are compared
    wins: int  # queries on which the run is better
    ties: int
    losses: int

    def mark(self, level: float = LEVEL) -> str:
        """Return ``+`` or ``-`` for a significant difference, else nothing."""
        return '' if self.corrected >= level else '+' if self.difference > 0 else '-'


def compare_to(
    baseline: PerQuery,
    runs: Mapping[str, PerQuery],
    test: str = 't',
    correction: str = 'holm',
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> dict[str, dict[str, Comparison]]:
    """Compare runs with a baseline, query by query.

    Args:
        baseline: its values, ``{measure: {qid: value}}``.
        runs: the same by the name of the run, without the baseline.
        test: of :data:`TESTS`; both are two-sided.
        correction: of :data:`CORRECTIONS`; the runs are one family for each measure.
        permutations: of the randomization test.
        seed: of the randomization test.

    Returns:
        The comparison by run and measure.

    Raises:
        TctError: the values are of different queries, or of fewer than two.

    >>> a, b = ({'RR': dict(enumerate(values))} for values in ([0.5, 0.2, 1.0], [0.6, 0.3, 1.0]))
    >>> compare_to(a, {'b': b})['b']['RR'][3:]
    (2, 1, 0)
    """
    for name, values in runs.items():
        for measure, theirs in baseline.items():
            if values[measure].keys() != theirs.keys():
                raise TctError(
                    f'{name} and the baseline have values of different queries ({len(values[measure])} and '
                    f'{len(theirs)}): a paired test needs the same'
                )
    found: dict[str, dict[str, Comparison]] = {name: {} for name in runs}
    for measure, theirs in baseline.items() if runs else ():
        differences = np.array(
            [[values[measure][qid] - value for qid, value in theirs.items()] for values in runs.values()]
        )
        if differences.shape[1] < 2:
            raise TctError(f'{differences.shape[1]} queries are too few for a test: at least 2 are needed')
        ps = t_test(differences) if test == 't' else randomization(differences, permutations, seed)
        for name, row, p, corrected in zip(runs, differences, ps, CORRECTIONS[correction](ps), strict=True):
            counts = (int((row > 0).sum()), int((row == 0).sum()), int((row < 0).sum()))
            found[name][measure] = Comparison(float(row.mean()), p, corrected, *counts)
    return found


def t_test(differences: np.ndarray) -> list[float]:
    """Return the two-sided p-values of Student's paired t-test.

    Without any difference p is 1; where all differences are the same, it is 0.

    Args:
        differences: float64 (tests, queries).
    """
    from scipy.special import stdtr

    count = differences.shape[1]
    mean, deviation = differences.mean(axis=1), differences.std(axis=1, ddof=1)
    with np.errstate(divide='ignore', invalid='ignore'):
        t = np.where(differences.any(axis=1), mean / (deviation / np.sqrt(count)), 0.0)
    return [float(p) for p in 2 * stdtr(count - 1, -np.abs(t))]


def randomization(differences: np.ndarray, permutations: int = PERMUTATIONS, seed: int = SEED) -> list[float]:
    """Return the two-sided p-values of Fisher's paired randomization test on the difference of the means.

    Under the null hypothesis the sign of each query's difference is a coin's throw. If there are no more ways to throw
    than ``permutations``, each is tried and p is exact; else p = (1 + as extreme) / (1 + tried), for the ways are drawn
    (Phipson and Smyth 2010; for retrieval Smucker, Allan and Carterette 2007).

    Args:
        differences: float64 (tests, queries).
        permutations: ways that are tried.
        seed: of the draw, which is made anew for each test.
    """
    return [_randomization(row[row != 0], permutations, seed) for row in differences]


def _randomization(differences: np.ndarray, permutations: int, seed: int) -> float:
    count, total = len(differences), float(differences.sum())
    exact = count < 63 and 2**count <= permutations
    least = abs(total) - 1e-12 * np.abs(differences).sum()  # sums of the same values in another order
    tried, extreme = 2**count if exact else permutations, 0
    random = np.random.default_rng(seed)
    rows = max(1, SIGNS // max(1, count))
    for start in range(0, tried, rows):
        size = min(rows, tried - start)
        if exact:
            flipped = (np.arange(start, start + size)[:, None] >> np.arange(count)) & 1
        else:
            flipped = random.integers(0, 2, (size, count), np.int8)
        extreme += int((np.abs(total - 2 * (flipped @ differences)) >= least).sum())
    return extreme / tried if exact else (1 + extreme) / (1 + tried)


def bonferroni(ps: Sequence[float]) -> list[float]:
    """Return each p-value times their number, at most 1.

    >>> bonferroni([0.25, 0.5])
    [0.5, 1.0]
    """
    return [min(1.0, p * len(ps)) for p in ps]


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down (1979): the least times n, the next times n - 1, never falling.

    >>> holm([0.5, 0.125, 0.25])
    [0.5, 0.375, 0.5]
    """
    corrected, largest = [0.0] * len(ps), 0.0
    for i, position in enumerate(sorted(range(len(ps)), key=lambda position: ps[position])):
        largest = max(largest, min(1.0, ps[position] * (len(ps) - i)))
        corrected[position] = largest
    return corrected


CORRECTIONS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    'holm': holm,
    'bonferroni': bonferroni,
    'none': list,
}
