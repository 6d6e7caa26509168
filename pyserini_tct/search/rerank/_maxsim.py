# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by a ColBERT's MaxSim, from token vectors that are computed once and read from disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from pyserini_tct import _env
from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert, TokenVectors
from pyserini_tct.models.tokens import PassageTokens, TokenStore, write_token_store
from pyserini_tct.search.rerank._reranker import Reranker

BLOCK = 512  # passages scored together


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

    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return MaxSim."""
        return maxsim_of(self.model, self.store, encode_queries(self.model, [query], self.precision), rows)


class StoredReranker(Reranker):
    """Score passages anew with a ColBERT, from the token vectors of a whole corpus (``encode.tokens``).

    Args:
        model: the ColBERT that made the store.
        store: the token vectors.
        precision: of the query encoder, ``fp32`` or ``bf16``.

    Raises:
        TctError: another ColBERT made the store.
    """

    def __init__(self, model: ColBert, store: PassageTokens, precision: str = 'fp32') -> None:
        store.check_model(model)
        self.model, self.store, self.precision, self._rows = model.eval(), store, precision, store.row_of
        self.unknown = f'has no token vectors in {store.folder}: encode the corpus that the run was made from'

    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return MaxSim."""
        return maxsim_of(self.model, self.store, encode_queries(self.model, [query], self.precision), rows)


@torch.no_grad()
def encode_queries(model: ColBert, queries: Sequence[str], precision: str = 'fp32') -> TokenVectors:
    """Return the token vectors of queries."""
    with _env.autocast(model.device.type, precision):
        return model.encode_queries(queries)


@torch.no_grad()
def maxsim_of(model: ColBert, store: TokenStore, query: TokenVectors, rows: Sequence[int]) -> np.ndarray:
    """Return MaxSim of one query with stored passages, ``(rows,)``; blocks of like length are scored together."""
    order = np.argsort(np.diff(store.offsets)[rows], kind='stable')
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        part = order[start : start + BLOCK]
        passages = store.rows([rows[place] for place in part], model.device)
        scores[part] = model.scorer(query, passages)[0].cpu().numpy()
    return scores
