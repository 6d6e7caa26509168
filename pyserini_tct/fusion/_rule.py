# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A fusion rule: how the scores of several lists become one, and what a list gives to a passage that it lacks."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._normalization import NORMALIZATIONS

METHODS = ('interpolation', 'rrf', 'combsum', 'combmnz')
MISSING = ('min', 'zero')
LARGEST_WEIGHT = 1e6
EMPTY = {'centred': -0.5}  # what a list without any hit gives under the minimum rule: as Pyserini; else 0


@dataclasses.dataclass(frozen=True)
class Rule:
    """A fusion rule.

    Args:
        method: ``interpolation`` (weighted sum), ``rrf`` (reciprocal rank fusion: sum of ``1 / (rrf_k + rank)``),
            ``combsum`` (sum) or ``combmnz`` (sum, times the number of lists that hold the passage).
        weights: of an interpolation, one a list.
        normalization: of each list before it is fused: ``none``, ``min-max``, ``centred`` or ``z-score``.
        missing: what a list gives to a passage that it lacks: ``min``, its lowest score (normalised like the others),
            or ``zero``. ``min`` is for ``interpolation`` and ``combsum``.
        rrf_k: the constant of reciprocal rank fusion.

    Raises:
        TctError: a name is unknown, a number is out of range, or two choices contradict each other.

    Source: interpolation with ``min``: castorini/tct_colbert ``retrieval/fuse.py``; rrf: Cormack et al., SIGIR 2009;
    combsum and combmnz: Fox and Shaw, TREC-2.
    """

    method: str = 'interpolation'
    weights: tuple[float, ...] = ()
    normalization: str = 'none'
    missing: str = 'zero'
    rrf_k: int = 60

    def __post_init__(self) -> None:
        for name, known in (('method', METHODS), ('normalization', NORMALIZATIONS), ('missing', MISSING)):
            value = getattr(self, name)
            if value not in known:
                raise TctError(f'{name} {value!r} is unknown: choose one of {", ".join(known)}')
        if self.method == 'rrf' and self.normalization != 'none':
            raise TctError('reciprocal rank fusion looks at ranks alone: leave the normalization out')
        if self.missing == 'min' and self.method in ('rrf', 'combmnz'):
            raise TctError(
                f'{self.method} counts the lists that hold a passage: a missing score is zero there, not min'
            )
        if self.weights and self.method != 'interpolation':
            raise TctError(f'{self.method} has no weights: use interpolation, or leave them out')
        if not all(abs(weight) <= LARGEST_WEIGHT for weight in self.weights):
            raise TctError(
                f'a weight of {self.weights} is beyond {LARGEST_WEIGHT:g} or no number: choose a smaller one'
            )
        if not 0 <= self.rrf_k < math.inf:
            raise TctError(f'k = {self.rrf_k} of reciprocal rank fusion is out of range: 60 is usual')

    @property
    def decimals(self) -> int:
        """Decimals in which two fused scores must agree to be a tie: as written, but reciprocal ranks are close."""
        return 12 if self.method == 'rrf' else 6

    def check_lists(self, count: int) -> None:
        """Refuse a number of lists that the rule cannot fuse.

        Raises:
            TctError: fewer than two lists, or another number of weights.
        """
        if count < 2:
            raise TctError(f'{count} run is given: fusion needs at least two')
        if self.method == 'interpolation' and len(self.weights) != count:
            raise TctError(f'{count} runs and {len(self.weights)} weights: interpolation needs a weight for each run')

    def fused(self, size: int, positions: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> np.ndarray:
        """Fuse lists over the passages of their union.

        Args:
            size: passages of the union.
            positions: places in the union of each list's hits, best first.
            scores: of each list, best first, float64; more than there are positions if the list was cut after the
                normalisation.

        Returns:
            The fused scores, ``(size,)``.
        """
        total, held = np.zeros(size), np.zeros(size)
        weights = self.weights or (1.0,) * len(scores)
        for weight, at, raw in zip(weights, positions, scores, strict=True):
            if self.method == 'rrf':
                part = 1 / (self.rrf_k + np.arange(1, len(at) + 1))
            else:
                part = NORMALIZATIONS[self.normalization](raw)[: len(at)] if len(at) else raw[:0]
            row = np.full(size, self._missing(part))
            row[at] = part
            total += weight * row
            if self.method == 'combmnz':
                held[at] += 1
        return total * held if self.method == 'combmnz' else total

    def _missing(self, part: np.ndarray) -> float:
        if self.missing == 'zero':
            return 0.0
        return float(part.min()) if len(part) else EMPTY.get(self.normalization, 0.0)


def normalization_of(choice: bool | str) -> str:
    """Return the name of a normalisation given as Pyserini's flag (on or off) or by its name.

    >>> normalization_of(True), normalization_of('z-score')
    ('centred', 'z-score')
    """
    return choice if isinstance(choice, str) else 'centred' if choice else 'none'


def alpha_rule(
    alpha: float, normalization: bool | str = False, weight_on_dense: bool = False, missing: str = 'min'
) -> Rule:
    """Return the paper's interpolation of a dense and a sparse list: ``dense + alpha * sparse``.

    Args:
        alpha: weight of the sparse scores (of the dense ones with ``weight_on_dense``).
        normalization: a name, or Pyserini's flag: ``True`` means ``centred``.
        weight_on_dense: ``sparse + alpha * dense`` instead.
        missing: ``min`` or ``zero``.
    """
    weights = (alpha, 1.0) if weight_on_dense else (1.0, alpha)
    return Rule('interpolation', weights, normalization_of(normalization), missing)
