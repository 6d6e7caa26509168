# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of the file system in one sentence: which file, what is wrong with it, and what can be done."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from pyserini_tct._errors import TctError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the kernel names no file when a write fails
REMEDIES = {
    **dict.fromkeys(FULL, 'make room there or choose another place'),
    **dict.fromkeys((errno.EACCES, errno.EPERM), 'check its permissions or choose another place'),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), 'check the path'),
    errno.EROFS: 'choose another place, which can be written',
}


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of what is written into errors of a full disk that have none."""
    try:
        yield
    except OSError as error:
        if error.errno is None and ' requested and ' in str(error):  # numpy's words for a write that was cut short
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def writing_cache(path: Path) -> Iterator[None]:
    """Say where the cache can be moved to when what grows at ``path`` cannot be written: no flag leads there.

    Raises:
        TctError: a folder on the way cannot be made, or the disk is full.
    """
    try:
        with naming(path):
            yield
    except OSError as error:
        place = Path(os.path.abspath(error.filename)) if isinstance(error.filename, str | os.PathLike) else None
        home = Path(os.path.abspath(path)).parent
        if error.errno not in REMEDIES or place is None or not (place.is_relative_to(home) or place in home.parents):
            raise
        raise TctError(
            f'{place}: {error.strerror}: set PYSERINI_CACHE to a folder that can be written and has room'
        ) from error


def sentence(error: OSError) -> str:
    """Return what a user is told of an error.

    >>> sentence(OSError(errno.ENOSPC, 'No space left on device', 'v.partial'))
    'v.partial: No space left on device: make room there or choose another place'
    """
    where = f'{error.filename}: ' if error.filename else ''
    remedy = REMEDIES.get(error.errno or 0)
    return f'{where}{error.strerror or error}' + (f': {remedy}' if remedy else '')
