# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""From a name to a folder on this machine: fetched once, compared with its checksum, unpacked aside, then renamed.

Indexes go where stock Pyserini looks for them, so that it finds what was fetched here, and the other way round.
"""

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from pyserini_tct import _atomic, _disk
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir, read_json
from pyserini_tct.prebuilt import _archive, _hub, _queries, _record, _registry
from pyserini_tct.prebuilt._download import download
from pyserini_tct.prebuilt._registry import KINDS, Entry

OFFLINE = 'HF_HUB_OFFLINE'
NEEDED = {'faiss': ('index', 'docid'), 'bm25': ('segments_*',), 'queries': ('*.npy',), 'encoder': ('config.json',)}


class Options(NamedTuple):
    """How to fetch: seconds without a byte, tries, no network at all, and an archive that is here already."""

    timeout: float = 30
    retries: int = 5
    offline: bool = False
    archive: Path | None = None


def locate(name: str, kind: str, options: Options | None = None) -> Path | None:
    """Return where the entry of a name is on this machine, fetched if need be; ``None`` for an unknown name.

    Args:
        name: as in ``--index``, ``--encoder`` or ``--encoded-queries``.
        kind: see :class:`Entry`.
        options: how to fetch.

    Raises:
        TctError: it cannot be fetched, or what the user added is no longer there.
    """
    entry = _registry.find(name, kind)
    if entry is None:
        return None
    if entry.hub:
        return _hub.cached(entry.hub) or _hub.snapshot(entry.hub)
    return fetch(entry, options or Options())


def place(entry: Entry) -> Path | None:
    """Return where an entry is on this machine, or ``None`` if it is not here."""
    if entry.path:
        return Path(entry.path) if Path(entry.path).exists() else None
    if entry.hub:
        return _hub.cached(entry.hub)
    return entry.target if entry.target.is_dir() else None


def fetch(entry: Entry, options: Options) -> Path:
    """Return where an entry is on this machine; fetch or make it if it is not here.

    Raises:
        TctError: no network, no room, a wrong checksum, a hostile archive, or an added path that is gone.
    """
    here = place(entry)
    if here is not None and not entry.hub:
        return here
    if entry.path:
        raise TctError(
            f'{entry.path}, which was added as {entry.name}, is gone: put it back, or give the command '
            f'python -m pyserini_tct.prebuilt remove {entry.name}'
        )
    offline = options.offline or os.environ.get(OFFLINE, '').upper() in ('1', 'ON', 'YES', 'TRUE')
    if entry.hub and here is None and not offline:
        here = _hub.snapshot(entry.hub)
    if here is not None:
        if _record.read(entry) is None:
            _record.write(entry, here, _record.checksums(here), entry.urls[0])
        return here
    if offline and not entry.build and not options.archive:
        raise TctError(
            f'{entry.name} is not on this machine, and there is no network by --offline or {OFFLINE}: fetch it where '
            f'there is one, and copy {entry.hub or entry.target} from there'
        )
    wait = f'another process is fetching {entry.name}: waiting for it'
    with _disk.writing_cache(entry.target), _atomic.lock(entry.target, wait):
        if not entry.target.is_dir():
            _make(entry) if entry.build else _fetch(entry, options)
    return entry.target


def _fetch(entry: Entry, options: Options) -> None:
    """Download, compare, unpack, check, and put in place; a partial download is kept, all else is removed."""
    target = entry.target
    partial = target.with_name(f'.{target.name}.download')
    resumed = partial.exists()
    room = max(4 * (entry.documents or 0) * (entry.dimension or 0) if entry.kind == 'faiss' else 0, entry.bytes or 0)
    if options.archive is None:
        missing = (entry.bytes or 0) - (partial.stat().st_size if resumed else 0)
        _archive.check_room(target, missing + room, entry.name)
        size = f', {entry.bytes / 1e9:.2f} GB' if entry.bytes else ''
        note(f'fetching {entry.name} ({KINDS[entry.kind][1]}{size}) into {target}')
        download(entry.urls, partial, entry.bytes, entry.name, options.timeout, options.retries)
    archive = options.archive or partial
    wrong = _compare(archive, entry)
    if wrong and resumed and not options.archive:  # the file has changed between the two parts
        partial.unlink()
        download(entry.urls, partial, entry.bytes, entry.name, options.timeout, options.retries)
        wrong = _compare(archive, entry)
    if wrong:
        remedy = 'give the right archive' if options.archive else 'fetch it again, or tell those who offer it'
        if not options.archive:
            partial.unlink()
        raise TctError(f'{entry.name} has the wrong checksum ({wrong}), nothing was installed: {remedy}')
    with _atomic.workspace(target) as work:
        (work / 'unpacked').mkdir()
        try:
            label = options.archive.name if options.archive else f'the archive of {entry.name}'
            folder = _archive.unpack(archive, work / 'unpacked', label)
            if entry.kind == 'queries' and (folder / 'embedding.pkl').is_file():
                pickled, folder = folder / 'embedding.pkl', work / 'converted'
                folder.mkdir()
                _queries.convert(pickled, folder / entry.name)
            _install(entry, folder, str(options.archive or entry.urls[0]))
        except _archive.NoRoom:
            raise
        except TctError:
            partial.unlink(missing_ok=True)  # what is refused once is refused again
            raise
    partial.unlink(missing_ok=True)


def _compare(archive: Path, entry: Entry) -> str | None:
    """Return how an archive differs from its entry, or ``None``."""
    size = archive.stat().st_size
    if entry.bytes not in (None, size):
        return f'{size:,} bytes, expected {entry.bytes:,}'
    with open(archive, 'rb') as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return None if found == entry.md5 else f'MD5 {found}, expected {entry.md5}'


def _make(entry: Entry) -> None:
    """Run the commands that make an entry on this machine, and put the result in place."""
    note(f'making {entry.name} ({KINDS[entry.kind][1]}) in {entry.target}')
    with _atomic.workspace(entry.target) as work:
        output = work / entry.name
        values = {'data': str(data_dir('prebuilt')), 'work': str(work), 'output': str(output)}
        for line in entry.build:
            words = [word.format_map(values) for word in shlex.split(line)]
            done = subprocess.run([sys.executable, '-m', *words], capture_output=True, text=True)
            if done.returncode:
                cause = (done.stderr.strip().splitlines() or ['no message'])[-1].removeprefix('error: ')
                raise TctError(f'{entry.name} could not be made: {words[0]}: {cause}')
        _install(entry, output, '; '.join(entry.build))


def _install(entry: Entry, folder: Path, source: str) -> None:
    for pattern in NEEDED[entry.kind]:
        if not any(folder.glob(pattern)):
            raise TctError(f'{entry.name} has no {pattern} in it, so it is no {KINDS[entry.kind][1]}: it was refused')
    _record.write(entry, entry.target, _record.checksums(folder), source)
    described = _atomic.manifest_path(folder)
    _atomic.publish(folder, entry.target, read_json(described) if described.exists() else None)


def remove(entry: Entry) -> int:
    """Delete what was fetched, or forget what was added, whose files are left alone.

    Returns:
        Bytes freed.
    """
    with _atomic.lock(entry.target):
        freed = 0
        if entry.hub and (folder := _hub.cached(entry.hub)):
            freed = _size(folder)
            _hub.remove(entry.hub)
        for path in (entry.target, entry.target.with_name(f'.{entry.target.name}.download')):
            freed += _size(path)
            _atomic.remove(path)
        for path in (_atomic.manifest_path(entry.target), _record.record_path(entry)):
            _atomic.remove(path)
    if entry.added:
        with _atomic.lock(_registry.user_file(), 'another process is adding a name: waiting for it'):
            _registry.write_added({name: old for name, old in _registry.added().items() if name != entry.name})
    return freed


def _size(path: Path) -> int:
    if path.is_symlink() or not path.exists():
        return 0
    files = path.rglob('*') if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
