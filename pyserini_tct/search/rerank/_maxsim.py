# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by a ColBERT's MaxSim, from token vectors that are computed once and read from disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from pyserini_tct import _env
from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.tokens import TokenStore, write_token_store
from pyserini_tct.search.rerank._reranker import Reranker


class MaxSimReranker(Reranker):
    """Score passages anew with a ColBERT.

    Args:
        model: the ColBERT.
        passages: every passage that may have to be scored.
        folder: new folder for their token vectors.
        precision: of the encoder, ``fp32`` or ``bf16``; MaxSim is always fp32.
        reuse: take the folder as it is, if it is there: it was made with the same model and passages.

    Attributes:
        store: the token vectors.
    """

    def __init__(
        self, model: ColBert, passages: Iterable[Passage], folder: Path, precision: str = 'fp32', reuse: bool = False
    ) -> None:
        super().__init__(passages)
        self.model, self.precision = model.eval(), precision
        if not (reuse and folder.is_dir()):
            count, encode = len(self.passages), model.encode_passages
            with _env.autocast(model.device.type, precision):
                write_token_store(folder, count, lambda a, b: encode(self.passages[a:b]), 'tokens')
        self.store = TokenStore(folder)

    @torch.no_grad()
    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return MaxSim."""
        with _env.autocast(self.model.device.type, self.precision):
            tokens = self.model.encode_queries([query])
        return self.model.scorer(tokens, self.store.rows(rows, self.model.device))[0].cpu().numpy()
