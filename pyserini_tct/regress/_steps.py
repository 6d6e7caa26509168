# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Steps of a regression: a command and its inputs in, an output whose record says exactly what it was made from.

An output is used again only if its record has the same command, the same inputs by SHA-256, the same package versions
and the same code, and the output itself is still what it was. Everything else is made anew.
"""

import datetime
import functools
import glob
import hashlib
import platform
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _env
from pyserini_tct._atomic import remove, write_json
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json, sha256
from pyserini_tct.regress._command import OUTPUT, execute, go_on, names_in, stop_all, words_of
from pyserini_tct.regress._resources import fetched, paths_in


class Step(NamedTuple):
    """One command: its label, its template, what its names stand for, and the steps whose outputs it needs."""

    name: str
    command: str
    output: Path
    values: Mapping[str, str]
    needs: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What became of a step: why there is no output (or ``None``), its SHA-256, the time if it was started."""

    undone: str | None
    digest: str = ''
    seconds: float | None = None
    reused: bool = False


Outcomes = dict[str, Outcome]


def run_steps(steps: Sequence[Step], jobs: int = 1, modules: Sequence[str] = ()) -> Outcomes:
    """Run steps, each as soon as what it needs is there; a line a step goes to standard error.

    Args:
        steps: in an order in which each comes after what it needs.
        jobs: commands at the same time.
        modules: Python packages whose versions count besides the usual ones.
    """
    shared = _Shared({step.name: step.output for step in steps}, environment(modules), Digests(), aloud=jobs == 1)
    outcomes: Outcomes = {}
    waiting, running = list(steps), dict[Future[Outcome], Step]()
    pool = ThreadPoolExecutor(jobs)
    go_on()
    try:
        while waiting or running:
            for step in [step for step in waiting if all(name in outcomes for name in step.needs)]:
                waiting.remove(step)
                running[pool.submit(_run_and_say, step, dict(outcomes), shared)] = step
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                outcomes[step.name] = future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_all()
        raise
    finally:
        pool.shutdown()
    return outcomes


class _Shared(NamedTuple):
    """What all steps share; ``aloud`` where each says when it begins, since no other line can come between."""

    outputs: Mapping[str, Path]
    state: dict[str, Any]
    digests: 'Digests'
    aloud: bool


def _run_and_say(step: Step, done: Outcomes, shared: _Shared) -> Outcome:
    """Run a step and end its line, in one thread: the next step must not begin its own in between."""
    outcome = _run(step, done, shared)
    if outcome.seconds is not None:
        begun = '' if shared.aloud and not outcome.reused else f'{step.name} …'
        how = 'as before' if outcome.reused else f'{outcome.seconds:.1f} s' + (' failed' if outcome.undone else '')
        print(f'{begun} {how}\n', end='', file=sys.stderr, flush=True)
    return outcome


def _run(step: Step, done: Outcomes, shared: _Shared) -> Outcome:
    for name in step.needs:
        if done[name].undone:
            return Outcome(f'{name} was not built: {done[name].undone}')
    values = {**step.values, **{name: str(shared.outputs[name]) for name in step.needs}}
    inputs = {name: done[name].digest for name in step.needs}
    inputs |= {name: shared.digests(values[name]) for name in sorted(names_in(step.command) - {OUTPUT, *step.needs})}
    inputs |= {path: shared.digests(path) for path in paths_in(step.command)}
    record = {'command': step.command, 'inputs': inputs, 'fetched': fetched(step.command), **shared.state}
    known = _read_record(step.output)
    same = known is not None and {key: known.get(key) for key in record} == record
    if same and known and 'output_sha256' in known and step.output.exists():
        digest = sha256(step.output)
        if digest == known['output_sha256']:
            return Outcome(None, digest, known['seconds'], reused=True)
        same = False
    _clear(step.output, everything=not same)
    write_json(record_path(step.output), record)
    if shared.aloud:
        print(f'{step.name} …', end='', file=sys.stderr, flush=True)
    start = time.perf_counter()
    undone = execute(words_of(step.command, {**values, OUTPUT: str(step.output)}), step.output)
    seconds = round(time.perf_counter() - start, 1)
    if undone:
        return Outcome(undone, '', seconds)
    digest = sha256(step.output)
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
    record['fetched'] = fetched(step.command)  # what the command itself has downloaded
    write_json(record_path(step.output), {**record, 'output_sha256': digest, 'seconds': seconds, 'made': made})
    return Outcome(None, digest, seconds)


def record_path(output: Path) -> Path:
    """Return where the record of an output stands."""
    return output.with_name(output.name + '.record.json')


def _read_record(output: Path) -> dict[str, Any] | None:
    try:
        return read_json(record_path(output))
    except TctError:  # none, or cut short: the output is made anew
        return None


def _clear(output: Path, everything: bool) -> None:
    """Remove an output, and unless the same command was only interrupted, all that stands beside it under its name."""
    remove(output)
    if everything:
        name = glob.escape(output.name)
        for leftover in (*output.parent.glob(f'{name}.*'), *output.parent.glob(f'.{name}.*')):
            remove(leftover)


class Digests:
    """SHA-256 of inputs, each computed once; what is no path counts as it is written."""

    def __init__(self) -> None:
        self._lock, self._known = threading.Lock(), dict[str, str]()

    def __call__(self, value: str) -> str:
        with self._lock:
            if value not in self._known:
                self._known[value] = sha256(Path(value)) if Path(value).exists() else f'name {value}'
            return self._known[value]


def environment(modules: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a score may depend on besides its inputs: versions, the platform, this package's code."""
    versions = _env.versions()
    packages = metadata.packages_distributions() if modules else {}
    for module in modules:
        for package in packages.get(module.partition('.')[0], ()):
            versions[package] = metadata.version(package)
    return {'versions': versions, 'platform': platform.platform(), 'code_sha256': code_digest()}


@functools.cache
def code_digest() -> str:
    """Return the SHA-256 over the source files of this package; this folder only looks on and is left out."""
    here, whole = Path(__file__).resolve().parent, hashlib.sha256()
    for file in sorted(here.parent.rglob('*.py')):
        if not file.is_relative_to(here):
            whole.update(f'{file.relative_to(here.parent).as_posix()} {sha256(file)}\n'.encode())
    return whole.hexdigest()
