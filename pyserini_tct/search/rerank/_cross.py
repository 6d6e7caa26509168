# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by a cross-encoder: a forward pass for every query with every passage."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from pyserini_tct import _env
from pyserini_tct.collection import Passage
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.search.rerank._reranker import Reranker


class CrossReranker(Reranker):
    """Score passages anew with a cross-encoder.

    Args:
        model: the cross-encoder.
        passages: every passage that may have to be scored.
        precision: ``fp32`` or ``bf16``.
    """

    def __init__(self, model: CrossEncoder, passages: Iterable[Passage], precision: str = 'fp32') -> None:
        super().__init__(passages)
        self.model, self.precision = model.eval(), precision

    @torch.no_grad()
    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return the classifier's logits."""
        with _env.autocast(self.model.device.type, self.precision):
            return self.model([query], [self.passages[row] for row in rows])[0].cpu().numpy()
