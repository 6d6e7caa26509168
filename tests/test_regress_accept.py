# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""New pins: only figures change, the reason stays with them, and nothing is accepted by accident."""

import datetime
import difflib
import os

import pytest
from conftest import fails
from tiny_regression import RUN, edit

from pyserini_tct.regress import load_spec
from pyserini_tct.regress.__main__ import main

TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()


@pytest.fixture
def moved(place):
    """The tiny regression with comments, whose run has got another answer to its first query."""
    edit(
        place,
        '          - RR@10: 0.75\n',
        '          # by hand: (1/2 + 1) / 2\n          - RR@10: 0.75   # checked twice\n',
    )
    (place / 'found.trec').write_text(RUN.replace('Q0 b 1 2.0', 'Q0 b 2 0.5'))  # a comes first: RR@10 is 1
    return place


def changed(place, *words):
    """Run, and return the lines of the YAML that were removed and added."""
    before = (place / 'spec.yaml').read_text().splitlines()
    code = main([str(place / 'spec.yaml'), *words])
    after = (place / 'spec.yaml').read_text().splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm='', n=0))[2:]
    return code, [line for line in lines if not line.startswith('@')]


def record(now, was, measure='RR@10', reason='a comes first now'):
    return (
        f'+  - {{date: "{TODAY}", condition: "tiny", topics: "tiny-test", measure: "{measure}", '
        f'was: {was}, now: {now}, reason: "{reason}"}}'
    )


def test_only_the_figure_changes_and_the_reason_is_kept(moved, capsys):
    """Guards against a YAML dump that loses comments and order."""
    code, lines = changed(moved, '--accept', 'a comes first now')
    assert code == 0
    assert lines == [
        '-          - RR@10: 0.75   # checked twice',
        '+          - RR@10: 1.0000   # checked twice',
        '+accepted:',
        record(1.0, 0.75),
        record(0, 1.0, 'ranks@10'),
    ]
    assert 'accepted: tiny tiny-test RR@10: 0.7500 -> 1.0000' in capsys.readouterr().out
    assert main([str(moved / 'spec.yaml')]) == 0
    (pins,) = (part.pins for condition in load_spec(moved / 'spec.yaml').conditions for part in condition.topics)
    assert [pin.source for pin in pins] == [f'accepted {TODAY} (was 0.75): a comes first now', 'computed by hand, 2026']


def test_the_expected_run_is_written_anew(moved):
    changed(moved, '--accept', 'a comes first now')
    assert [line.split()[:4] for line in (moved / 'expected.trec').read_text().splitlines()] == [
        ['1', 'Q0', 'a', '1'],
        ['1', 'Q0', 'b', '2'],
        ['2', 'Q0', 'a', '1'],
    ]


def test_a_second_reason_joins_the_first(moved):
    changed(moved, '--accept', 'a comes first now')
    (moved / 'found.trec').write_text(RUN)
    with open(moved / 'spec.yaml', 'a') as out:
        out.write('# the end\n')
    code, lines = changed(moved, '--accept', 'back: "b" is ü')
    assert code == 0
    assert lines == [
        '-          - RR@10: 1.0000   # checked twice',
        '+          - RR@10: 0.7500   # checked twice',
        record(0.75, 1.0, reason='back: \\"b\\" is ü'),
        record(0, 1.0, 'ranks@10', 'back: \\"b\\" is ü'),
    ]
    assert (moved / 'spec.yaml').read_text().endswith('# the end\n')
    assert load_spec(moved / 'spec.yaml').conditions[0].topics[0].pins[0].source.endswith('back: "b" is ü')


def test_a_score_that_nobody_had_measured_gets_its_pin(place):
    edit(place, 'RR@10: 0.75', 'RR@10: null')
    edit(place, "source: 'computed by hand, 2026'\n", '')
    edit(place, 'R@100: 1.0', 'R@100: {score: null, note: from here}')
    code, lines = changed(place, '--accept', 'the first measurement')
    assert code == 0
    assert lines == [
        '-          - RR@10: null',
        '-            R@100: {score: null, note: from here}',
        '+          - RR@10: 0.7500',
        '+            R@100: {score: 1.0000, note: from here}',
        '+accepted:',
        record(0.75, 'null', reason='the first measurement'),
        record(1.0, 'null', 'R@100', 'the first measurement'),
    ]
    assert main([str(place / 'spec.yaml')]) == 0


def test_a_pin_that_was_edited_later_loses_the_reason(moved):
    changed(moved, '--accept', 'a comes first now')
    edit(moved, '1.0000', '0.9')
    assert load_spec(moved / 'spec.yaml').conditions[0].topics[0].pins[0].source == 'computed by hand, 2026'


def test_what_holds_is_left_as_it_is(place):
    """Only the fingerprint is taken."""
    assert changed(place, '--accept', 'a look') == (0, [])
    assert (place / 'spec' / 'tiny.tiny-test.fingerprint.json').exists()


def test_what_could_not_run_is_not_accepted(place):
    (place / 'search.py').write_text('pass')
    assert changed(place, '--accept', 'a look') == (2, [])
    assert not (place / 'spec').exists()


@pytest.mark.parametrize('reason', ['', '  '])
def test_a_reason_is_needed(moved, capsys, reason):
    assert 'needs a reason' in fails(main, moved / 'spec.yaml', '--accept', reason, capsys=capsys)


def test_a_list_in_brackets_is_refused_before_anything_runs(moved, capsys):
    edit(moved, 'conditions:', 'accepted: []\nconditions:')
    (moved / 'search.py').write_text('raise SystemExit("then there would be nothing to accept")')
    before = (moved / 'spec.yaml').read_text()
    assert 'line 16: accepted: the list is written in brackets' in fails(
        main, moved / 'spec.yaml', '--accept', 'so', capsys=capsys
    )
    assert (moved / 'spec.yaml').read_text() == before
    assert not list(moved.glob('.spec*'))


def test_a_pin_behind_an_alias_is_not_changed_along(moved, capsys):
    """Guards against a figure that is accepted for a row which never ran."""
    edit(moved, 'topics:\n', 'topics:\n  other: {topics: topics.tsv, qrels: qrels.txt}\n')
    edit(moved, '        scores:\n', '        scores: &same\n')
    with open(moved / 'spec.yaml', 'a') as out:
        out.write('      - {topic_key: other, scores: *same}\n')
    before = (moved / 'spec.yaml').read_text()
    message = fails(main, moved / 'spec.yaml', '--topics', 'tiny-test', '--accept', 'so', capsys=capsys)
    assert 'since the pin tiny other RR@10 would become another one: it stands behind an alias' in message
    assert (moved / 'spec.yaml').read_text() == before


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_file_of_another_is_refused_before_anything_runs(moved, capsys):
    moved.chmod(0o500)
    assert 'cannot be written' in fails(main, moved / 'spec.yaml', '--accept', 'so', capsys=capsys)


def test_drift_without_accept_changes_nothing(moved):
    assert changed(moved) == (1, [])
