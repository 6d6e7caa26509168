# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A row of a regression whose score moved: what it says about where."""

import json

from tiny_regression import RUN, edit

from pyserini_tct.regress import _drift, load_spec
from pyserini_tct.regress.__main__ import main


def test_a_row_that_drifts_says_where(place, capsys):
    """Accepting takes the fingerprint; a changed run is then found in the process of its own that compares."""
    assert main([str(place / 'spec.yaml'), '--accept', 'the first state']) == 0
    file = place / 'spec' / 'tiny.tiny-test.fingerprint.json'
    pinned = json.loads(file.read_text())
    assert pinned['metric'] == {'RR@10': {'*': 0.75, '1': 0.5, '2': 1.0}, 'R@100': {'*': 1.0, '1': 1.0, '2': 1.0}}
    assert {qid: ranks[:-1] for qid, ranks in pinned['top-k'].items() if qid != '*'} == {'1': ['b', 'a'], '2': ['a']}
    (place / 'found.trec').write_text(RUN.replace('Q0 b 1', 'Q0 c 1').replace('2 Q0 a', '2 Q0 e'))
    capsys.readouterr()
    assert main([str(place / 'spec.yaml')]) == 1
    (line,) = {line for line in capsys.readouterr().out.splitlines() if 'first stage' in line}
    assert 'first stage that moved: top-k (the top 10 of 2 of 2 queries looked at, first 1; mean overlap 0.250)' in line
    assert 'same before it' not in line  # nothing of it has tokens, vectors or an index
    assert 'metric (RR@10 0.2500 (was 0.7500), most of query 2: 0.0000 (was 1.0000)' in line
    assert 'changed besides: input found' in line


def test_without_a_fingerprint_the_row_says_so(place, capsys):
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    assert main([str(place / 'spec.yaml')]) == 1
    assert 'no fingerprint of the pinned state is there' in capsys.readouterr().out


def test_a_pin_that_was_edited_is_found_out(place, capsys):
    assert main([str(place / 'spec.yaml'), '--accept', 'the first state']) == 0
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    capsys.readouterr()
    assert main([str(place / 'spec.yaml')]) == 1
    assert 'no stage moved since the fingerprint was pinned: the pin itself was changed' in capsys.readouterr().out


def test_other_versions_are_told(place):
    spec = load_spec(place / 'spec.yaml')
    pinned = {'inputs': {'qrels': 'a'}, 'versions': {'torch': '2.13.0'}, 'machine': {'threads': 2}}
    found = {'inputs': {'qrels': 'b'}, 'versions': {'torch': '2.14.0'}, 'machine': {'threads': 2}}
    assert spec.conditions
    assert _drift.context(pinned, found) == ['input qrels', 'torch 2.14.0 (was 2.13.0)']


def test_a_damaged_fingerprint_is_named(place, capsys):
    assert main([str(place / 'spec.yaml'), '--accept', 'the first state']) == 0
    (place / 'spec' / 'tiny.tiny-test.fingerprint.json').write_text('{')
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    assert main([str(place / 'spec.yaml')]) == 1
    assert 'fingerprint.json is not valid JSON' in capsys.readouterr().out
