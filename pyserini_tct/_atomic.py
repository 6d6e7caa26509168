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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from pyserini_tct import _cli
from pyserini_tct._disk import naming
from pyserini_tct._errors import TctError

Manifest = dict[str, Any]


def check_free(path: Path, overwrite: bool, kind: str | None = None, inputs: Iterable[object] = ()) -> None:
    """Refuse an output path that is taken, or that would destroy something else.

    Args:
        path: the file or folder to be written.
        overwrite: replace what the same command wrote there before.
        kind: what the manifest beside it says it is; ``None`` for a plain file.
        inputs: paths that are read; the output must not be, contain or lie inside one of them.

    Raises:
        TctError: one of these.
    """
    if not path.name or path.name == '..':
        raise TctError(f'{str(path)!r} cannot be the name of an output: choose another')
    if len(os.fsencode(path.name)) > 200:
        raise TctError(f'the name {path.name[:40]}... is too long for an output: choose one of at most 200 bytes')
    if path.parent.exists() and not path.parent.is_dir():
        raise TctError(f'{path.parent} is not a folder: choose another output')
    target = path.resolve()
    for source in (Path(str(name)).resolve() for name in inputs if name and Path(str(name)).exists()):
        if source.is_relative_to(target) or (source.is_dir() and target.is_relative_to(source)):
            raise TctError(f"the output {path} and the input {source} are in each other's way: choose another output")
    restore(path)
    if path.exists() and not overwrite:
        raise TctError(f'{path} exists: choose another output or add --overwrite')
    described = manifest_path(path)
    own = kind is not None and described.is_file() and _kind(described) == kind
    if path.is_dir() and not own:
        raise TctError(f'{path} is a folder that this command did not make, it is not replaced: choose another output')
    if kind is not None and described.exists() and not own:
        raise TctError(f'{described} exists and describes something else: choose another output')


def _kind(manifest: Path) -> object:
    try:
        content = json.loads(manifest.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return content.get('kind') if isinstance(content, dict) else None


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
    """Put a finished file or folder at ``target``, with its manifest, in the place of what was there.

    The old pair is set aside first and goes only when the new one stands; if anything fails it is put back, and if the
    process is killed in between, :func:`restore` puts it back.

    Args:
        source: finished, on the same file system.
        target: its final name.
        manifest: written beside it.
    """
    if manifest is None and not target.is_dir():
        os.replace(source, target)
        return
    aside = target.with_name(f'.{target.name}.{os.getpid()}.old')
    pairs = [(manifest_path(target), manifest_path(aside)), (target, aside)]  # in this order: see _put_back
    for now, old in pairs:
        if now.exists():
            os.replace(now, old)
    try:
        if manifest is not None:
            write_json(manifest_path(target), manifest)
        os.replace(source, target)
    except BaseException:
        _put_back(target, aside)
        raise
    remove(manifest_path(aside))  # in this order: see restore
    remove(aside)


def restore(path: Path) -> None:
    """Mend what a process that was killed while it replaced ``path`` has left: the old pair, or its remains."""
    name = glob.escape(path.name)
    found = {*path.parent.glob(f'.{name}.*.old'), *path.parent.glob(f'.{name}.*.old.manifest.json')}
    for aside in {file.with_name(file.name.removesuffix('.manifest.json')) for file in found}:
        pid = aside.name.rsplit('.', 2)[-2]
        if pid.isdigit() and not _alive(int(pid)):
            if aside.exists() and path.exists():  # the new pair stands
                remove(manifest_path(aside))
                remove(aside)
            else:
                _put_back(path, aside)


def _put_back(target: Path, aside: Path) -> None:
    """Undo a swap: the manifest went aside first, so where only that is there, the data never moved."""
    if manifest_path(aside).exists():
        os.replace(manifest_path(aside), manifest_path(target))
    elif aside.exists():
        remove(manifest_path(target))
    if aside.exists():
        os.replace(aside, target)


@contextlib.contextmanager
def workspace(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path`` that is removed at the end; what a killed process left there goes as well."""
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
    finally:
        remove(partial)


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
        with naming(path), open(partial, mode, **text) as out:  # type: ignore[call-overload]
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
        with naming(path):
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
    except OSError as error:  # else it is another user's
        return not isinstance(error, ProcessLookupError)
    return True


@contextlib.contextmanager
def lock(path: Path, wait: str | None = None) -> Iterator[int]:
    """Hold ``.NAME.lock`` beside ``path`` while the block runs; the end of the process frees it, however it ends.

    Yields the file descriptor: a process that inherits it holds the lock as well.

    Args:
        path: what is being written.
        wait: a sentence to print while another process holds the lock, which is then waited for.

    Raises:
        TctError: another process holds it, and ``wait`` is not given.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.with_name(f'.{path.name}.lock')
    while True:
        with open(name, 'w', encoding='utf-8') as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if wait is None:
                    raise TctError(f'another process is writing {path}: wait until it has finished') from error
                _cli.note(wait)
                fcntl.flock(held, fcntl.LOCK_EX)
            if not _is_file(name, held):  # its last holder removed it after it was opened here
                continue
            try:
                yield held.fileno()
            finally:
                name.unlink(missing_ok=True)
            return


def _is_file(path: Path, opened: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(opened.fileno()))
    except FileNotFoundError:
        return False
