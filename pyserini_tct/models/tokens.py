# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Token vectors of numbered texts on disk, memory-mapped: what a cached teacher and a MaxSim re-ranker read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pyserini_tct import _atomic
from pyserini_tct.models.colbert import TokenVectors  # brings the thread policy, so it stands before torch

import torch  # isort: skip
from tqdm import tqdm  # isort: skip

Encode = Callable[[int, int], TokenVectors]  # from the first row to the row after the last


class TokenStore:
    """Token vectors of numbered texts in ``vectors.npy``, memory-mapped; only tokens that count are stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the store on disk."""
        return sum(file.stat().st_size for file in self.folder.iterdir())


@torch.no_grad()
def write_token_store(
    folder: Path, count: int, encode: Encode, label: str, block: int = 32, manifest: _atomic.Manifest | None = None
) -> None:
    """Encode ``count`` texts block by block into a store that appears whole or not at all."""
    offsets, dimension = [0], 0
    with _atomic.atomic_folder(folder, manifest) as partial:
        with open(partial / 'raw', 'wb') as raw, tqdm(total=count, unit='text', desc=label, disable=None) as progress:
            for start in range(0, count, block):
                tokens = encode(start, min(start + block, count))
                dimension = tokens.vectors.shape[-1]
                for vectors, counted in zip(tokens.vectors.float().cpu(), tokens.counted.cpu(), strict=True):
                    raw.write(vectors[counted].numpy().tobytes())
                    offsets.append(offsets[-1] + int(counted.sum()))
                progress.update(len(tokens.vectors))
        shape = (offsets[-1], dimension)
        source = (
            np.memmap(partial / 'raw', np.float32, 'r', shape=shape) if offsets[-1] else np.zeros(shape, np.float32)
        )
        np.save(partial / 'vectors.npy', source)
        np.save(partial / 'offsets.npy', np.asarray(offsets, np.int64))
        del source
        (partial / 'raw').unlink()
