# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a regression file says: Pyserini's 2CR grammar (conditions, topics, scores), extended and checked.

In: a YAML file, ours or one of Pyserini's own. Out: the records of ``_records``, in whose commands every ``$name`` is
known. The keys are those of ``regressions/schema.json``.
"""

import dataclasses
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir
from pyserini_tct._yaml import Entry, load
from pyserini_tct.collection import IRDS
from pyserini_tct.regress import _stock
from pyserini_tct.regress._command import OUTPUT, TOPICS, check_command, check_length, check_variable, unknown
from pyserini_tct.regress._places import ENV, PREBUILT, PYSERINI
from pyserini_tct.regress._records import Artefact, Condition, Evaluation, Requires, Spec, Topics
from pyserini_tct.regress._schema import keys
from pyserini_tct.regress._scores import Accepted, Defaults, read_accepted, read_pins, read_ranks

UNITS = {'MB': 10**6, 'GB': 10**9, 'TB': 10**12}


def find_spec(name: str) -> Path:
    """Return a file as given, one that ships with the package (``.yaml`` may be left out), or Pyserini's own.

    Raises:
        TctError: there is no such file.
    """
    path = Path(name)
    if path.is_file():
        return path
    if name.startswith(PYSERINI):
        return _stock.find(name[len(PYSERINI) :])
    home = data_dir('regressions')
    for candidate in (home / name, home / f'{name}.yaml'):
        if path.name == name and candidate.is_file():
            return candidate
    known = ', '.join(sorted(file.stem for file in home.glob('*.yaml')))
    raise TctError(
        f'{name} is neither a file nor a regression that ships with the package ({known or "none"}); '
        f'those of Pyserini are called {PYSERINI}NAME'
    )


def load_spec(path: Path) -> Spec:
    """Read and check a regression file.

    Raises:
        TctError: the first mistake in it: an unknown, missing or repeated key, a wrong type, an unknown measure or
            ``$name``, a pinned score without a source; file, line and place are named.
    """
    path = Path(path).resolve()
    document = load(path, 'a regression')
    if _stock.is_stock(document):
        return _stock.read(document)
    top = document.table(*keys('file'))
    data, seeds = {}, {}
    for name, entry in top['data'].pairs().items() if 'data' in top else ():
        check_variable(entry, name, ())
        data[name] = _location(entry)
    for name, entry in top['seeds'].pairs().items() if 'seeds' in top else ():
        check_variable(entry, name, data)
        seeds[name] = entry.whole(0)
    topics = {}
    for name, entry in top['topics'].pairs().items():
        _check_name(entry, name)
        fields = entry.table(*keys('queries'))
        topics[name] = Topics(_location(fields['topics']), _location(fields['qrels']))
    variables = (*data, *seeds)
    artefacts: list[Artefact] = []
    for entry in top['artefacts'].items() if 'artefacts' in top else ():
        artefacts.append(_artefact(entry, variables, [artefact.name for artefact in artefacts]))
    conditions: list[Condition] = []
    accepted = [read_accepted(item) for item in top['accepted'].items()] if 'accepted' in top else []
    defaults, requires = Defaults({}, None).under(top), _requires(top, Requires())
    built = [artefact.name for artefact in artefacts]
    for entry in top['conditions'].items():
        condition = _condition(entry, variables, topics, built, defaults, requires, accepted)
        if condition.name in [other.name for other in conditions]:
            entry.fail(f'the condition {condition.name} occurred before: rename one')
        files = {f'{other.name}.{part.topic_key}' for other in conditions for part in other.topics}
        if shared := sorted(files & {f'{condition.name}.{part.topic_key}' for part in condition.topics}):
            entry.fail(f'its run would be called {shared[0]}, as that of an earlier condition: rename one')
        conditions.append(condition)
    if not conditions:
        top['conditions'].fail('a regression needs at least one condition')
    return Spec(path, top['collection'].text(), data, topics, tuple(artefacts), tuple(conditions), seeds)


def _named(kind: str, entry: Entry) -> tuple[str, dict[str, Entry]]:
    found = entry.pairs()
    name = found['name'].text() if 'name' in found else 'without a name'
    return name, entry.named(f'{kind} {name}').table(*keys(kind))


def _artefact(entry: Entry, variables: Collection[str], earlier: Collection[str]) -> Artefact:
    name, fields = _named('artefact', entry)
    check_variable(fields['name'], name, (*variables, *earlier))
    uses = _uses(fields, earlier)
    return Artefact(name, check_command(fields['command'], (*variables, *uses, OUTPUT)), uses)


def _condition(
    entry: Entry,
    variables: Collection[str],
    topics: Collection[str],
    artefacts: Collection[str],
    defaults: Defaults,
    requires: Requires,
    accepted: Sequence[Accepted],
) -> Condition:
    name, fields = _named('condition', entry)
    _check_name(fields['name'], name)
    uses = _uses(fields, artefacts)
    command = check_command(fields['command'], (*variables, *uses, TOPICS, OUTPUT))
    defaults = defaults.under(fields)
    evaluations: list[Evaluation] = []
    for item in fields['topics'].items():
        evaluation = _evaluation(item, topics, defaults, [one for one in accepted if one.condition == name])
        if evaluation.topic_key in [other.topic_key for other in evaluations]:
            item.fail(f'the topic_key {evaluation.topic_key} occurred before: give all its scores in one place')
        evaluations.append(evaluation)
    if not evaluations:
        fields['topics'].fail('a condition needs at least one topic_key')
    display = fields['display'].text() if 'display' in fields else name
    return Condition(name, display, command, uses, tuple(evaluations), _requires(fields, requires))


def _evaluation(entry: Entry, topics: Collection[str], defaults: Defaults, accepted: Sequence[Accepted]) -> Evaluation:
    fields = entry.table(*keys('evaluation'))
    named = {}
    for key in ('topic_key', 'eval_key'):
        named[key] = fields.get(key, fields['topic_key']).text()
        if named[key] not in topics:
            unknown(fields[key], f'the {key} {named[key]}', topics)
    reasons = {one.measure: one for one in accepted if one.topic_key == named['topic_key']}
    pins = read_pins(fields['scores'], defaults.under(fields), reasons)
    if not pins and 'ranks' not in fields:
        fields['scores'].fail('nothing is checked here: name a measure, with null while its score is unknown')
    ranks = read_ranks(fields, Path(_location(fields['ranks'])) if 'ranks' in fields else None)
    return Evaluation(named['topic_key'], named['eval_key'], pins, ranks)


def _requires(fields: dict[str, Entry], outer: Requires) -> Requires:
    """Read ``requires`` on top of what the file requires: a list of modules, or a mapping."""
    if 'requires' not in fields:
        return outer
    entry = fields['requires']
    if not entry.is_mapping():
        return dataclasses.replace(outer, modules=(*outer.modules, *(item.text() for item in entry.items())))
    found = entry.table(*keys('requires'))

    def names(key: str, before: Sequence[str]) -> tuple[str, ...]:
        return (*before, *(item.text() for item in found[key].items())) if key in found else tuple(before)

    minutes = outer.minutes
    if 'minutes' in found:
        minutes = None if found['minutes'].scalar() is None else found['minutes'].not_negative()
    return Requires(
        names('modules', outer.modules),
        names('index', outer.indexes),
        names('encoder', outer.encoders),
        _size(found['disk']) if 'disk' in found else outer.disk,
        _size(found['memory']) if 'memory' in found else outer.memory,
        minutes,
    )


def _size(entry: Entry) -> int:
    match = re.fullmatch(r'([0-9]+(?:\.[0-9]+)?) ?([MGT]B)', entry.text())
    if match is None:
        entry.fail(f'{entry.text()!r} is no size: write it like 53 GB')
    return int(float(match[1]) * UNITS[match[2]])


def _location(entry: Entry) -> str:
    """Resolve a path: ``prebuilt:`` lies with the package, other prefixes stay, the rest is relative to the file."""
    text = entry.text()
    if text.startswith((IRDS, PYSERINI, ENV)):
        if text.startswith(ENV) and not re.fullmatch(r'env:[A-Z][A-Z0-9_]*/.+', text):
            entry.fail(f'{text!r} needs a variable and a path in it: write it like env:TCT_DATA/corpus.jsonl')
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
    check_length(entry, name)
