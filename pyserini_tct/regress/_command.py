# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of a regression file: words with ``$names`` in, a finished process and its log out.

No shell is involved: a command is split into words first and its names are filled in afterwards, so a path with spaces
stays one word.
"""

import contextlib
import errno
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import IO, NoReturn

from pyserini_tct._yaml import Entry

OUTPUT, TOPICS = 'output', 'topics'  # set anew for each command
LONGEST = 80  # characters of a name
COLOUR = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')
_live: set[subprocess.Popen[bytes]] = set()
_starting, _halted = threading.Lock(), threading.Event()
_inherited: list[int] = []


def unknown(entry: Entry, what: str, known: Collection[str]) -> NoReturn:
    """Complain about a name that nothing declares."""
    entry.fail(f'{what} is unknown: use one of {", ".join(known) or "(none are declared)"}')


def check_variable(entry: Entry, name: str, taken: Collection[str]) -> None:
    """Refuse a name that cannot stand after a ``$``, or that stands for something else already."""
    if not re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', name):
        entry.fail(f'{name!r} cannot stand after a `$`: use letters, digits and underscores')
    if name in taken or name in (OUTPUT, TOPICS):
        entry.fail(f'the name {name} is taken: choose another')
    check_length(entry, name)


def check_length(entry: Entry, name: str) -> None:
    """Refuse a name that is too long: two of them and an ending are the name of a file."""
    if len(name) > LONGEST:
        entry.fail(f'{name[:20]}… has {len(name)} characters and becomes part of file names: use at most {LONGEST}')


def check_command(entry: Entry, variables: Collection[str]) -> str:
    """Return a command whose quotation is closed, whose names are all known, and which writes to ``$output``."""
    command = entry.text()
    try:
        words = [Template(word) for word in shlex.split(command)]
    except ValueError as error:
        entry.fail(f'the command cannot be split into words ({error}): close the quotation')
    for word in words:
        if not word.is_valid():
            entry.fail(f'{word.template!r} has a `$` without a name: write `$$` for the sign itself')
        for name in word.get_identifiers():
            if name not in variables:
                unknown(entry, f'the variable ${name}', [f'${variable}' for variable in variables])
    if not any(OUTPUT in word.get_identifiers() for word in words):
        entry.fail(f'the command never names ${OUTPUT}: its result must be written there')
    return command


def names_in(command: str) -> set[str]:
    """Return the names that stand after a ``$`` in a command.

    >>> sorted(names_in('cp $corpus ${output}'))
    ['corpus', 'output']
    """
    return {name for word in shlex.split(command) for name in Template(word).get_identifiers()}


def words_of(command: str, values: Mapping[str, str]) -> list[str]:
    """Return the words to execute; ``python`` in front means this interpreter.

    >>> words_of('cp $corpus $output', {'corpus': 'my corpus.jsonl', 'output': 'copy'})
    ['cp', 'my corpus.jsonl', 'copy']
    """
    words = [Template(word).substitute(values) for word in shlex.split(command)]
    return [sys.executable, *words[1:]] if words[0] == 'python' else words


def execute(words: list[str], output: Path) -> str | None:
    """Run a command in the folder of its output; return ``None``, or why it gave no result.

    What it prints goes beside the output: standard error to ``NAME.log``, standard output to ``NAME.out``.
    """
    if output.exists():
        return f'{output} was there before: an empty work folder is needed'
    log = output.with_name(output.name + '.log')
    with open(log, 'wb') as errors, open(output.with_name(output.name + '.out'), 'wb') as printed:
        try:
            code = _run(words, output.parent, printed, errors)
        except OSError as error:
            return f'{words[0]} cannot be executed: {error.strerror}'
    if code:
        lines = COLOUR.sub('', log.read_text(encoding='utf-8', errors='replace')).splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), 'nothing on standard error')
        return f'exit code {code}: {last.removeprefix("error: ")} (log: {log})'
    return None if output.exists() else f'exit code 0, but nothing was written to ${OUTPUT} (log: {log})'


def _run(words: list[str], folder: Path, printed: IO[bytes], errors: IO[bytes]) -> int:
    with _starting:
        if _halted.is_set():
            raise InterruptedError(errno.EINTR, 'the regression was ended')
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
            pass_fds=_inherited,
        )
        _live.add(process)
    try:
        return process.wait()
    finally:
        _live.discard(process)


@contextlib.contextmanager
def inherited(lock: int) -> Iterator[None]:
    """Let commands hold a lock too: those of a regression that was killed go on writing, and nobody else may."""
    _inherited.append(lock)
    try:
        yield
    finally:
        _inherited.remove(lock)


def go_on() -> None:
    """Let commands start (again)."""
    _halted.clear()


def stop_all() -> None:
    """End the commands that still run, and let none start, when the regression itself is ended."""
    with _starting:
        _halted.set()
        for process in tuple(_live):
            process.terminate()


def _environment() -> dict[str, str]:
    """Let ``python -m pyserini_tct`` work in the child's folder too when it runs from a clone that is not installed."""
    root = Path(__file__).resolve().parents[2]
    environment = dict(os.environ)
    if root.name not in ('site-packages', 'dist-packages'):
        environment['PYTHONPATH'] = os.pathsep.join(filter(None, [str(root), environment.get('PYTHONPATH')]))
    return environment
