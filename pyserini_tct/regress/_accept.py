# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""New pins in the place of old ones, with the reason: only the figures in the YAML change, comments and layout stay.

Each rewritten pin gets a line under ``accepted``, which is its source from then on; an expected run is written anew;
the fingerprints of what has just run become those of the pinned state.
"""

import datetime
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _cli
from pyserini_tct._atomic import remove
from pyserini_tct._errors import TctError
from pyserini_tct._yaml import Entry, load
from pyserini_tct.regress import _pinned
from pyserini_tct.regress._matrix import HIGH, LOW, NO_PIN, RANKS, Row
from pyserini_tct.regress._records import Spec
from pyserini_tct.regress._runner import Part
from pyserini_tct.regress._scores import measure_of
from pyserini_tct.regress._spec import load_spec
from pyserini_tct.runs import rank, write_run

SPARE = 2  # ranks of an expected run that are kept below its depth, since a near-tie may cross the cut


class Edit(NamedTuple):
    """Characters ``start`` to ``end`` of a file become ``text``."""

    start: int
    end: int
    text: str


def check(spec: Spec, reason: str) -> None:
    """Refuse what could not be accepted, before anything has run.

    Raises:
        TctError: the reason is blank, the file is Pyserini's, it cannot be written, or its list `accepted` cannot grow.
    """
    if not reason.strip():
        raise TctError('--accept needs a reason: say why the new figures are right')
    if spec.stock:
        raise TctError(f"{spec.path} is Pyserini's own: its pins are not ours to rewrite")
    if not os.access(spec.path.parent, os.W_OK):
        raise TctError(f'{spec.path} cannot be written: copy the file and its folder to one of yours')
    _records(load(spec.path, 'a regression'), '', [])


def accept(spec: Spec, parts: Sequence[Part], reason: str, work: Path) -> list[str]:
    """Pin what was found; return a line for each figure that changed.

    Args:
        spec: the regression file as it ran.
        parts: what :func:`run_parts` returned.
        reason: why the new figures are right; kept in the file.
        work: folder of the regression.

    Raises:
        TctError: the reason is blank, the file is Pyserini's or not writable, or it changed meanwhile.
    """
    check(spec, reason)
    fingerprints = {_pinned.path_of(spec, part.condition, part.part): _taken(spec, part, work) for part in parts}
    rows = [row for part in parts for row in part.rows if row.status in (LOW, HIGH, RANKS, NO_PIN)]
    text = spec.path.read_text(encoding='utf-8')
    document = load(spec.path, 'a regression')
    edits = [Edit(*_span(document, row), f'{row.found:.4f}') for row in rows if row.status != RANKS]
    if rows:
        edits.append(_records(document, text, [_record(row, reason) for row in rows]))
    _replace(spec, text, edits, rows)
    for part in parts:
        ranks = part.part.ranks
        if ranks and part.judged and any(row.status == RANKS for row in part.rows):
            best = {qid: rank(found, ranks.depth + SPARE) for qid, found in part.judged.run.items()}
            write_run(ranks.path, best)
    for path, fingerprint in fingerprints.items():
        if fingerprint:
            _pinned.write(path, fingerprint)
    return [f'{row.condition} {row.topic_key} {row.measure}: {_was(row)} -> {_now(row)}' for row in rows]


def _taken(spec: Spec, part: Part, work: Path) -> dict[str, Any] | None:
    if part.judged is None:
        return None
    try:
        return _pinned.take(spec, part.condition, part.part, part.judged, part.words, work)
    except TctError as error:  # an encoder that is not ours, for one: its scores can be pinned all the same
        _cli.note(f'note: {part.condition.name} {part.part.topic_key}: {error}')
        return None


def _was(row: Row) -> str:
    return 'null' if row.expected is None else _now(row) if row.status == RANKS else f'{row.expected:.4f}'


def _now(row: Row) -> str:
    return f'{row.found:.0f} queries differed' if row.status == RANKS else f'{row.found:.4f}'


def _span(document: Entry, row: Row) -> tuple[int, int]:
    """Return where the pinned figure of a row stands."""
    top = document.pairs()
    for condition in top['conditions'].items():
        fields = condition.pairs()
        if fields['name'].text() != row.condition:
            continue
        for part in fields['topics'].items():
            if part.pairs()['topic_key'].text() != row.topic_key:
                continue
            for name, value in _scores(part):
                if measure_of(value, name) == row.measure:
                    node = value.pairs()['score'].node if value.is_mapping() else value.node
                    return node.start_mark.index, node.end_mark.index
    raise TctError(f'{document.path} changed while it ran: run it again')


def _scores(part: Entry) -> Iterator[tuple[str, Entry]]:
    for scores in part.pairs()['scores'].items():
        yield from scores.pairs().items()


def _record(row: Row, reason: str) -> str:
    values: dict[str, Any] = {
        'date': datetime.datetime.now(datetime.UTC).date().isoformat(),
        'condition': row.condition,
        'topics': row.topic_key,
        'measure': row.measure,
        'was': row.found if row.status == RANKS else row.expected,
        'now': 0 if row.status == RANKS else round(row.found or 0.0, 4),
        'reason': reason.strip(),
    }
    return '- {' + ', '.join(f'{key}: {json.dumps(value, ensure_ascii=False)}' for key, value in values.items()) + '}'


def _records(document: Entry, text: str, records: Sequence[str]) -> Edit:
    """Add lines to the list ``accepted``, which is begun at the end of the file if it is not there."""
    accepted = document.pairs().get('accepted')
    if accepted is None:
        gap = '' if text.endswith('\n') else '\n'
        return Edit(len(text), len(text), gap + 'accepted:\n' + ''.join(f'  {record}\n' for record in records))
    node = accepted.node
    if node.flow_style or not node.value:
        accepted.fail('the list is written in brackets: give each record a line of its own after a `- `')
    last = node.value[-1]
    mark = last.end_mark if last.flow_style else last.value[-1][1].end_mark
    end = text.find('\n', mark.index)
    end = len(text) if end < 0 else end
    return Edit(end, end, ''.join(f'\n{" " * node.start_mark.column}{record}' for record in records))


def _replace(spec: Spec, text: str, edits: Sequence[Edit], rows: Sequence[Row]) -> None:
    """Write the new text in the place of the old one, after it was read back and found to pin what was asked."""
    if not edits:
        return
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    trial = spec.path.with_name(f'.{spec.path.stem}.accept.yaml')
    try:
        trial.write_text(text, encoding='utf-8')
        found = _pins(load_spec(trial))
        wanted = _pins(spec) | {row[:3]: round(row.found or 0.0, 4) for row in rows if row.status != RANKS}
        wrong = next((' '.join(key) for key in wanted if found.get(key) != wanted[key]), None)
        if wrong:
            raise TctError(
                f'{spec.path} was not rewritten, since the pin {wrong} would become another one: it stands behind an '
                'alias (*) or was changed meanwhile; write it out or run again'
            )
        shutil.copymode(spec.path, trial)
        os.replace(trial, spec.path)
    finally:
        remove(trial)


def _pins(spec: Spec) -> dict[tuple[str, str, str], float | None]:
    return {
        (condition.name, part.topic_key, pin.measure): pin.expected
        for condition in spec.conditions
        for part in condition.topics
        for pin in part.pins
    }
