# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Several teachers as one: the weighted mean of their standardised scores."""

from collections.abc import Sequence

import numpy as np
import torch

from pyserini_tct.collection import Passage
from pyserini_tct.models.teachers.base import Teacher
from pyserini_tct.scoring import standardise


class Ensemble:
    """Asks each member, gives each query's scores mean 0 and standard deviation 1, and averages.

    MaxSim, dot products and classifier logits differ in their units, so raw scores would let one member outweigh the
    others. The statistics are those of the wanted pairs of the query in the batch: what is excluded moves nothing.
    Standardised scores have no training scale, so a temperature is in standard deviations. Two candidates always get 1
    and -1: how far apart they are takes three or more.

    Args:
        members: teachers.
        weights: of each member, not all 0; left out: equal.
    """

    logit_scale: float | None = 1.0

    def __init__(self, members: Sequence[Teacher], weights: Sequence[float] = ()) -> None:
        self.members, self.weights = list(members), list(weights) or [1.0] * len(members)
        self.parents = {
            f'{name} {i}': digest for i, member in enumerate(members, 1) for name, digest in member.parents.items()
        }

    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
        wanted: np.ndarray | None = None,
    ) -> torch.Tensor:
        """Score; 0 where a pair is not wanted."""
        counted = np.ones((len(queries), len(passages)), bool) if wanted is None else wanted
        total = torch.zeros(counted.shape)
        for member, weight in zip(self.members, self.weights, strict=True):
            scores = member(queries, passages, query_rows, passage_rows, wanted)
            part = standardise(scores, torch.from_numpy(counted).to(scores.device))
            total = total.to(part.device) + weight * part
        return total / sum(self.weights)
