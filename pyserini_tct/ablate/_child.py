# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A command as a process of its own that writes down what it took: ``RECORD MODULE ARGUMENTS``.

The record is seconds, peak memory of the process and of its GPU, and what the command printed.
"""

import contextlib
import importlib
import importlib.util
import io
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _files
from pyserini_tct._errors import TctError


def measured(record: Path, log: Path, module: str, words: Sequence[str]) -> dict[str, Any]:
    """Run a command of this package in a new process.

    Args:
        record: JSON file that the process writes at its end.
        log: what it prints is added here.
        module, words: ``python -m MODULE WORDS``.

    Returns:
        ``seconds``, ``peak_memory`` and ``peak_gpu_memory`` in bytes (``None``: no GPU was used), ``printed``.

    Raises:
        TctError: it failed; its sentence is passed on.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, '-m', 'pyserini_tct.ablate._child', str(record), module, *words]
    with open(log, 'a', encoding='utf-8') as out:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    if done.returncode:
        lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
        cause = next((line for line in reversed(lines) if line.strip()), 'no message')
        raise TctError(f'{module} failed: {cause.removeprefix("error: ")} (see {log})')
    return _files.read_json(record)


def child(argv: Sequence[str]) -> None:
    """Run the command in this process, then write the record."""
    record, name, *words = argv
    package = importlib.util.find_spec(name)
    module = importlib.import_module(f'{name}.__main__' if package and package.submodule_search_locations else name)
    printed, started = io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(printed):
        module.main(words)
    taken = {'seconds': round(time.perf_counter() - started, 2), 'peak_memory': _peak(), 'peak_gpu_memory': _gpu_peak()}
    _atomic.write_json(Path(record), {**taken, 'printed': printed.getvalue()})


def _peak() -> int:
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _gpu_peak() -> int | None:
    torch: Any = sys.modules.get('torch')
    return int(torch.cuda.max_memory_allocated()) if torch and torch.cuda.is_initialized() else None


if __name__ == '__main__':
    _cli.run(child)
