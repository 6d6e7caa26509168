# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What the choice of one value from a grid is worth: folds, and the bootstrap over queries.

``values`` is a measure by choice and query, float ``(choices, queries)``; everything random has a seed.
"""

from typing import Any

import numpy as np

LEVEL = 0.95  # of every interval


def choose(means: np.ndarray) -> np.ndarray:
    """Return the number of the first of the best, compared in 6 decimals, along the last axis."""
    return np.argmax(np.round(means, 6), axis=-1)


def fold_of(queries: int, folds: int, seed: int) -> np.ndarray:
    """Deal queries to folds at random, as evenly as possible: the number of each query's fold."""
    return np.random.default_rng(seed).permutation(queries) % folds


def held_out(values: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Give each query the value of what was chosen on the other folds.

    Returns:
        The values, ``(queries,)``, and the choice for each fold.
    """
    chosen = [int(choose(values[:, fold != number].mean(axis=1))) for number in range(fold.max() + 1)]
    return values[np.array(chosen)[fold], np.arange(len(fold))], chosen


def resampled(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Return the means of each choice over bootstrap samples of the queries, ``(samples, choices)``."""
    chance, count = np.random.default_rng(seed), values.shape[1]
    draws = (np.bincount(chance.integers(count, size=count), minlength=count) for _ in range(samples))
    return np.stack([values @ drawn / count for drawn in draws])


def interval(sampled: np.ndarray, method: str = 'linear') -> list[Any]:
    """Return the percentile interval of samples (first axis) as ``[low, high]``, or a list of such pairs."""
    tails = [50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL)]
    return np.percentile(sampled, tails, axis=0, method=method).T.tolist()  # type: ignore[call-overload,unused-ignore]
