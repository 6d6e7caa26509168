# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The most memory that a piece of work adds to a process of its own (Linux)."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any


def added(imports: Callable[[], object] | None, work: Callable[..., object], *arguments: object) -> float:
    """Return the MiB that ``work(*arguments)`` adds in a new process, over what ``imports()``, if given, takes there.

    Raises:
        RuntimeError: the process failed; it has told why.
    """
    spawn = multiprocessing.get_context('spawn')
    answer = spawn.SimpleQueue()
    child = spawn.Process(target=_measure, args=(imports, work, arguments, answer))
    child.start()
    child.join()
    if child.exitcode:
        raise RuntimeError(f'measuring memory failed with exit code {child.exitcode}')
    return float(answer.get())


def _measure(imports: Callable[[], object] | None, work: Callable[..., object], arguments: Any, answer: Any) -> None:
    if imports:
        imports()
    before = _resident('VmRSS')
    Path('/proc/self/clear_refs').write_text('5')  # the peak so far is forgotten
    work(*arguments)
    answer.put((_resident('VmHWM') - before) / 1024)


def _resident(field: str) -> int:
    """Return KiB of memory that the process has in use."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))
