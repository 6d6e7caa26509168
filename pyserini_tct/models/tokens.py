# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Token vectors on disk, memory-mapped: what a cached teacher, a MaxSim re-ranker and ColBERT's two stages read.

``NAME/`` holds ``vectors.npy`` (all token vectors, text after text), ``offsets.npy`` (where each text begins) and, for
a corpus, ``docids``; beside that stands ``NAME.manifest.json``.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError
from pyserini_tct._files import sha256
from pyserini_tct._manifest import read_manifest
from pyserini_tct.models.colbert import ColBert, TokenVectors  # brings the thread policy, so it stands before torch
from pyserini_tct.vectors import existing, read_docids, verify_file

import torch  # isort: skip
from tqdm import tqdm  # isort: skip

Encode = Callable[[int, int], TokenVectors]  # from the first row to the row after the last
VECTORS, OFFSETS, DOCIDS = 'vectors.npy', 'offsets.npy', 'docids'
FILES = (VECTORS, OFFSETS, DOCIDS)
ORIGIN = ('encoder_sha256', 'tokenizer_sha256', 'dimension', 'contract', 'normalize_passages')
DTYPES: dict[str, type[np.floating]] = {'fp16': np.float16, 'fp32': np.float32}
HEAD = 128  # bytes of the head of vectors.npy


class TokenStore:
    """Token vectors of numbered texts; only tokens that count are stored.

    Raises:
        TctError: a file is missing, damaged or truncated, or the two do not fit together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vectors, self.offsets = _load(folder / VECTORS, 2, 'f'), _load(folder / OFFSETS, 1, 'i')
        whole = len(self.offsets) and self.offsets[0] == 0 and self.offsets[-1] == len(self.vectors)
        if not whole or (np.diff(self.offsets) < 0).any():
            raise TctError(f'{folder}: {OFFSETS} does not fit {VECTORS}, one of them is damaged: make {folder} again')

    def rows(self, rows: Sequence[int], device: torch.device) -> TokenVectors:
        """Return the token vectors of some texts in single precision, padded.

        Raises:
            TctError: a vector holds NaN or infinity.
        """
        spans = [(int(self.offsets[row]), int(self.offsets[row + 1])) for row in rows]
        longest = max(1, *(end - start for start, end in spans))
        vectors = np.zeros((len(rows), longest, self.vectors.shape[1]), np.float32)
        counted = np.zeros((len(rows), longest), bool)
        for i, (start, end) in enumerate(spans):
            vectors[i, : end - start], counted[i, : end - start] = self.vectors[start:end], True
        finite = np.isfinite(vectors).all(axis=(1, 2))
        if not finite.all():
            name = self.name(rows[int(finite.argmin())])
            raise TctError(f'{self.folder}: the token vectors of {name} hold NaN or infinity: make it again')
        return TokenVectors(torch.from_numpy(vectors).to(device), torch.from_numpy(counted).to(device))

    def name(self, row: int) -> str:
        """Return what messages call a text."""
        return f'text {row}'

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the store on disk."""
        return sum(file.stat().st_size for file in self.folder.iterdir())


class PassageTokens(TokenStore):
    """The token vectors of a corpus, as ``encode.tokens`` writes them; a ColBERT index folder holds them too.

    Args:
        folder: the store, or the index.
        kind: what its manifest has to say it is.

    Raises:
        TctError: there is no such store, it is unfinished, damaged or truncated.
    """

    def __init__(self, folder: Path, kind: str = 'token-vectors') -> None:
        made = 'encode.tokens' if kind == 'token-vectors' else 'index.colbert'
        manifest = read_manifest(folder)
        if not folder.is_dir() or manifest is None or manifest.get('kind') != kind:
            raise TctError(f'{folder} has no manifest of {kind} beside it: make it with python -m pyserini_tct.{made}')
        super().__init__(folder)
        self.manifest, self.docids = manifest, read_docids(folder / DOCIDS)
        verify_file(folder / DOCIDS, manifest['files'][DOCIDS])
        verify_file(folder / OFFSETS, manifest['files'][OFFSETS])
        if not len(self) == len(self.docids) == manifest['count']:
            raise TctError(
                f'{folder} has {len(self)} passages and {len(self.docids)} docids, its manifest says '
                f'{manifest["count"]}: make it again'
            )

    @functools.cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each docid."""
        return {docid: row for row, docid in enumerate(self.docids)}

    def tokens_of(self, docid: str) -> int:
        """Return how many token vectors a passage has; one without text has none."""
        row = self.row_of[docid]
        return int(self.offsets[row + 1] - self.offsets[row])

    def name(self, row: int) -> str:
        """Return what messages call a passage."""
        return f'passage {self.docids[row]}'

    def check_model(self, model: ColBert) -> None:
        """Refuse a ColBERT other than the one that made the store.

        Raises:
            TctError: weights, vocabulary, token contract or dimension differ.
        """
        for key, mine in origin(model).items():
            theirs = self.manifest.get(key)
            if theirs != mine:
                raise TctError(
                    f'{self.folder} was made with another ColBERT ({key} {str(theirs)[:12]}, this one has '
                    f'{str(mine)[:12]}): use that one, or make it again'
                )


def origin(model: ColBert) -> dict[str, Any]:
    """Return what a store's manifest says of its model, as JSON has it."""
    contract, unit = dataclasses.asdict(model.settings.contract), model.settings.normalize_passages
    values = (model.sha256, model.tokenizer.sha256, model.linear.out_features, contract, unit)
    return json.loads(json.dumps(dict(zip(ORIGIN, values, strict=True))))


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksums of a store's files."""
    return {name: sha256(folder / name) for name in FILES}


