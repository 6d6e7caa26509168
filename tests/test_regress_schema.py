# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON schema and the loader are one grammar; the files that ship keep to it and have a source for every pin."""

import datetime
import json

import pytest
import yaml
from conftest import ROOT
from tiny_regression import edit

from pyserini_tct._errors import TctError
from pyserini_tct.regress import load_spec
from pyserini_tct.regress._records import Requires
from pyserini_tct.regress._schema import keys

jsonschema = pytest.importorskip('jsonschema', reason='the extra `test` brings it')
HOME = ROOT / 'regressions'
SCHEMA = json.loads((HOME / 'schema.json').read_text())
FILES = sorted(HOME.glob('*.yaml'))


def plain(value):
    """YAML as JSON has it: dates as texts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def conforms(path):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(plain(yaml.safe_load(path.read_text())))


def loads(path):
    try:
        load_spec(path)
    except TctError:
        return False
    return True


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_shipped_files_keep_to_the_grammar(path):
    jsonschema.Draft202012Validator(SCHEMA).validate(plain(yaml.safe_load(path.read_text())))
    spec = load_spec(path)
    for condition in spec.conditions:
        for part in condition.topics:
            for pin in part.pins:
                assert pin.expected is None or pin.source, (condition.name, pin)
                assert not pin.also or pin.note


SOURCE = "'computed by hand, 2026'"
SCORE = 'RR@10: 0.75'
# What both accept.
GOOD = [
    ('[json]', '{modules: [json], disk: 1.5 MB, memory: 1 GB, minutes: 3, index: [], encoder: []}'),
    ('[json]', '{minutes: null}'),
    ('data:', 'seeds: {training: 3}\ndata:'),
    ('name: tiny\n', f'name: {"a" * 80}\n'),
    (SOURCE, '{document: a report, date: 2026-01-31}'),
    (SOURCE, "{measured: 'make demo', machine: 2 cores, date: '2026-01-31'}"),
    (SCORE, 'RR@10: {score: 0.75, also: [0.7, 0.8], note: others differ}'),
    (SCORE, 'RR@10: {score: null}'),
    (SCORE, 'RR@10: 1'),
    (
        'conditions:',
        'accepted:\n  - {date: 2026-01-31, condition: tiny, topics: tiny-test, measure: RR@10, '
        'was: null, now: 0.75, reason: so}\nconditions:',
    ),
    ('command: python $build', 'uses: []\n    command: python $build'),
    ('near_tie: 1.0e-3', 'depth: 5'),
    ('qrels: qrels.txt', 'qrels: env:TCT_DATA/x/qrels.txt'),
    ('qrels: qrels.txt', 'qrels: "pyserini:dl19-passage"'),
]
# What both refuse.
BAD = [
    ('collection: tiny\n', ''),
    ('collection: tiny', 'collection: 3'),
    ('collection: tiny', 'collection: " "'),
    ('requires: [json]', 'require: [json]'),
    ('[json]', 'json'),
    ('[json]', '[3]'),
    ('[json]', '{module: [json]}'),
    ('[json]', '{disk: 53}'),
    ('[json]', '{disk: 53 GiB}'),
    ('[json]', '{memory: much}'),
    ('[json]', '{minutes: -1}'),
    ('[json]', '{minutes: soon}'),
    ('data:', 'seeds: {training: -3}\ndata:'),
    ('data:', 'seeds: {training: 0.5}\ndata:'),
    ('data:', 'seeds: [3]\ndata:'),
    ('corpus: corpus.jsonl', 'corpus: env:data'),
    ('corpus: corpus.jsonl', 'corpus: env:tct_data/corpus.jsonl'),
    ('qrels: qrels.txt', 'qrels: env:TCT_DATA/'),
    ('  corpus: corpus', '  my-corpus: corpus'),
    ('  corpus: corpus', '  output: corpus'),
    ('corpus: corpus.jsonl', 'corpus: [corpus.jsonl]'),
    (SOURCE, '2026'),
    (SOURCE, '{document: a report}'),
    (SOURCE, '{document: a report, date: yesterday}'),
    (SOURCE, '{document: a report, date: 20260131}'),
    (SOURCE, '{document: a report, measured: too, machine: one, date: 2026-01-31}'),
    (SOURCE, '{document: a report, machine: one, date: 2026-01-31}'),
    (SOURCE, '{measured: make demo, date: 2026-01-31}'),
    (SOURCE, '{date: 2026-01-31}'),
    ('tiny-test: {topics: topics.tsv, qrels: qrels.txt}', 'tiny-test: {topics: topics.tsv}'),
    ('tiny-test: {topics', 'tiny/test: {topics'),
    ('name: tiny_index', 'name: tiny-index'),
    ('    display:', '    dispaly:'),
    ('name: tiny\n', 'name: a/b\n'),
    ('name: tiny\n', f'name: {"a" * 81}\n'),
    ('collection: tiny', 'collection: "a\\0b"'),
    ('corpus: corpus.jsonl', 'corpus: "a\\0b"'),
    ('  corpus: corpus', f'  {"c" * 81}: corpus'),
    (SCORE, 'RR@10: high'),
    (SCORE, 'RR@10: true'),
    (SCORE, 'RR@10: [0.75]'),
    (SCORE, 'RR@10: {also: [0.7], note: x}'),
    (SCORE, 'RR@10: {score: 0.75, also: [0.7]}'),
    (SCORE, 'RR@10: {score: 0.75, also: 0.7, note: x}'),
    (SCORE, 'RR@10: {score: 0.75, remark: x}'),
    ('{RR@10: 0.0}', '{RR@10: -0.1}'),
    ('{RR@10: 0.0}', '0.1'),
    ('near_tie: 1.0e-3', 'near_tie: 1e-3'),
    ('near_tie: 1.0e-3', 'near_tie: -1.0'),
    ('near_tie: 1.0e-3', 'depth: 0'),
    ('near_tie: 1.0e-3', 'depth: 2.5'),
    ('        ranks: expected.trec\n', ''),
    ('conditions:', 'accepted: [{date: 2026-01-31}]\nconditions:'),
    ('conditions:', 'accepted: {}\nconditions:'),
]


@pytest.mark.parametrize(('old', 'new'), GOOD)
def test_both_accept(place, old, new):
    """Guards against an editor that complains about what the loader reads, and the other way round."""
    edit(place, old, new)
    assert (conforms(place / 'spec.yaml'), loads(place / 'spec.yaml')) == (True, True)


@pytest.mark.parametrize(('old', 'new'), BAD)
def test_both_refuse(place, old, new):
    edit(place, old, new)
    assert (conforms(place / 'spec.yaml'), loads(place / 'spec.yaml')) == (False, False)


def test_the_loader_takes_its_keys_from_the_schema():
    required, optional = keys('condition')
    assert set(required) == {'name', 'command', 'topics'}
    assert {*required, *optional} == set(SCHEMA['$defs']['condition']['properties'])


# --- what the new keys mean ---


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('[json]', '{disk: 53 GiB}', "line 2: requires: disk: '53 GiB' is no size: write it like 53 GB"),
        (SOURCE, '{document: a, date: x}', "line 3: source: date: 'x' is no day: write it like 2026-01-31"),
        (SOURCE, '{date: 2026-01-31}', 'line 3: source: a source is a `document` or was `measured` here: give one'),
        (
            SCORE,
            'RR@10: {score: 0.75, also: [0.7]}',
            'line 25: condition tiny: topics: scores: RR@10: also: a figure that',
        ),
        ('corpus: corpus.jsonl', 'corpus: "a\\0b"', 'line 5: data: corpus: the text holds a NUL character: remove it'),
        ('name: tiny\n', f'name: {"a" * 81}\n', 'has 81 characters and becomes part of file names: use at most 80'),
        ('corpus: corpus.jsonl', 'corpus: env:data', "line 5: data: corpus: 'env:data' needs a variable and a path"),
        ('data:', 'seeds: {training: -1}\ndata:', 'line 4: seeds: training: a whole number of at least 0 is needed'),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(place, old, new, message):
    edit(place, old, new)
    with pytest.raises(TctError) as error:
        load_spec(place / 'spec.yaml')
    assert message in str(error.value)


def test_requirements_add_up(place):
    edit(place, '[json]', '{modules: [json], disk: 1.5 GB, minutes: 3}')
    edit(
        place, '    display:', '    requires: {modules: [math], index: [i], encoder: [a/b], memory: 2 TB}\n    display:'
    )
    (condition,) = load_spec(place / 'spec.yaml').conditions
    assert condition.requires == Requires(('json', 'math'), ('i',), ('a/b',), 1_500_000_000, 2 * 10**12, 3.0)


def test_sources_become_a_phrase(place):
    def source():
        return load_spec(place / 'spec.yaml').conditions[0].topics[0].pins[0].source

    edit(place, SOURCE, '{document: a report, date: 2026-01-31}')
    assert source() == 'a report, 2026-01-31'
    edit(place, SCORE, 'RR@10: {score: 0.75, source: {measured: make demo, machine: 2 cores, date: 2026-02-01}}')
    assert source() == 'measured here 2026-02-01 on 2 cores with: make demo'


def test_seeds_are_names_in_commands(place, capsys):
    from pyserini_tct.regress.__main__ import main

    edit(place, 'data:', 'seeds: {training: 13}\ndata:')
    edit(place, 'python $search', 'python -W ignore::UserWarning:m$training $search')
    assert main([str(place / 'spec.yaml'), '--report', str(place / 'report')]) == 0
    report = json.loads((place / 'report' / 'report.json').read_text())
    assert report['seeds'] == {'training': 13}
    assert 'ignore::UserWarning:m13' in report['figures'][0]['commands'][-1]
    edit(place, 'training: 13', 'corpus: 13')
    with pytest.raises(TctError, match='the name corpus is taken'):
        load_spec(place / 'spec.yaml')
