# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a regression: a checked file and a folder in, one row for each pinned figure out.

What cannot run, or fails, is a row too, so nothing drops out in silence.
"""

import dataclasses
import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.regress import _pinned
from pyserini_tct.regress._command import OUTPUT, TOPICS, words_of
from pyserini_tct.regress._grid import apart
from pyserini_tct.regress._judge import Judged, judge, not_run
from pyserini_tct.regress._matrix import HIGH, LOW, RANKS, Row
from pyserini_tct.regress._places import PYSERINI, word_of
from pyserini_tct.regress._records import Condition, Evaluation, Spec
from pyserini_tct.regress._resources import chain, why_not
from pyserini_tct.regress._steps import Outcomes, Step, run_steps

QRELS = 'qrels.'


class Part(NamedTuple):
    """One set of queries under one condition: the commands, whether they were started, and what came of it."""

    condition: Condition
    part: Evaluation
    rows: list[Row]
    judged: Judged | None = None
    words: Sequence[Sequence[str]] = ()
    started: bool = False


def select(spec: Spec, names: Collection[str] | None, topics: Collection[str] | None = None) -> list[Condition]:
    """Return the named conditions, or all, in the order of the file, with the named sets of queries only.

    Raises:
        TctError: a name is unknown, or no condition is left.
    """
    for kind, asked, known in (
        ('condition', names, [condition.name for condition in spec.conditions]),
        ('topic_key', topics, list(spec.topics)),
    ):
        for name in asked or ():
            if name not in known:
                raise TctError(f'{spec.path} has no {kind} {name}: use one of {", ".join(known)}')
    found = []
    for condition in spec.conditions:
        parts = tuple(part for part in condition.topics if not topics or part.topic_key in topics)
        if parts and (not names or condition.name in names):
            found.append(dataclasses.replace(condition, topics=parts))
    if not found:
        raise TctError(f'{spec.path} pins nothing for these conditions on these topics: leave one of the two flags out')
    return found


def run_spec(spec: Spec, work: Path, names: Collection[str] | None = None) -> list[Row]:
    """Run conditions and compare what they give with what is pinned; see :func:`run_parts`."""
    return [row for part in run_parts(spec, work, select(spec, names)) for row in part.rows]


def run_parts(
    spec: Spec, work: Path, conditions: Collection[Condition], jobs: int = 1, only_runnable: bool = False
) -> list[Part]:
    """Run conditions and compare what they give with what is pinned.

    Args:
        spec: what :func:`load_spec` returned.
        work: a folder; what an earlier regression left there is used again where nothing has changed since.
        conditions: what :func:`select` returned; only the artefacts that these use are built.
        jobs: commands at the same time.
        only_runnable: leave out what cannot run here.
    """
    work = work.resolve()
    pairs = [(condition, part) for condition in conditions for part in condition.topics]
    reasons = {(c.name, p.topic_key): why_not(spec, c, p, work) for c, p in pairs}
    if only_runnable:
        absent = [row for c, p in pairs if (reason := reasons[c.name, p.topic_key]) for row in not_run(c, p, reason)]
        for reason, names in apart(absent).items():
            _cli.note('\n  '.join([f'left out: {reason}', *names]))
        pairs = [(c, p) for c, p in pairs if not reasons[c.name, p.topic_key]]
    runnable = [(c, p) for c, p in pairs if not reasons[c.name, p.topic_key]]
    steps = _steps(spec, runnable, work)
    modules = sorted({module for condition in spec.conditions for module in condition.requires.modules})
    outcomes = run_steps(steps, jobs, modules)
    parts = []
    for condition, part in pairs:
        words = _commands(spec, condition, part, work)
        reason = reasons[condition.name, part.topic_key]
        if reason:
            done = Part(condition, part, not_run(condition, part, reason), None, words)
        else:
            done = _finished(spec, Part(condition, part, [], None, words, started=True), outcomes, work)
        commands = tuple(_shown(line, work) for line in words)
        parts.append(done._replace(rows=[row._replace(commands=commands) for row in done.rows]))
    return parts


def run_name(condition: Condition, part: Evaluation) -> str:
    """Return the label of the command that writes a run."""
    return f'{condition.name} {part.topic_key}'


def _values(spec: Spec) -> dict[str, str]:
    """Return what the names of a file stand for in its commands."""
    values = {name: word_of(place) for name, place in spec.data.items()}
    return values | {name: str(seed) for name, seed in spec.seeds.items()}


def _commands(spec: Spec, condition: Condition, part: Evaluation, work: Path) -> list[list[str]]:
    """Return the words of all commands behind a run, in order."""
    artefacts = chain(spec, condition)
    values = _values(spec) | {artefact.name: str(work / artefact.name) for artefact in artefacts}
    found = [words_of(artefact.command, {**values, OUTPUT: values[artefact.name]}) for artefact in artefacts]
    topics = word_of(spec.topics[part.topic_key].topics)
    output = str(_run_path(condition, part, work))
    return [*found, words_of(condition.command, {**values, TOPICS: topics, OUTPUT: output})]


def _run_path(condition: Condition, part: Evaluation, work: Path) -> Path:
    return work / f'run.{condition.name}.{part.topic_key}.trec'


def _steps(spec: Spec, pairs: Collection[tuple[Condition, Evaluation]], work: Path) -> list[Step]:
    """Return every command that is needed, each once and after what it needs."""
    values = _values(spec)
    needed = {artefact.name for condition, _ in pairs for artefact in chain(spec, condition)}
    steps = [
        Step(artefact.name, artefact.command, work / artefact.name, values, artefact.uses)
        for artefact in spec.artefacts
        if artefact.name in needed
    ]
    fetched = {}
    for condition, part in pairs:
        topics = word_of(spec.topics[part.topic_key].topics)
        label, output = run_name(condition, part), _run_path(condition, part, work)
        steps.append(Step(label, condition.command, output, {**values, TOPICS: topics}, condition.uses))
        if spec.topics[part.eval_key].qrels.startswith(PYSERINI):
            fetched[part.eval_key] = _fetch(spec, part, work)
    return [*fetched.values(), *steps]


def _fetch(spec: Spec, part: Evaluation, work: Path) -> Step:
    """Return the command that writes judgments which Pyserini knows by name."""
    name = QRELS + part.eval_key
    command = 'python -m pyserini_tct.regress._qrels $name $output'
    return Step(name, command, work / name, {'name': word_of(spec.topics[part.eval_key].qrels)})


def qrels_file(spec: Spec, part: Evaluation, work: Path) -> tuple[str | None, str]:
    """Return why the judgments cannot be had, or ``None``, and the file or ``irds:`` name to read."""
    place = spec.topics[part.eval_key].qrels
    if not place.startswith(PYSERINI):
        return None, word_of(place)
    step = _fetch(spec, part, work)
    return run_steps([step])[step.name].undone, str(step.output)


def _finished(spec: Spec, part: Part, outcomes: Outcomes, work: Path) -> Part:
    condition, evaluation = part.condition, part.part
    undone, qrels = outcomes[run_name(condition, evaluation)].undone, word_of(spec.topics[evaluation.eval_key].qrels)
    fetched = QRELS + evaluation.eval_key
    if fetched in outcomes and not undone:
        undone, qrels = outcomes[fetched].undone, str(work / fetched)
    if not undone:
        try:
            judged = judge(condition, evaluation, _run_path(condition, evaluation, work), qrels)
            return _explained(spec, part._replace(rows=judged.rows, judged=judged), judged, work)
        except TctError as error:
            undone = str(error)
    return part._replace(rows=not_run(condition, evaluation, undone))


def _shown(words: Sequence[str], work: Path) -> str:
    """Return a command as one would type it inside the work folder."""
    first = 'python' if words[0] == sys.executable else words[0]
    return shlex.join([first, *(word.removeprefix(f'{work}/') for word in words[1:])])


def _explained(spec: Spec, part: Part, judged: Judged, work: Path) -> Part:
    """Add to the rows that drifted where the score moved first."""
    if not any(row.status in (LOW, HIGH, RANKS) for row in part.rows):
        return part
    try:
        pinned = _pinned.load(_pinned.path_of(spec, part.condition, part.part))
        if pinned is None:
            finding = 'no fingerprint of the pinned state is there to say where it moved: --accept takes one'
        else:
            found = _pinned.take(spec, part.condition, part.part, judged, part.words, work, pinned)
            finding = _pinned.explain(pinned, found)
    except TctError as error:
        finding = str(error)
    moved = (LOW, HIGH, RANKS)
    return part._replace(rows=[row._replace(finding=finding) if row.status in moved else row for row in part.rows])