def write_token_store(folder: Path, count: int, encode: Encode, label: str, block: int = 32) -> None:
    """Encode ``count`` texts block by block into a store that appears whole or not at all."""
    with _atomic.atomic_folder(folder) as partial:
        grow_token_store(partial, count, encode, label, block)


@torch.no_grad()
def grow_token_store(
    folder: Path, count: int, encode: Encode, label: str, block: int = 32, dtype: type[np.floating] = np.float32
) -> int:
    """Encode texts block by block into a folder, after the whole blocks that a killed job left there.

    Args:
        folder: existing folder.
        count: number of texts.
        encode: gives the token vectors of a span of texts; spans come in order.
        label: of the progress bar.
        block: texts a span.
        dtype: of the vectors on disk.

    Returns:
        Texts that were there already.

    Raises:
        TctError: a vector is not finite in ``dtype``.
    """
    counts = _kept(folder, count, block)
    done = len(counts)
    dimension = _load(folder / VECTORS, 2, 'f').shape[1] if done else 0
    with (
        open(folder / VECTORS, 'ab') as raw,
        open(folder / 'counts', 'ab') as numbers,
        tqdm(total=count, initial=done, unit='text', desc=label, disable=None) as progress,
    ):
        raw.write(b'' if done else _head(0, 0, dtype))
        for start in range(done, count, block):
            tokens = encode(start, min(start + block, count))
            dimension = tokens.vectors.shape[-1]
            kept = tokens.counted.cpu()
            vectors = tokens.vectors.float().cpu()[kept].numpy().astype(dtype)
            if not np.isfinite(vectors).all():
                raise TctError(
                    f'a token vector of texts {start} to {start + len(kept) - 1} is not finite in {np.dtype(dtype)}: '
                    'the checkpoint is unsound'
                )
            raw.write(vectors.tobytes())
            raw.flush()
            os.fsync(raw.fileno())  # before the counts, by which the vectors are known to be there
            numbers.write(kept.sum(1).numpy().astype(np.int32).tobytes())
            numbers.flush()
            if not start:
                _write_head(folder, 0, dimension, dtype)
            progress.update(len(kept))
    counts = np.fromfile(folder / 'counts', np.int32)
    np.save(folder / OFFSETS, np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64))
    _write_head(folder, int(counts.sum()), dimension, dtype)
    (folder / 'counts').unlink()
    return done


def _kept(folder: Path, count: int, block: int) -> np.ndarray:
    """Cut what is there to whole blocks, so that the rest is encoded in the same spans; return their token counts."""
    vectors, numbers = folder / VECTORS, folder / 'counts'
    counts = np.fromfile(numbers, np.int32) if numbers.exists() and vectors.exists() else np.zeros(0, np.int32)
    if len(counts) < count:
        counts = counts[: len(counts) // block * block]
    if len(counts):
        head = np.load(vectors, mmap_mode='r', allow_pickle=False)
        size = HEAD + int(counts.sum()) * head.shape[1] * head.itemsize
        if head.shape[1] and vectors.stat().st_size >= size:
            os.truncate(vectors, size)
            os.truncate(numbers, counts.nbytes)
            return counts
    vectors.unlink(missing_ok=True)
    numbers.unlink(missing_ok=True)
    return counts[:0]


def _head(rows: int, dimension: int, dtype: type[np.floating]) -> bytes:
    """Return the head of an npy file, always of one length, so that it can be written again when the rows are known.

    Source: NEP 1, format version 1.0.
    """
    about = {'descr': np.dtype(dtype).newbyteorder('<').str, 'fortran_order': False, 'shape': (rows, dimension)}
    return b'\x93NUMPY\x01\x00' + (HEAD - 10).to_bytes(2, 'little') + repr(about).ljust(HEAD - 11).encode() + b'\n'


def _write_head(folder: Path, rows: int, dimension: int, dtype: type[np.floating]) -> None:
    with open(folder / VECTORS, 'r+b') as out:
        out.write(_head(rows, dimension, dtype))


def _load(path: Path, dimensions: int, kind: str) -> np.ndarray:
    try:
        found = np.load(existing(path), mmap_mode='r' if dimensions == 2 else None, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise TctError(f'{path} is damaged or truncated ({error}): make {path.parent} again') from error
    if not isinstance(found, np.ndarray) or found.ndim != dimensions or found.dtype.kind != kind:
        raise TctError(f'{path} holds something else than token vectors and their offsets: make {path.parent} again')
    return found
