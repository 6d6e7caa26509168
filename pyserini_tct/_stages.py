# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A command as a step of a larger one: what ``demo`` and ``compare`` build is made by the lines a user would type."""

import contextlib
import importlib
import shlex
import time
from pathlib import Path
from typing import NamedTuple


class Stage(NamedTuple):
    """A command: what it makes, the module, its arguments."""

    name: str
    output: Path
    module: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """The line a user would type."""
        return f'python -m {self.module} {shlex.join(self.words)}'


def call(stage: Stage, log: Path) -> float:
    """Run a command in this process; what it prints goes to a log.

    Returns:
        Its seconds.
    """
    started = time.perf_counter()
    module = importlib.import_module(stage.module)
    if not hasattr(module, 'main'):
        module = importlib.import_module(f'{stage.module}.__main__')
    with open(log, 'a', encoding='utf-8') as out, contextlib.redirect_stdout(out):
        print(f'$ {stage.command}')
        module.main(list(stage.words))
    return time.perf_counter() - started


def index_bytes(folder: Path) -> int:
    """Return the bytes that a search needs of an index folder: all but the texts.

    Lucene keeps the texts in its stored fields (``.fdt`` with ``.fdx`` and ``.fdm``); docids are in doc values as well.
    """
    return sum(
        file.stat().st_size
        for file in folder.iterdir()
        if not file.name.startswith('texts') and file.suffix not in ('.fdt', '.fdx', '.fdm')
    )
