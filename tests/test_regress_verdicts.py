# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The verdicts of regressions: scores that drift in either direction, and rankings that change."""

import pytest
from tiny_regression import RUN, edit, outcome

from pyserini_tct.regress import Miss, matrix, rank_misses
from pyserini_tct.regress._matrix import verdict
from pyserini_tct.regress._records import Pin

# --- verdicts ---


def test_all_as_pinned(place, capsys):
    """Paths with spaces survive, only what is used is built, one line a command goes to standard error."""
    found, code, rows = outcome(place)
    assert found == {'RR@10': 'OK', 'R@100': 'OK', 'ranks@10': 'OK'}
    assert code == 0
    lines = matrix(rows).splitlines()
    assert lines[1].split() == ['tiny', 'tiny-test', 'RR@10', '0.7500', '0.7500', '+0.0000', '0.0000', 'OK']
    assert lines[-1] == '3 figures: 3 OK'
    told = capsys.readouterr().err.splitlines()
    assert [line.split(' …')[0] for line in told] == ['tiny_index', 'tiny tiny-test']


@pytest.mark.parametrize(('pinned', 'status'), [('0.76', 'LOW'), ('0.7501', 'LOW'), ('0.7499', 'HIGH')])
def test_drift_fails_in_both_directions(place, pinned, status):
    """Guards against 2CR's rule that a higher score is fine: it may come from judgments that leaked."""
    edit(place, 'RR@10: 0.75', f'RR@10: {pinned}')
    found, code, _ = outcome(place)
    assert found == {'RR@10': status, 'R@100': 'OK', 'ranks@10': 'OK'}
    assert code == 1


def test_tolerance_is_two_sided_and_inclusive():
    def judge(expected, found, tolerance):
        return verdict(Pin('RR@10', expected, tolerance, 'here'), found)

    assert [judge(0.5, found, 0.01) for found in (0.4899, 0.49, 0.5, 0.51, 0.5101)] == ['LOW', 'OK', 'OK', 'OK', 'HIGH']
    assert [judge(0.3333, found, 0.0) for found in (0.33324, 1 / 3, 0.33336)] == ['LOW', 'OK', 'HIGH']
    assert judge(None, 0.5, 0.0) == 'no pin'


def test_rank_drift(place):
    """Guards against a changed ranking behind an unchanged score: no judged document moves here."""
    (place / 'found.trec').write_text(RUN + '2 Q0 new 2 2.000000 t\n')
    found, code, rows = outcome(place)
    assert found == {'RR@10': 'OK', 'R@100': 'OK', 'ranks@10': 'RANKS'}
    assert code == 1
    assert '1 queries list other documents, first 2 at rank 2: expected nothing, found new' in matrix(rows)


def test_a_score_without_a_pin_neither_passes_nor_fails(place):
    edit(place, 'RR@10: 0.75', 'RR@10: null')
    found, code, rows = outcome(place)
    assert (found['RR@10'], code) == ('no pin', 0)
    assert matrix(rows).splitlines()[1].split()[2:] == ['RR@10', '-', '0.7500', '-', '0.0000', 'no', 'pin']


# --- ranks ---

EXPECTED = {'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0}}


@pytest.mark.parametrize(
    ('found', 'misses'),
    [
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0}}, []),
        ({'1': {'a': 30.0, 'b': 20.0, 'c': 19.0, 'd': 1.0}}, []),  # the same order is all that is asked
        ({'1': {'a': 3.0, 'c': 2.0, 'b': 1.9999, 'd': 1.0}}, []),  # b and c nearly tie
        ({'1': {'b': 3.0, 'a': 2.5, 'c': 1.9995, 'd': 1.0}}, [Miss('1', 1, 'a', 'b')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'd': 1.9998, 'c': 1.9995}}, [Miss('1', 3, 'c', 'd')]),  # d was pinned at 1.0
        ({}, [Miss('1', 1, 'a', None)]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995}}, [Miss('1', 4, 'd', None)]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0, 'e': 0.5}}, [Miss('1', 5, None, 'e')]),
        ({'1': {'new': 4.0, 'a': 3.0, 'b': 2.0, 'c': 1.9995}}, [Miss('1', 1, 'a', 'new')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'new': 1.5, 'd': 1.0}}, [Miss('1', 4, 'd', 'new')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'new': 1.0001, 'd': 1.0}}, [Miss('1', 4, 'd', 'new')]),  # not pinned
        ({'1': EXPECTED['1'], '2': {'a': 1.0}}, []),  # only the pinned queries are looked at
    ],
)
def test_rank_misses(found, misses):
    assert rank_misses(EXPECTED, found) == misses


def test_rank_misses_depth_near_tie_and_first_miss_only():
    found = {'1': {'c': 3.0, 'd': 2.0, 'a': 1.0, 'b': 0.5}}
    assert rank_misses(EXPECTED, found) == [Miss('1', 1, 'a', 'c')]
    assert rank_misses(EXPECTED, found, near_tie=2.6) == []
    assert rank_misses(EXPECTED, {'1': {'a': 3.0, 'b': 2.0, 'd': 1.0}}, depth=2) == []
    swapped = {'1': {'a': 3.0, 'c': 2.0, 'b': 1.9999, 'd': 1.0}}
    assert rank_misses(EXPECTED, swapped, near_tie=1e-4) == [Miss('1', 2, 'b', 'c')]
