# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a regression file says: Pyserini's 2CR grammar (conditions, topics, scores), extended and checked.

In: a YAML file. Out: the records of ``_records``, in whose commands every ``$name`` is known. ``tolerance`` and
``source`` may stand on a topic, its condition or the file; the nearest counts.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir
from pyserini_tct._yaml import Entry, load
from pyserini_tct.collection import IRDS
from pyserini_tct.eval import parse_measures
from pyserini_tct.regress._command import OUTPUT, TOPICS, check_command, check_variable, unknown
from pyserini_tct.regress._records import Artefact, Condition, Evaluation, Pin, Ranks, Spec, Topics

PREBUILT = 'prebuilt:'


@dataclass(frozen=True)
class _Defaults:
    """The tolerance and the source that hold where nothing nearer is said."""

    tolerance: dict[str, float]
    source: str | None

    def under(self, fields: dict[str, Entry]) -> '_Defaults':
        tolerance, source = dict(self.tolerance), self.source
        if 'tolerance' in fields:
            for name, entry in fields['tolerance'].pairs().items():
                tolerance[_measure(entry, name)] = _not_negative(entry)
        if 'source' in fields:
            source = fields['source'].text()
        return _Defaults(tolerance, source)


def find_spec(name: str) -> Path:
    """Return a file as given, or one that ships with the package, whose ``.yaml`` may be left out.

    Raises:
        TctError: there is no such file.
    """
    path = Path(name)
    if path.is_file():
        return path
    home = data_dir('regressions')
    for candidate in (home / name, home / f'{name}.yaml'):
        if path.name == name and candidate.is_file():
            return candidate
    known = ', '.join(sorted(file.stem for file in home.glob('*.yaml')))
    raise TctError(f'{name} is neither a file nor a regression that ships with the package ({known or "none"})')


def load_spec(path: Path) -> Spec:
    """Read and check a regression file.

    Raises:
        TctError: the first mistake in it: an unknown, missing or repeated key, a wrong type, an unknown measure or
            ``$name``, a pinned score without a source; file, line and place are named.
    """
    path = Path(path).resolve()
    top = load(path, 'a regression').table(
        ('collection', 'topics', 'conditions'), ('requires', 'data', 'artefacts', 'tolerance', 'source')
    )
    requires = tuple(item.text() for item in top['requires'].items()) if 'requires' in top else ()
    data = {}
    for name, entry in top['data'].pairs().items() if 'data' in top else ():
        check_variable(entry, name, ())
        data[name] = _location(entry)
    topics = {}
    for name, entry in top['topics'].pairs().items():
        _check_name(entry, name)
        fields = entry.table(('topics', 'qrels'))
        topics[name] = Topics(_location(fields['topics']), _location(fields['qrels']))
    artefacts: list[Artefact] = []
    for entry in top['artefacts'].items() if 'artefacts' in top else ():
        artefacts.append(_artefact(entry, data, [artefact.name for artefact in artefacts]))
    conditions: list[Condition] = []
    defaults = _Defaults({}, None).under(top)
    for entry in top['conditions'].items():
        condition = _condition(entry, data, topics, [artefact.name for artefact in artefacts], defaults)
        if condition.name in [other.name for other in conditions]:
            entry.fail(f'the condition {condition.name} occurred before: rename one')
        conditions.append(condition)
    if not conditions:
        top['conditions'].fail('a regression needs at least one condition')
    return Spec(path, top['collection'].text(), requires, data, topics, tuple(artefacts), tuple(conditions))


def _named(
    kind: str, entry: Entry, required: tuple[str, ...], optional: tuple[str, ...]
) -> tuple[str, dict[str, Entry]]:
    found = entry.pairs()
    name = found['name'].text() if 'name' in found else 'without a name'
    return name, entry.named(f'{kind} {name}').table(required, optional)


def _artefact(entry: Entry, data: Collection[str], earlier: Collection[str]) -> Artefact:
    name, fields = _named('artefact', entry, ('name', 'command'), ('uses',))
    check_variable(fields['name'], name, (*data, *earlier))
    uses = _uses(fields, earlier)
    return Artefact(name, check_command(fields['command'], (*data, *uses, OUTPUT)), uses)


