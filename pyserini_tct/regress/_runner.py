# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a regression: a checked file and an empty folder in, one row for each pinned figure out.

Commands are run one after the other; what one leaves undone is a row too, so nothing drops out in silence.
"""

import contextlib
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.eval import evaluate
from pyserini_tct.regress._command import OUTPUT, TOPICS, execute, words_of
from pyserini_tct.regress._matrix import NOT_RUN, OK, RANKS, Row, verdict
from pyserini_tct.regress._ranks import rank_misses
from pyserini_tct.regress._records import Condition, Evaluation, Ranks, Spec
from pyserini_tct.runs import Run, read_run
from pyserini_tct.topics import read_qrels

MARKER = '.pyserini_tct-regress'


def select(spec: Spec, names: Collection[str] | None) -> list[Condition]:
    """Return the named conditions, or all, in the order of the file.

    Raises:
        TctError: a name is unknown.
    """
    known = [condition.name for condition in spec.conditions]
    for name in names or ():
        if name not in known:
            raise TctError(f'{spec.path} has no condition {name}: use one of {", ".join(known)}')
    return [condition for condition in spec.conditions if not names or condition.name in names]


@contextlib.contextmanager
def work_folder(path: Path | None, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder: a temporary one that goes away again, or ``path``, which stays.

    Raises:
        TctError: ``path`` is taken; with ``overwrite`` only a folder that an earlier regression made is emptied.
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
    path = path.resolve()
    if path.exists() and not path.is_dir():
        raise TctError(f'{path} is a file: choose another work folder')
    if path.exists() and any(path.iterdir()):
        if not overwrite:
            raise TctError(f'{path} is not empty: choose another work folder or add --overwrite')
        if not (path / MARKER).exists():
            raise TctError(f'{path} holds files that no regression made, so it is not emptied: choose another')
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / MARKER).touch()
    yield path


def run_spec(spec: Spec, work: Path, names: Collection[str] | None = None) -> list[Row]:
    """Run the conditions and compare what they give with what is pinned.

    Args:
        spec: what :func:`load_spec` returned.
        work: an empty folder.
        names: conditions to run, all by default; only the artefacts that these use are built.
    """
    conditions, work = select(spec, names), work.resolve()
    missing = [module for module in spec.requires if not _installed(module)]
    if missing:
        reason = f'the Python module {missing[0]} is not installed'
        return [
            row for condition in conditions for part in condition.topics for row in _not_run(condition, part, reason)
        ]
    used = {name for condition in conditions for name in condition.uses}
    for artefact in reversed(spec.artefacts):
        if artefact.name in used:
            used.update(artefact.uses)
    values, failed = dict(spec.data), dict[str, str]()
    for artefact in spec.artefacts:
        if artefact.name in used:
            output = work / artefact.name
            undone = _blocked(artefact.uses, failed) or _timed(artefact.name, artefact.command, values, output)
            if undone:
                failed[artefact.name] = undone
            values[artefact.name] = str(output)
    rows: list[Row] = []
    for condition in conditions:
        for part in condition.topics:
            output = work / f'run.{condition.name}.{part.topic_key}.trec'
            search = {**values, TOPICS: spec.topics[part.topic_key].topics}
            undone = _blocked(condition.uses, failed) or _timed(
                f'{condition.name} {part.topic_key}', condition.command, search, output
            )
            rows += _not_run(condition, part, undone) if undone else _judged(spec, condition, part, output)
    return rows


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent of `module` is missing
        return False


def _blocked(uses: Collection[str], failed: dict[str, str]) -> str | None:
    return next((f'{name} was not built: {failed[name]}' for name in uses if name in failed), None)


def _timed(label: str, command: str, values: dict[str, str], output: Path) -> str | None:
    print(f'{label} …', end='', file=sys.stderr, flush=True)
    start = time.perf_counter()
    reason = execute(words_of(command, {**values, OUTPUT: str(output)}), output)
    _cli.note(f' {time.perf_counter() - start:.1f} s' + (' failed' if reason else ''))
    return reason


def _not_run(condition: Condition, part: Evaluation, reason: str) -> list[Row]:
    figures = [(pin.measure, pin.expected, pin.tolerance) for pin in part.pins]
    if part.ranks:
        figures.append((f'ranks@{part.ranks.depth}', 0.0, 0.0))
    return [
        Row(condition.name, part.topic_key, measure, expected, None, tolerance, NOT_RUN, reason)
        for measure, expected, tolerance in figures
    ]


def _judged(spec: Spec, condition: Condition, part: Evaluation, output: Path) -> list[Row]:
    try:
        run = read_run(output)
        scores = evaluate(read_qrels(spec.topics[part.eval_key].qrels), run, [pin.measure for pin in part.pins])
        rows = [
            Row(
                condition.name,
                part.topic_key,
                pin.measure,
                pin.expected,
                scores.mean[pin.measure],
                pin.tolerance,
                verdict(pin, scores.mean[pin.measure]),
            )
            for pin in part.pins
        ]
        if part.ranks:
            rows.append(_ranked(condition, part, part.ranks, run))
    except TctError as error:
        return _not_run(condition, part, str(error))
    return rows


def _ranked(condition: Condition, part: Evaluation, ranks: Ranks, run: Run) -> Row:
    misses = rank_misses(read_run(ranks.path), run, ranks.depth, ranks.near_tie)
    detail = ''
    if misses:
        first = misses[0]
        detail = (
            f'{len(misses)} queries list other documents, first {first.qid} at rank {first.rank}: '
            f'expected {first.expected or "nothing"}, found {first.found or "nothing"}'
        )
    return Row(
        condition.name,
        part.topic_key,
        f'ranks@{ranks.depth}',
        0.0,
        float(len(misses)),
        0.0,
        RANKS if misses else OK,
        detail,
    )
