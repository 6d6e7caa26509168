# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Reading files: text line by line, JSON, checksums, and the data that ships with the package."""

import contextlib
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from pyserini_tct._errors import TctError


def data_dir(name: str) -> Path:
    """Return the folder of packaged data, ``prebuilt`` or ``regressions``, in a wheel or in a clone."""
    package = Path(__file__).resolve().parent
    for folder in (package / f'_{name}', package.parent / name):
        if folder.is_dir():
            return folder
    raise TctError(f'the packaged folder {name} is missing: reinstall pyserini-tct')


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder: the digest over its sorted file names and their digests."""
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(p for p in path.rglob('*') if p.is_file()):
            whole.update(f'{file.relative_to(path).as_posix()} {sha256(file)}\n'.encode())
        return whole.hexdigest()
    with open(path, 'rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 text file for reading, through gzip if its name ends in ``.gz``; a byte-order mark is dropped."""
    if path.suffix == '.gz':
        return gzip.open(path, 'rt', encoding='utf-8-sig')
    return open(path, encoding='utf-8-sig')


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, line without its end)`` and skip blank lines.

    Raises:
        TctError: the file is missing, is not UTF-8 or is no whole gzip file; the line is named.
    """
    number = 0
    with _reading(path, lambda: number), open_text(path) as stream:
        for number, line in enumerate(stream, 1):
            line = line.rstrip('\r\n')
            if line.strip():
                yield number, line


def numbered_bytes(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield ``(line number, offset, line)`` of lines that are not blank; offsets are those of the unpacked file.

    Raises:
        TctError: the file is missing or is no whole gzip file; the line is named.
    """
    number, offset = 0, 0
    packed = path.suffix == '.gz'
    with _reading(path, lambda: number), gzip.open(path) if packed else open(path, 'rb') as stream:
        for number, line in enumerate(io.BufferedReader(stream) if packed else stream, 1):
            if line.strip():
                yield number, offset, line
            offset += len(line)


@contextlib.contextmanager
def _reading(path: Path, done: Callable[[], int]) -> Iterator[None]:
    """Name the file, and the line, in what goes wrong while it is read; ``done`` tells how many lines were read."""
    try:
        yield
    except FileNotFoundError as error:
        raise TctError(f'{path} does not exist: check the path') from error
    except IsADirectoryError as error:
        raise TctError(f'{path} is a folder, a file is needed here') from error
    except UnicodeDecodeError as error:
        raise TctError(f'{path}: line {done() + 1} or later is not UTF-8: convert the file to UTF-8') from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise TctError(f'{path}: broken or truncated gzip data after line {done()}: fetch the file again') from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        TctError: the file is missing or malformed, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise TctError(f'{path} does not exist: check the path') from error
    except (ValueError, RecursionError) as error:
        raise TctError(f'{path} is not valid JSON ({error}): restore the file') from error
    if not isinstance(content, dict):
        raise TctError(f'{path} holds a JSON {type(content).__name__}, an object is needed: restore the file')
    return content
