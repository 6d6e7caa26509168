# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Normalisations of one list of scores; where all scores are equal, a value of their own and no division by zero.

Each function takes and returns a float array of at least one score.
"""

import numpy as np


def none(scores: np.ndarray) -> np.ndarray:
    """Return the scores as they are."""
    return scores


def min_max(scores: np.ndarray) -> np.ndarray:
    """Map the lowest score to 0 and the highest to 1; equal scores to 1, as Pyserini's ``fusion`` does.

    >>> min_max(np.array([10.0, 4.0, 2.0])).tolist()
    [1.0, 0.25, 0.0]
    """
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def centred(scores: np.ndarray) -> np.ndarray:
    """Map the lowest score to -0.5 and the highest to 0.5, as Pyserini's ``HybridSearcher`` does; equal scores to 0.

    >>> centred(np.array([10.0, 4.0, 2.0])).tolist()
    [0.5, -0.25, -0.5]
    """
    low, high = scores.min(), scores.max()
    return (scores - (low + high) / 2) / (high - low) if high > low else np.zeros_like(scores)


def z_score(scores: np.ndarray) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation (of the list, not an estimate); equal scores to 0.

    >>> z_score(np.array([3.0, 1.0])).tolist()
    [1.0, -1.0]
    """
    spread = scores.std() if scores.max() > scores.min() else 0.0
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)


NORMALIZATIONS = {'none': none, 'min-max': min_max, 'centred': centred, 'z-score': z_score}
