# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The weights of an ensemble, checked before anything is loaded."""

import math
from collections.abc import Sequence

from pyserini_tct._errors import TctError


def check_weights(weights: Sequence[float], members: int) -> None:
    """Raise :class:`TctError` unless there are no weights, or one for each of several members and not all 0."""
    if weights and not len(weights) == members > 1:
        raise TctError(f'{len(weights)} teacher weights for {members} teachers: several teachers need one each')
    if weights and (not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights)):
        given = ', '.join(map(str, weights))
        raise TctError(f'the teacher weights are {given}: numbers of at least 0, not all 0, are needed')
