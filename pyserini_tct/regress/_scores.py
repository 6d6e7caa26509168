# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The scores of a regression file: pins with their tolerance and their source, and runs whose ranks must be met.

``tolerance`` and ``source`` may stand on a topic, its condition or the file; the nearest counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct._yaml import Entry
from pyserini_tct.eval import parse_measures
from pyserini_tct.regress._records import Pin, Ranks
from pyserini_tct.regress._schema import keys


class Accepted(NamedTuple):
    """A pin that ``--accept`` has rewritten, and why."""

    date: str
    condition: str
    topic_key: str
    measure: str
    was: float | None
    now: float
    reason: str


@dataclass(frozen=True)
class Defaults:
    """The tolerance and the source that hold where nothing nearer is said."""

    tolerance: dict[str, float]
    source: str | None

    def under(self, fields: dict[str, Entry]) -> 'Defaults':
        """Return what holds below a mapping that may state its own."""
        tolerance, source = dict(self.tolerance), self.source
        if 'tolerance' in fields:
            for name, entry in fields['tolerance'].pairs().items():
                tolerance[measure_of(entry, name)] = entry.not_negative()
        if 'source' in fields:
            source = _source(fields['source'])
        return Defaults(tolerance, source)


def read_pins(entry: Entry, defaults: Defaults, accepted: Mapping[str, Accepted]) -> tuple[Pin, ...]:
    """Read a list of ``measure: score`` mappings; a pin that is as it was ``accepted`` has the reason as its source.

    Raises:
        TctError: an unknown measure, one that is pinned twice, or a pinned score without a source.
    """
    pins: dict[str, Pin] = {}
    for scores in entry.items():
        for name, value in scores.pairs().items():
            measure = measure_of(value, name)
            if measure in pins:
                value.fail(f'the measure {measure} is pinned twice: remove one')
            pins[measure] = _pin(value, measure, defaults, accepted.get(measure))
    return tuple(pins.values())


def _pin(value: Entry, measure: str, defaults: Defaults, accepted: Accepted | None) -> Pin:
    also: tuple[float, ...] = ()
    note, source, score = '', defaults.source, value
    if value.is_mapping():
        fields = value.table(*keys('disputed'))
        score, source = fields['score'], defaults.under(fields).source
        also = tuple(item.number() for item in fields['also'].items()) if 'also' in fields else ()
        note = fields['note'].text() if 'note' in fields else ''
        if also and not note:
            fields['also'].fail('a figure that differs needs a `note`: say which document has it')
    expected = None if score.scalar() is None else score.number()
    if accepted and accepted.now == expected:
        before = 'unknown' if accepted.was is None else accepted.was
        source = f'accepted {accepted.date} (was {before}): {accepted.reason}'
    if expected is not None and source is None:
        value.fail('a pinned score needs a `source`: say who measured it, when and where, or put null')
    return Pin(measure, expected, defaults.tolerance.get(measure, 0.0), source, also, note)


def read_ranks(fields: dict[str, Entry], path: Path | None) -> Ranks | None:
    """Read ``ranks``, ``depth`` and ``near_tie`` of a set of queries; ``path`` is the resolved ``ranks``."""
    if path is None:
        for key in ('near_tie', 'depth'):
            if key in fields:
                fields[key].fail(f'`{key}` says how closely `ranks` are met: add `ranks` or remove it')
        return None
    if not path.is_file():
        fields['ranks'].fail(f'{path} does not exist: check the path of the expected run')
    near_tie = fields['near_tie'].not_negative() if 'near_tie' in fields else 1e-3
    return Ranks(path, fields['depth'].whole(1) if 'depth' in fields else 10, near_tie)


def read_accepted(entry: Entry) -> Accepted:
    """Read one record of a rewritten pin."""
    fields = entry.table(*keys('accepted'))
    was = None if fields['was'].scalar() is None else fields['was'].number()
    condition, topics, measure, reason = (fields[key].text() for key in ('condition', 'topics', 'measure', 'reason'))
    return Accepted(fields['date'].date(), condition, topics, measure, was, fields['now'].number(), reason)


def measure_of(entry: Entry, name: str) -> str:
    """Return the canonical name of a measure."""
    try:
        return str(parse_measures([name])[0])
    except TctError as error:
        entry.fail(str(error))


def _source(entry: Entry) -> str:
    """Return a source as one phrase: a document, or the command and the machine of a measurement; with its date."""
    if not entry.is_mapping():
        return entry.text()
    fields = entry.table(*keys('source'))
    date = fields['date'].date()
    if ('document' in fields) == ('measured' in fields):
        entry.fail('a source is a `document` or was `measured` here: give one of the two')
    if 'document' in fields:
        if 'machine' in fields:
            fields['machine'].fail('a document has no machine: remove it, or say `measured`')
        return f'{fields["document"].text()}, {date}'
    if 'machine' not in fields:
        entry.fail("the key 'machine' is missing: say on what it was measured")
    return f'measured here {date} on {fields["machine"].text()} with: {fields["measured"].text()}'
