# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by a ColBERT's MaxSim, from token vectors that are computed once and read from disk."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyserini_tct import _env, _manifest
from pyserini_tct._errors import TctError
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
        reuse: take the folder as it is, if it is there.

    Raises:
        TctError: the folder that is there was made with another model, precision or other passages.

    Attributes:
        store: the token vectors.
    """

    def __init__(
        self, model: ColBert, passages: Iterable[Passage], folder: Path, precision: str = 'fp32', reuse: bool = False
    ) -> None:
        super().__init__(passages)
        self.model, self.precision = model.eval(), precision
        if reuse and folder.is_dir():
            self._check(folder)
        else:
            count, encode = len(self.passages), model.encode_passages
            with _env.autocast(model.device.type, precision):
                manifest = _manifest.describe('token-vectors', self._origin())
                write_token_store(folder, count, lambda a, b: encode(self.passages[a:b]), 'tokens', manifest=manifest)
        self.store = TokenStore(folder)

    def _origin(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for passage in self.passages:
            digest.update(f'{passage.docid}\0{passage.contents}\0'.encode())
        sha256s = {'encoder_sha256': self.model.sha256, 'tokenizer_sha256': self.model.tokenizer.sha256}
        return {
            'count': len(self.passages),
            **sha256s,
            'precision': self.precision,
            'passages_sha256': digest.hexdigest(),
        }

    def _check(self, folder: Path) -> None:
        found = _manifest.read_manifest(folder) or {}
        other = next((name for name, value in self._origin().items() if found.get(name) != value), None)
        if other:
            raise TctError(f'{folder} holds token vectors of something else ({other} differs): name another folder')

    @torch.no_grad()
    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return MaxSim."""
        with _env.autocast(self.model.device.type, self.precision):
            tokens = self.model.encode_queries([query])
        return self.model.scorer(tokens, self.store.rows(rows, self.model.device))[0].cpu().numpy()