def _condition(
    entry: Entry, data: Collection[str], topics: Collection[str], artefacts: Collection[str], defaults: _Defaults
) -> Condition:
    name, fields = _named('condition', entry, ('name', 'command', 'topics'), ('display', 'uses', 'tolerance', 'source'))
    _check_name(fields['name'], name)
    uses = _uses(fields, artefacts)
    command = check_command(fields['command'], (*data, *uses, TOPICS, OUTPUT))
    defaults = defaults.under(fields)
    evaluations: list[Evaluation] = []
    for item in fields['topics'].items():
        evaluation = _evaluation(item, topics, defaults)
        if evaluation.topic_key in [other.topic_key for other in evaluations]:
            item.fail(f'the topic_key {evaluation.topic_key} occurred before: give all its scores in one place')
        evaluations.append(evaluation)
    if not evaluations:
        fields['topics'].fail('a condition needs at least one topic_key')
    return Condition(name, fields['display'].text() if 'display' in fields else name, command, uses, tuple(evaluations))


def _evaluation(entry: Entry, topics: Collection[str], defaults: _Defaults) -> Evaluation:
    fields = entry.table(('topic_key', 'scores'), ('eval_key', 'tolerance', 'ranks', 'near_tie', 'depth', 'source'))
    keys = {}
    for key in ('topic_key', 'eval_key'):
        keys[key] = fields.get(key, fields['topic_key']).text()
        if keys[key] not in topics:
            unknown(fields[key], f'the {key} {keys[key]}', topics)
    defaults = defaults.under(fields)
    pins: dict[str, Pin] = {}
    for scores in fields['scores'].items():
        for name, value in scores.pairs().items():
            measure = _measure(value, name)
            if measure in pins:
                value.fail(f'the measure {measure} is pinned twice: remove one')
            expected = None if value.scalar() is None else value.number()
            if expected is not None and defaults.source is None:
                value.fail('a pinned score needs a `source`: say who measured it, when and where, or put null')
            pins[measure] = Pin(measure, expected, defaults.tolerance.get(measure, 0.0), defaults.source)
    if not pins and 'ranks' not in fields:
        fields['scores'].fail('nothing is checked here: name a measure, with null while its score is unknown')
    return Evaluation(keys['topic_key'], keys['eval_key'], tuple(pins.values()), _ranks(fields))


def _ranks(fields: dict[str, Entry]) -> Ranks | None:
    if 'ranks' not in fields:
        for key in ('near_tie', 'depth'):
            if key in fields:
                fields[key].fail(f'`{key}` says how closely `ranks` are met: add `ranks` or remove it')
        return None
    depth = fields['depth'].number() if 'depth' in fields else 10.0
    if depth < 1 or depth != int(depth):
        fields['depth'].fail('a whole number of at least 1 is needed')
    path = Path(_location(fields['ranks']))
    if not path.is_file():
        fields['ranks'].fail(f'{path} does not exist: check the path of the expected run')
    near_tie = _not_negative(fields['near_tie']) if 'near_tie' in fields else 1e-3
    return Ranks(path, int(depth), near_tie)


def _not_negative(entry: Entry) -> float:
    value = entry.number()
    if value < 0:
        entry.fail(f'{value:g} is below 0: a difference of at least 0 is needed')
    return value


def _measure(entry: Entry, name: str) -> str:
    try:
        return str(parse_measures([name])[0])
    except TctError as error:
        entry.fail(str(error))


def _location(entry: Entry) -> str:
    """Resolve a path: ``prebuilt:`` lies with the package, ``irds:`` is a name, the rest is relative to the file."""
    text = entry.text()
    if text.startswith(IRDS):
        return text
    if text.startswith(PREBUILT):
        return str(data_dir('prebuilt') / text[len(PREBUILT) :])
    return str(entry.path.parent / text)


def _uses(fields: dict[str, Entry], known: Collection[str]) -> tuple[str, ...]:
    items = fields['uses'].items() if 'uses' in fields else []
    for item in items:
        if item.text() not in known:
            unknown(item, f'the artefact {item.text()}', known)
    return tuple(item.text() for item in items)


def _check_name(entry: Entry, name: str) -> None:
    if not re.fullmatch('[A-Za-z0-9][A-Za-z0-9._-]*', name):
        entry.fail(f'{name!r} becomes part of file names: use letters, digits, `.`, `-` and `_`')
