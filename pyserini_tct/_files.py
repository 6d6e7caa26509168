# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or absent: atomic outputs, checksums, manifests, and the data that ships with the package."""

import contextlib
import datetime
import gzip
import hashlib
import json
import os
import platform
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from pyserini_tct import _env
from pyserini_tct._errors import TctError

FORMAT_VERSION = 1


def data_dir(name: str) -> Path:
    """Return the folder of packaged data, ``prebuilt`` or ``regressions``, in a wheel or in a clone."""
    package = Path(__file__).resolve().parent
    for folder in (package / f'_{name}', package.parent / name):
        if folder.is_dir():
            return folder
    raise TctError(f'the packaged folder {name} is missing: reinstall pyserini-tct')


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse an output path that is taken, or whose parent is not there.

    Raises:
        TctError: the path exists and ``overwrite`` is false, or its parent is no folder.
    """
    if path.exists() and not overwrite:
        raise TctError(f'{path} exists: choose another output or add --overwrite')
    if path.parent.exists() and not path.parent.is_dir():
        raise TctError(f'{path.parent} is not a folder: choose another output')


def remove(path: Path) -> None:
    """Remove a file or a folder tree; absence is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Put ``source`` at ``target`` in one step, whatever was there (a folder is first moved aside, then removed)."""
    if target.is_dir() and not target.is_symlink():
        aside = target.with_name(f'{target.name}.old-{os.getpid()}')
        os.replace(target, aside)
        os.replace(source, target)
        shutil.rmtree(aside)
    else:
        os.replace(source, target)


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = 'w') -> Iterator[IO[Any]]:
    """Open a file that appears at ``path`` only when the block ends well, flushed to disk; else nothing is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        with open(
            partial, mode, encoding=None if 'b' in mode else 'utf-8', newline=None if 'b' in mode else '\n'
        ) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder that is renamed to ``path`` only when the block ends well; else nothing is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    remove(partial)
    partial.mkdir()
    try:
        yield partial
        replace(partial, path)
    except BaseException:
        remove(partial)
        raise


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold ``.NAME.lock`` beside ``path`` while the block runs; the end of the process frees it, however it ends.

    Raises:
        TctError: another process holds it.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.with_name(f'.{path.name}.lock')
    with open(name, 'w', encoding='utf-8') as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TctError(f'another process is writing {path}: wait until it has finished') from error
        try:
            yield
        finally:
            name.unlink(missing_ok=True)


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
    try:
        with open_text(path) as stream:
            for number, line in enumerate(stream, 1):
                line = line.rstrip('\r\n')
                if line.strip():
                    yield number, line
    except FileNotFoundError as error:
        raise TctError(f'{path} does not exist: check the path') from error
    except IsADirectoryError as error:
        raise TctError(f'{path} is a folder, a file is needed here') from error
    except UnicodeDecodeError as error:
        raise TctError(f'{path}: line {number + 1} or later is not UTF-8: convert the file to UTF-8') from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise TctError(f'{path}: broken or truncated gzip data after line {number}: fetch the file again') from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        TctError: the file is missing or malformed.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise TctError(f'{path} does not exist: check the path') from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TctError(f'{path} is not valid JSON ({error}): restore the file') from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys as given."""
    with atomic_file(path) as out:
        json.dump(value, out, indent=2, ensure_ascii=False)
        out.write('\n')


def manifest_path(path: Path) -> Path:
    """Return where the manifest of ``path`` stands: beside it, since Pyserini reads every file inside a folder."""
    return path.with_name(path.name + '.manifest.json')


def write_manifest(path: Path, kind: str, content: dict[str, Any], inputs: Iterable[Path] = ()) -> None:
    """Write ``NAME.manifest.json`` beside ``NAME``.

    Args:
        path: the file or folder described.
        kind: what it is (``vectors``, ``faiss-index``, ...).
        content: settings and counts; the same inputs give the same content.
        inputs: files or folders that it was made from, recorded by name and SHA-256.
    """
    write_json(
        manifest_path(path),
        {
            'kind': kind,
            'format_version': FORMAT_VERSION,
            **content,
            'inputs': [{'name': p.name, 'sha256': sha256(p)} for p in inputs],
            'environment': {
                **_env.versions(),
                'platform': platform.platform(),
                'written': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            },
        },
    )


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest beside ``path``, or ``None`` where there is none (an artefact of stock Pyserini)."""
    manifest = manifest_path(path)
    if not manifest.exists():
        return None
    content = read_json(manifest)
    if not isinstance(content, dict) or content.get('format_version') != FORMAT_VERSION:
        raise TctError(
            f'{manifest} has format version {content.get("format_version") if isinstance(content, dict) else None}'
            f', this release reads {FORMAT_VERSION}: make {path.name} again'
        )
    return content
