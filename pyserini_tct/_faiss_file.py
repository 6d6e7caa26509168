# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The file of a Faiss index: written whole or not at all, and compared with its size before it is mapped.

Faiss ends the process where it maps a file that was cut short in the wrong byte, and searches one that lacks the last
few. So a manifest records the size as ``index_bytes``; where none does, as in stock Pyserini's folders, the head of a
flat index tells it, and any other kind is read instead of mapped, which Faiss refuses to do with a part.
"""

import struct
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct._manifest import read_manifest

FLAT = struct.Struct('<4siqqqBiQ')  # fourcc, dimension, count, two unused, trained, metric, floats of all vectors
RECORD = 'index_bytes'


def write_index(index: Any, path: Path) -> int:
    """Write a Faiss index; return its size in bytes.

    Raises:
        TctError: it could not be written whole.
    """
    import faiss

    try:
        with open(path, 'wb') as out:  # Python's file, which tells of a full disk also when it is closed
            faiss.write_index(index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined, unused-ignore]
    except (OSError, RuntimeError) as error:
        raise TctError(f'{path} could not be written ({error}): is the disk full?') from error
    return path.stat().st_size


def read_index(folder: Path, name: str = 'index') -> Any:
    """Read the Faiss index of a folder, memory-mapped where its size is known.

    Raises:
        TctError: the file is missing, truncated or damaged.
    """
    import faiss

    file = folder / name
    if not file.is_file():
        raise TctError(f'{file} does not exist: check the path')
    size, written = file.stat().st_size, (read_manifest(folder) or {}).get(RECORD)
    if written is not None and size != written:
        raise _cut(file, size, written)
    with open(file, 'rb') as stream:
        head = stream.read(FLAT.size)
    expected = flat_size(head)
    if expected is not None and size < expected:
        raise _cut(file, size, expected)
    # Faiss maps inverted lists in a way of their own, which is safe
    mapped = head[:2] != b'Iw' and (written is not None or expected is not None)
    try:
        return faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC if mapped else faiss.IO_FLAG_MMAP)
    except RuntimeError as error:
        raise TctError(f'{file} is damaged or truncated ({size} bytes): build the index again') from error


def flat_size(head: bytes) -> int | None:
    """Return the bytes of a flat inner-product index, as its head says; ``None`` for another kind or part of a head.

    >>> flat_size(FLAT.pack(b'IxFI', 2, 3, 0, 0, 1, 0, 6))  # 3 vectors of 2 floats
    69
    """
    if len(head) < FLAT.size or head[:4] != b'IxFI':
        return None
    _, dimension, count, *_, metric, floats = FLAT.unpack(head)
    return FLAT.size + 4 * floats if metric == 0 and floats == dimension * count else None


def _cut(file: Path, size: int, written: int) -> TctError:
    what = 'truncated' if size < written else 'damaged'
    return TctError(f'{file} is {what} ({size} bytes, {written} were written): build the index again')
