# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The vector store: passage vectors in memory-mapped shards, their docids and their texts, in corpus order.

``NAME/`` holds ``NNNNN.npy``, ``NNNNN.docids`` and a record ``NNNNN.json`` for each shard, and ``texts.jsonl`` with
``texts.offsets.npy``; beside it stands ``NAME.manifest.json``. ``encode`` writes it, indexes are built from it, hits
and re-rankers read its texts.
"""

import array
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct._files import sha256
from pyserini_tct._manifest import read_manifest

KEYS = ('dimension', 'count', 'shards', 'texts_sha256', 'encoder_sha256', 'tokenizer_sha256', 'query_length')
TEXTS, OFFSETS = 'texts.jsonl', 'texts.offsets.npy'
REMEDY = 'run the same encode command with --overwrite'


def existing(path: Path) -> Path:
    """Return ``path`` if it is a file, else raise :class:`TctError`."""
    if not path.is_file():
        raise TctError(f'{path} does not exist: check the path')
    return path


def load_matrix(path: Path, mmap: bool = False, docids: Sequence[str] = ()) -> np.ndarray:
    """Read a matrix of finite floats from an ``.npy`` file without unpickling.

    Raises:
        TctError: the file is no such matrix, is truncated, or holds NaN or infinity (the row is named, and its
            docid).
    """
    try:
        matrix = np.load(path, mmap_mode='r' if mmap else None, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise TctError(f'{path} is damaged or no npy file ({error}): encode again with --overwrite') from error
    if not isinstance(matrix, np.ndarray):
        raise TctError(f'{path} holds several arrays: one matrix of floats is needed')
    if matrix.ndim != 2 or matrix.dtype.kind != 'f':
        raise TctError(f'{path} holds {matrix.dtype} of shape {matrix.shape}: a matrix of floats is needed')
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(finite.argmin())
        where = f'row {row}' + (f', the vector of {docids[row]},' if row < len(docids) else '')
        raise TctError(f'{path}: {where} holds NaN or infinity: encode again with a sound checkpoint')
    return matrix


class TextStore:
    """Passages by row, read from ``texts.jsonl`` at known offsets; nothing is held in memory.

    Raises:
        TctError: the folder has no texts, or they were cut short.
    """

    def __init__(self, folder: Path) -> None:
        self.path = existing(folder / TEXTS)
        try:
            self._offsets = np.load(existing(folder / OFFSETS), mmap_mode='r', allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise TctError(f'{folder / OFFSETS} is damaged or no npy file ({error}): make {folder} again') from error
        if int(self._offsets[-1]) != self.path.stat().st_size:
            raise TctError(
                f'{self.path} has {self.path.stat().st_size} bytes, {OFFSETS} says {int(self._offsets[-1])}: '
                f'make {folder} again'
            )

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def raw(self, row: int) -> str:
        """Return the JSON line of a row: ``{"id": ..., "contents": ...}``."""
        with open(self.path, 'rb') as stream:
            stream.seek(int(self._offsets[row]))
            return stream.read(int(self._offsets[row + 1] - self._offsets[row])).decode('utf-8').rstrip('\n')

    def contents(self, row: int) -> str:
        """Return the text of a row; a title stands on a line of its own before it."""
        return json.loads(self.raw(row))['contents']


def write_offsets(folder: Path) -> int:
    """Write where each line of ``texts.jsonl`` begins and where the last one ends; return the number of lines."""
    offsets, position = array.array('q', [0]), 0  # 8 bytes a passage, where a list takes 40
    with open(folder / TEXTS, 'rb') as stream:
        for line in stream:
            position += len(line)
            offsets.append(position)
    np.save(folder / OFFSETS, np.frombuffer(offsets, np.int64))
    return len(offsets) - 1


def share_texts(source: Path, target: Path) -> None:
    """Give another folder the texts of ``source``; see :func:`share`."""
    share(source, target, (TEXTS, OFFSETS))


def share(source: Path, target: Path, names: Iterable[str]) -> None:
    """Give another folder files of ``source``, as hard links where the file system allows, else as copies."""
    for name in names:
        try:
            os.link(source / name, target / name)
        except OSError:
            shutil.copyfile(source / name, target / name)


class VectorStore:
    """A complete vector store, opened for reading.

    Args:
        folder: what ``encode`` wrote.

    Attributes:
        manifest: encoder, lengths, dimension, counts.
        dimension: length of a vector.

    Raises:
        TctError: the store is missing, unfinished, or its shards do not fit together.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            unfinished = partial_path(folder).is_dir()
            raise TctError(
                f'{folder} is not finished: run the same encode command again, it goes on where it stopped'
                if unfinished
                else f'{folder} is no folder of vectors: make it with python -m pyserini_tct.encode'
            )
        manifest = read_manifest(folder)
        if manifest is None or manifest.get('kind') != 'vectors':
            raise TctError(f'{folder} has no manifest of vectors beside it: make it with python -m pyserini_tct.encode')
        missing = [key for key in KEYS if key not in manifest]
        if missing or not manifest['shards'] or not isinstance(manifest['dimension'], int):
            raise TctError(f'the manifest of {folder} is damaged ({", ".join(missing) or "no shards"}): encode again')
        self.folder, self.manifest = folder, manifest
        self.dimension: int = manifest['dimension']
        self._shards: list[dict[str, Any]] = manifest['shards']

    def __len__(self) -> int:
        return self.manifest['count']

    @property
    def texts(self) -> TextStore:
        """The texts, row by row as the vectors."""
        return TextStore(self.folder)

    def shards(self, verify: bool = False) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield ``(docids, vectors)`` of each shard; vectors are memory-mapped, ``(passages, dimension)``.

        Args:
            verify: also compare each shard with its checksum.

        Raises:
            TctError: a shard is missing, damaged, of another length or dimension, or holds NaN.
        """
        for shard in self._shards:
            vectors_file = self.folder / f'{shard["name"]}.npy'
            if verify:
                verify_file(vectors_file, shard['sha256'])
                verify_file(vectors_file.with_suffix('.docids'), shard['docids_sha256'])
            docids = read_docids(self.folder / f'{shard["name"]}.docids')
            vectors = load_matrix(vectors_file, mmap=True, docids=docids)
            if not len(vectors) == len(docids) == shard['count']:
                raise TctError(
                    f'{vectors_file} has {len(vectors)} vectors, its docids are {len(docids)}, the manifest says '
                    f'{shard["count"]}: {REMEDY}'
                )
            if vectors.shape[1] != self.dimension:
                raise TctError(
                    f'{vectors_file} has dimension {vectors.shape[1]}, the manifest says {self.dimension}: '
                    f'a shard of another model, {REMEDY}'
                )
            yield docids, vectors
        if verify:
            verify_file(self.folder / TEXTS, self.manifest['texts_sha256'])


def verify_file(path: Path, expected: str) -> None:
    """Raise :class:`TctError` unless a file is there and has the checksum expected."""
    if not path.is_file():
        raise TctError(f'{path} does not exist: {REMEDY}')
    if sha256(path) != expected:
        raise TctError(f'{path} is damaged (its checksum differs from the manifest): {REMEDY}')


def partial_path(folder: Path) -> Path:
    """Return where a store grows before it is complete."""
    return folder.with_name(folder.name + '.partial')


def read_docids(path: Path) -> list[str]:
    """Read one docid a line.

    Raises:
        TctError: the file is missing or not UTF-8, or a line is blank or holds white space, which breaks run files.
    """
    try:
        lines = existing(path).read_text(encoding='utf-8').split('\n')
    except UnicodeDecodeError as error:
        raise TctError(f'{path} is not UTF-8: build it again') from error
    if lines[-1] == '':
        lines.pop()
    bad = next((number for number, line in enumerate(lines, 1) if line.split() != [line]), None)
    if bad is not None:
        raise TctError(f'{path}: line {bad} is blank or holds white space, which is no docid: build it again')
    return lines
