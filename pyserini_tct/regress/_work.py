# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The folder in which a regression works: a temporary one, or one that is kept so that a later run goes on there."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pyserini_tct._atomic import lock
from pyserini_tct._errors import TctError
from pyserini_tct.regress._command import inherited

MARKER = '.pyserini_tct-regress'


@contextlib.contextmanager
def work_folder(path: Path | None, overwrite: bool = False) -> Iterator[Path]:
    """Yield a folder: a temporary one that goes away again, or ``path``, which stays and may be an earlier one.

    Raises:
        TctError: ``path`` holds what no regression made, or another regression works there.
    """
    if path is None:
        # No random letters: stock Pyserini picks an encoder class by substrings of the whole path, `dpr` for one.
        folder = Path(tempfile.gettempdir()).resolve() / f'regress-{time.time_ns()}'
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
        return
    path = claimed(path.resolve(), MARKER)
    with lock(path) as held, inherited(held):
        if overwrite:
            shutil.rmtree(path)
            claimed(path, MARKER)
        yield path


def claimed(path: Path, marker: str) -> Path:
    """Make a folder ours, or find that it is; a folder with other files is left alone.

    Raises:
        TctError: it is a file, or holds files that no regression made.
    """
    if path.exists() and not path.is_dir():
        raise TctError(f'{path} is a file: choose another folder')
    if path.exists() and any(path.iterdir()) and not (path / marker).exists():
        raise TctError(f'{path} is not empty and holds files that no regression made: choose another folder')
    path.mkdir(parents=True, exist_ok=True)
    (path / marker).touch()
    return path
