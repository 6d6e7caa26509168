# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Teachers that encode texts apart and then compare their vectors: ColBERT, and a student as ``bi`` wraps it.

:class:`LiveTeacher` encodes what it is given (the paper's tight coupling); :class:`CachedTeacher` looks up token
vectors that were computed once, which a frozen teacher allows: the matrix is the same.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyserini_tct import _env

import torch  # isort: skip

from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.teachers.base import frozen
from pyserini_tct.models.teachers.bi import BiEncoder
from pyserini_tct.models.tokens import Encode, TokenStore, write_token_store


class LiveTeacher:
    """Encodes each batch anew, without gradient.

    Args:
        model: the teacher.
        precision: ``fp32`` or ``bf16``, of its encoder; MaxSim is always fp32.
        dropout: while teaching.
    """

    def __init__(self, model: ColBert | BiEncoder, precision: str = 'fp32', dropout: float = 0.0) -> None:
        self.model, self.precision = frozen(model, dropout), precision
        self.logit_scale: float | None = model.logit_scale
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
        """Encode and score all pairs: encoding is what costs."""
        with _env.autocast(self._device, self.precision):
            return self.model(queries, passages)


class CachedTeacher:
    """A teacher whose token vectors lie in two stores on disk, one of the queries, one of the passages.

    Args:
        model: the teacher; it is used only while the stores are made.
        queries: all queries of the training data.
        passages: all its passages.
        folder: where the stores are kept, under a name made of the teacher's and the texts' digests.
        precision: of the encoder while the stores are made; they hold fp32.
        used: rows of the passages that can be asked for; ``None``: all.
    """

    def __init__(
        self,
        model: ColBert | BiEncoder,
        queries: Sequence[str],
        passages: Sequence[Passage],
        folder: Path,
        precision: str = 'fp32',
        used: Sequence[int] | None = None,
    ) -> None:
        self.logit_scale: float | None = model.logit_scale
        self.parents = {'teacher': model.sha256}
        self.device, self._score = model.device, model.scorer
        model.eval()

        def store(kind: str, texts: Sequence[object], encode: Encode) -> TokenStore:
            origin = [model.sha256, model.tokenizer.sha256, dataclasses.asdict(model.settings), precision]
            made_of = [*origin, texts]
            key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
            path = folder / f'{kind}-{key}'
            if not path.is_dir():
                with _env.autocast(model.device.type, precision):
                    write_token_store(path, len(texts), encode, f'teacher, {kind}')
            return TokenStore(path)

        self.queries = store('queries', list(queries), lambda a, b: model.encode_queries(queries[a:b]))
        rows = range(len(passages)) if used is None else used
        self._place = {row: place for place, row in enumerate(rows)}
        kept = [passages[row] for row in rows]
        self.passages = store('passages', kept, lambda a, b: model.encode_passages(kept[a:b]))

    @torch.no_grad()
    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
        wanted: np.ndarray | None = None,
    ) -> torch.Tensor:
        """Look the rows up and score."""
        places = [self._place[row] for row in passage_rows]
        return self._score(self.queries.rows(query_rows, self.device), self.passages.rows(places, self.device))
