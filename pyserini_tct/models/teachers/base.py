# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What every teacher is: a call that returns a matrix, and the scale that a temperature is relative to."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from pyserini_tct.collection import Passage


class Teacher(Protocol):
    """Scores the queries of a batch against its passages.

    Attributes:
        logit_scale: what its scores were multiplied with in its own training; ``None``: unknown.
        parents: what it was read from, by SHA-256.
    """

    logit_scale: float | None
    parents: dict[str, str]

    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
        wanted: np.ndarray | None = None,
    ) -> torch.Tensor:
        """Score.

        Args:
            queries: texts.
            passages: texts.
            query_rows: where the queries stand in the training data.
            passage_rows: likewise.
            wanted: true for a pair whose score is used, ``(queries, passages)``; ``None``: all.

        Returns:
            ``(queries, passages)`` without gradient; any finite number where a pair is not wanted.
        """
        ...


def frozen(model: torch.nn.Module, dropout: float) -> torch.nn.Module:
    """Return a model that no gradient reaches, with its dropout at a rate: 0, or the paper's code's quirk."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return model.train(dropout > 0).requires_grad_(False)
