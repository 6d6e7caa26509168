# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where a regression file says its data lie: a path, or a name behind a prefix that is looked up when it runs."""

import os
from pathlib import Path

from pyserini_tct.collection import IRDS

PREBUILT, PYSERINI, ENV = 'prebuilt:', 'pyserini:', 'env:'


def word_of(location: str) -> str:
    """Return what a command gets: a path, or a name that it knows.

    >>> word_of('pyserini:dl19-passage'), word_of('/data/topics.tsv')
    ('dl19-passage', '/data/topics.tsv')
    """
    if location.startswith(ENV):
        variable, _, path = location[len(ENV) :].partition('/')
        return str(Path(os.environ.get(variable, f'${variable}')).absolute() / path)
    return location.removeprefix(PYSERINI)


def why_missing(location: str) -> str | None:
    """Say why a place has nothing to read; ``None`` if it has, or if it is a name."""
    if location.startswith((IRDS, PYSERINI)):
        return None
    variable, _, path = location[len(ENV) :].partition('/') if location.startswith(ENV) else ('', '', '')
    if variable and not os.environ.get(variable):
        return f'the environment variable {variable} is not set: set it to the folder that has {path}'
    file = Path(word_of(location))
    return None if file.exists() else f'{file} does not exist: check {variable or "the path"}'
