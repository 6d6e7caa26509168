# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs that are whole or absent: they grow under another name and take their own in one step.

A manifest stands beside what it describes; while something is replaced, the old one is set aside first, so that no
moment exists in which new data stand beside an old manifest or the other way round.
"""

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pyserini_tct._errors import TctError

Manifest = dict[str, Any]


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


def manifest_path(path: Path) -> Path:
    """Return where the manifest of ``path`` stands: beside it, since Pyserini reads every file inside a folder."""
    return path.with_name(path.name + '.manifest.json')


def publish(source: Path, target: Path, manifest: Manifest | None = None) -> None:
    """Put a finished file or folder at ``target``, whatever was there.

    Args:
        source: finished, on the same file system.
        target: its final name. What stood there is put back if anything fails.
        manifest: written beside it.
    """
    aside = target.with_name(f'.{target.name}.{os.getpid()}.old')
    described = manifest_path(target)
    before = described.read_bytes() if manifest is not None and described.exists() else None
    replaced = target.exists() and (target.is_dir() or manifest is not None)
    if replaced:
        os.replace(target, aside)
    try:
        if manifest is not None:
            write_json(described, manifest)
        os.replace(source, target)
    except BaseException:
        if before is not None:
            described.write_bytes(before)
        if replaced:
            os.replace(aside, target)
        raise
    if replaced:
        remove(aside)


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = 'w', manifest: Manifest | None = None) -> Iterator[IO[Any]]:
    """Open a file that appears at ``path`` only when the block ends well, flushed to disk; else nothing is left.

    Args:
        path: final name.
        mode: ``w`` (UTF-8) or ``wb``.
        manifest: written beside it; the block may still fill it in.
    """
    partial = _partial(path)
    try:
        text = {} if 'b' in mode else {'encoding': 'utf-8', 'newline': '\n'}
        with open(partial, mode, **text) as out:  # type: ignore[call-overload]
            yield out
            out.flush()
            os.fsync(out.fileno())
        publish(partial, path, manifest)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path: Path, manifest: Manifest | None = None) -> Iterator[Path]:
    """Yield a new folder that is renamed to ``path`` only when the block ends well; else nothing is left."""
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.iterdir():
            with open(file, 'rb') as written:
                os.fsync(written.fileno())
        publish(partial, path, manifest)
    except BaseException:
        remove(partial)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys as given."""
    with atomic_file(path) as out:
        json.dump(value, out, indent=2, ensure_ascii=False)
        out.write('\n')


def _partial(path: Path) -> Path:
    """Return the name under which ``path`` grows, and remove what killed processes left under such names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f'.{glob.escape(path.name)}.*.partial'):
        pid = leftover.name.rsplit('.', 2)[-2]
        if pid.isdigit() and (int(pid) == os.getpid() or not _alive(int(pid))):
            remove(leftover)
    return path.with_name(f'.{path.name}.{os.getpid()}.partial')


def _alive(pid: int) -> bool:
    if os.name == 'nt':
        return True  # there, signal 0 would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
