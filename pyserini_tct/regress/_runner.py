# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a regression: a checked file and a folder in, one row for each pinned figure out.

What cannot run, or fails, is a row too, so nothing drops out in silence.
"""

import dataclasses
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.regress import _pinned
from pyserini_tct.regress._command import TOPICS
from pyserini_tct.regress._judge import Judged, judge, not_run
from pyserini_tct.regress._matrix import HIGH, LOW, RANKS, Row
from pyserini_tct.regress._places import PYSERINI, word_of
from pyserini_tct.regress._records import Condition, Evaluation, Spec
from pyserini_tct.regress._resources import chain, why_not
from pyserini_tct.regress._steps import Outcomes, Step, run_steps

QRELS = 'qrels.'


class Part(NamedTuple):
    """One set of queries under one condition: what was executed, and what came of it."""

    condition: Condition
    part: Evaluation
    rows: list[Row]
    judged: Judged | None
    words: list[tuple[str, ...]]


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
        left_out = [' '.join(pair) for pair, reason in reasons.items() if reason]
        if left_out:
            _cli.note(f'left out, since they cannot run here: {", ".join(left_out)}')
        pairs = [(c, p) for c, p in pairs if not reasons[c.name, p.topic_key]]
    runnable = [(c, p) for c, p in pairs if not reasons[c.name, p.topic_key]]
    steps = _steps(spec, runnable, work)
    modules = sorted({module for condition in spec.conditions for module in condition.requires.modules})
    outcomes = run_steps(steps, jobs, modules)
    parts = []
    for condition, part in pairs:
        reason = reasons[condition.name, part.topic_key]
        if reason:
            parts.append(Part(condition, part, not_run(condition, part, reason), None, []))
        else:
            parts.append(_finished(spec, condition, part, outcomes, work))
    return parts


def run_name(condition: Condition, part: Evaluation) -> str:
    """Return the label of the command that writes a run."""
    return f'{condition.name} {part.topic_key}'


def _steps(spec: Spec, pairs: Collection[tuple[Condition, Evaluation]], work: Path) -> list[Step]:
    """Return every command that is needed, each once and after what it needs."""
    values = {name: word_of(place) for name, place in spec.data.items()}
    values |= {name: str(seed) for name, seed in spec.seeds.items()}
    needed = {artefact.name for condition, _ in pairs for artefact in chain(spec, condition)}
    steps = [
        Step(artefact.name, artefact.command, work / artefact.name, values, artefact.uses)
        for artefact in spec.artefacts
        if artefact.name in needed
    ]
    fetched = {}
    for condition, part in pairs:
        topics = word_of(spec.topics[part.topic_key].topics)
        output = work / f'run.{condition.name}.{part.topic_key}.trec'
        label = run_name(condition, part)
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


def _finished(spec: Spec, condition: Condition, part: Evaluation, outcomes: Outcomes, work: Path) -> Part:
    name, qrels = run_name(condition, part), word_of(spec.topics[part.eval_key].qrels)
    words = [outcomes[artefact.name].words for artefact in chain(spec, condition)] + [outcomes[name].words]
    commands = tuple(_shown(line, work) for line in words if line)
    undone, judged = outcomes[name].undone, None
    if QRELS + part.eval_key in outcomes and not undone:
        undone, qrels = outcomes[QRELS + part.eval_key].undone, str(work / (QRELS + part.eval_key))
    if not undone:
        try:
            judged = judge(condition, part, work / f'run.{condition.name}.{part.topic_key}.trec', qrels)
        except TctError as error:
            undone = str(error)
    rows = judged.rows if judged else not_run(condition, part, undone or '')
    if judged and any(row.status in (LOW, HIGH, RANKS) for row in rows):
        rows = _explained(spec, condition, part, judged, words, work)
    return Part(condition, part, [row._replace(commands=commands) for row in rows], judged, words)


def _shown(words: tuple[str, ...], work: Path) -> str:
    """Return a command as one would type it inside the work folder."""
    first = 'python' if words[0] == sys.executable else words[0]
    return shlex.join([first, *(word.removeprefix(f'{work}/') for word in words[1:])])


def _explained(
    spec: Spec, condition: Condition, part: Evaluation, judged: Judged, words: list[tuple[str, ...]], work: Path
) -> list[Row]:
    """Add to the rows that drifted where the score moved first."""
    try:
        pinned = _pinned.load(_pinned.path_of(spec, condition, part))
        if pinned is None:
            finding = 'no fingerprint of the pinned state is there to say where it moved: --accept takes one'
        else:
            finding = _pinned.explain(pinned, _pinned.take(spec, condition, part, judged, words, work, pinned))
    except TctError as error:
        finding = str(error)
    return [row._replace(finding=finding) if row.status in (LOW, HIGH, RANKS) else row for row in judged.rows]
