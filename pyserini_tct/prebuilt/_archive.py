# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Unpacking of tar archives that may be hostile: only plain files and folders, only below one folder, only so much."""

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from pyserini_tct._errors import TctError

MOST_EXPANSION, SLACK = 20, 1 << 24  # an archive may unpack to 20 times its size and 16 MiB
MOST_MEMBERS = 10_000
MOST_AT_ONCE = 1 << 20  # tarfile reads a member's extended header whole, whatever size it claims
SPARE = 1 << 28  # bytes left free on the disk


class NoRoom(TctError):
    """The disk has less room than is needed: what is refused now may be right later."""


def unpack(archive: Path, folder: Path, label: str | None = None) -> Path:
    """Unpack a ``.tar`` or ``.tar.gz`` archive into an empty folder.

    Owners, permissions and times are not taken over.

    Args:
        archive: whose checksum has been compared.
        folder: empty, on the disk where the files are to stay.
        label: what messages call the archive; left out, its name.

    Returns:
        The one folder that the archive holds, or ``folder`` where its files lie at the top.

    Raises:
        TctError: the archive is damaged, or holds a link, a device, a name that leaves the folder, a name twice, more
            than it may, or more than the disk has room for. Some files may have been written.
    """
    label = label or archive.name
    most = MOST_EXPANSION * archive.stat().st_size + SLACK
    try:
        with open(archive, 'rb') as raw:
            packed = raw.read(2) == b'\x1f\x8b'
            raw.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            with tarfile.open(fileobj=_Bounded(stream), mode='r:') as tar:  # type: ignore[call-overload]
                for number, member in enumerate(tar):
                    most -= member.size
                    if most < 0 or number >= MOST_MEMBERS:
                        raise TctError(f'{label} unpacks to far more than its size: it was not unpacked')
                    _extract(tar, member, folder, label)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError, ValueError) as error:
        raise TctError(f'{label} is damaged or no tar archive ({error}): it was not unpacked') from error
    found = [path for path in folder.iterdir() if not path.name.startswith('.')]
    return found[0] if len(found) == 1 and found[0].is_dir() else folder


class _Bounded:
    """A stream that refuses to give much at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise tarfile.ReadError(f'a header of {size:,} bytes')
        return self._stream.read(size)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, archive: str) -> None:
    shown = ascii(member.name)[:80]
    name = PurePosixPath(member.name)
    if name.is_absolute() or '..' in name.parts or '\\' in member.name or not member.name.isprintable():
        raise TctError(f'{archive} holds the unsafe name {shown}: it was not unpacked')
    if not (member.isdir() or member.isreg()) or member.issparse() or member.size < 0:
        raise TctError(f'{archive} holds {shown}, which is neither a file nor a folder: it was not unpacked')
    target = folder / name
    try:
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            return
        check_room(folder, member.size, archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        with open(target, 'xb') as out:
            while source is not None and (chunk := source.read(MOST_AT_ONCE)):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
    except (FileExistsError, NotADirectoryError) as error:
        raise TctError(f'{archive} holds {shown} twice: it was not unpacked') from error
    if target.stat().st_size != member.size:
        raise TctError(f'{archive} ends within {shown}: it was not unpacked')


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse what the disk has no room for.

    Raises:
        NoRoom: fewer bytes are free; the sentence says how many.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free - SPARE
    if needed > free:
        raise NoRoom(
            f'{what} needs {needed / 1e9:.1f} GB in {folder}, where {max(free, 0) / 1e9:.1f} GB are free: '
            'make room, or set PYSERINI_CACHE to a folder on another disk'
        )
