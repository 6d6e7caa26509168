# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Teachers: one call from queries and passages to a matrix of scores; a loss never knows who the teacher is.

:class:`LiveTeacher` encodes what it is given (the paper's tight coupling); :class:`CachedTeacher` looks up token
vectors that were computed once, which a frozen teacher allows: the matrix is the same.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pyserini_tct import _atomic, _env

import torch  # isort: skip
from tqdm import tqdm  # isort: skip

from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert, TokenVectors, score


class Teacher(Protocol):
    """Scores every query of a batch against every passage of it.

    Attributes:
        logit_scale: what its scores were multiplied with in its own training.
    """

    logit_scale: float

    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
    ) -> torch.Tensor:
        """Return scores ``(queries, passages)``; rows name the texts in the training data."""
        ...


class LiveTeacher:
    """A ColBERT that encodes each batch anew, without dropout and without gradient.

    Args:
        model: the teacher.
        precision: ``fp32`` or ``bf16``, of its encoder; MaxSim is always fp32.
    """

    def __init__(self, model: ColBert, precision: str = 'fp32') -> None:
        self.model, self.precision = model.eval().requires_grad_(False), precision
        self.logit_scale = model.settings.logit_scale

    @torch.no_grad()
    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
    ) -> torch.Tensor:
        """Encode and score."""
        with _env.autocast(self.model.device.type, self.precision):
            return self.model(queries, passages)


class CachedTeacher:
    """A ColBERT whose token vectors lie in two stores on disk, one of the queries, one of the passages.

    Args:
        model: the teacher; it is used only while the stores are made.
        queries: all queries of the training data.
        passages: all its passages.
        folder: where the stores are kept, under a name made of the teacher's and the texts' digests.
        precision: of the encoder while the stores are made; they hold fp32.
    """

    def __init__(
        self, model: ColBert, queries: Sequence[str], passages: Sequence[Passage], folder: Path, precision: str = 'fp32'
    ) -> None:
        self.device, self.logit_scale = model.device, model.settings.logit_scale
        model.eval()

        def store(kind: str, texts: Sequence[object], encode: Callable[[int, int], TokenVectors]) -> 'TokenStore':
            key = hashlib.sha256(json.dumps([model.sha256, precision, texts]).encode()).hexdigest()[:16]
            path = folder / f'{kind}-{key}'
            if not path.is_dir():
                with _env.autocast(model.device.type, precision):
                    write_token_store(path, len(texts), encode, f'teacher, {kind}')
            return TokenStore(path)

        self.queries = store('queries', list(queries), lambda a, b: model.encode_queries(queries[a:b]))
        self.passages = store('passages', list(passages), lambda a, b: model.encode_passages(passages[a:b]))

    @torch.no_grad()
    def __call__(
        self,
        queries: Sequence[str],
        passages: Sequence[Passage],
        query_rows: Sequence[int],
        passage_rows: Sequence[int],
    ) -> torch.Tensor:
        """Look the rows up and score."""
        return score(self.queries.rows(query_rows, self.device), self.passages.rows(passage_rows, self.device))


class TokenStore:
    """Token vectors of numbered texts in ``vectors.npy``, memory-mapped; only tokens that count are stored."""

    def __init__(self, folder: Path) -> None:
        self._vectors = np.load(folder / 'vectors.npy', mmap_mode='r', allow_pickle=False)
        self._offsets = np.load(folder / 'offsets.npy', allow_pickle=False)

    def rows(self, rows: Sequence[int], device: torch.device) -> TokenVectors:
        """Return the token vectors of some texts, padded."""
        spans = [(int(self._offsets[row]), int(self._offsets[row + 1])) for row in rows]
        longest = max(1, *(end - start for start, end in spans))
        vectors = np.zeros((len(rows), longest, self._vectors.shape[1]), np.float32)
        counted = np.zeros((len(rows), longest), bool)
        for i, (start, end) in enumerate(spans):
            vectors[i, : end - start], counted[i, : end - start] = self._vectors[start:end], True
        return TokenVectors(torch.from_numpy(vectors).to(device), torch.from_numpy(counted).to(device))


@torch.no_grad()
def write_token_store(
    folder: Path, count: int, encode: Callable[[int, int], TokenVectors], label: str, block: int = 32
) -> None:
    """Encode ``count`` texts block by block into a store that appears whole or not at all."""
    offsets, dimension = [0], 0
    with _atomic.atomic_folder(folder) as partial:
        with open(partial / 'raw', 'wb') as raw, tqdm(total=count, unit='text', desc=label, disable=None) as progress:
            for start in range(0, count, block):
                tokens = encode(start, min(start + block, count))
                dimension = tokens.vectors.shape[-1]
                for vectors, counted in zip(tokens.vectors.float().cpu(), tokens.counted.cpu(), strict=True):
                    raw.write(vectors[counted].numpy().tobytes())
                    offsets.append(offsets[-1] + int(counted.sum()))
                progress.update(len(tokens.vectors))
        source = np.memmap(partial / 'raw', np.float32, 'r', shape=(offsets[-1], dimension))
        np.save(partial / 'vectors.npy', source)
        np.save(partial / 'offsets.npy', np.asarray(offsets, np.int64))
        del source
        (partial / 'raw').unlink()
