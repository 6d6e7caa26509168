# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A cross-encoder as a teacher: every pair is a forward pass of its own, so only wanted pairs are scored."""

from collections.abc import Sequence

import numpy as np

from pyserini_tct import _env

import torch  # isort: skip

from pyserini_tct.collection import Passage
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.models.teachers.base import frozen


class CrossTeacher:
    """Scores each wanted pair of a batch anew, without gradient.

    Args:
        model: the teacher.
        precision: ``fp32`` or ``bf16``.
        dropout: while teaching.
    """

    def __init__(self, model: CrossEncoder, precision: str = 'fp32', dropout: float = 0.0) -> None:
        self.model, self.precision = frozen(model, dropout), precision
        self.logit_scale = model.settings.logit_scale
        self.parents = {'teacher': model.sha256}
        self._device = model.device.type

    @torch.no_grad()
    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
        wanted: np.ndarray | None = None,
    ) -> torch.Tensor:
        """Score the wanted pairs; the others are 0."""
        with _env.autocast(self._device, self.precision):
            return self.model(queries, passages, wanted)
