# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of differences against hand arithmetic, SciPy and full enumeration."""

import itertools

import numpy as np
import pytest

from pyserini_tct._errors import TctError
from pyserini_tct.eval import _significance, bonferroni, compare_to, holm, randomization, t_test


def differences(seed: int, queries: int, tests: int = 3) -> np.ndarray:
    chance = np.random.default_rng(seed)
    values = np.round(chance.normal(0.1, 0.3, (tests, queries)), 2)
    values[:, : queries // 4] = 0  # queries on which the runs do not differ
    return values


@pytest.mark.parametrize('queries', [2, 5, 50])
def test_t_equals_scipy(queries):
    from scipy.stats import ttest_rel

    values = differences(queries, queries)
    base = np.random.default_rng(1).uniform(size=queries)
    expected = [ttest_rel(base + row, base).pvalue for row in values]
    assert t_test(values) == pytest.approx(expected, rel=1e-9)


def test_t_without_spread():
    """Without a difference p is 1, where SciPy has NaN; with the same difference everywhere there is no doubt."""
    assert t_test(np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])) == [1.0, 0.0]


@pytest.mark.parametrize('queries', [2, 6, 11])
def test_randomization_equals_full_enumeration(queries):
    """Every way to flip signs, by hand, zeros included: they change nothing."""
    values = differences(queries, queries)
    expected = []
    for row in values:
        totals = [abs(np.dot(row, signs)) for signs in itertools.product((1, -1), repeat=queries)]
        expected.append(np.mean([total >= abs(row.sum()) - 1e-9 for total in totals]))
    assert randomization(values, 2**queries) == pytest.approx(expected, abs=1e-12)


def test_randomization_equals_scipy():
    from scipy.stats import permutation_test

    values = differences(3, 10)
    expected = [
        permutation_test((row,), np.mean, permutation_type='samples', n_resamples=np.inf).pvalue for row in values
    ]
    assert randomization(values, 2**10) == pytest.approx(expected, abs=1e-12)


def test_drawn_signs_come_near_the_exact_value(monkeypatch):
    """Within four standard errors; a bias, or signs that are always the same, would be far off."""
    values = differences(5, 16, tests=4)
    exact, drawn = randomization(values, 2**16), randomization(values, 4000)
    for p, estimate in zip(exact, drawn, strict=True):
        assert abs(p - estimate) <= 4 * (p * (1 - p) / 4000) ** 0.5 + 1 / 4000
    assert randomization(values, 4000) == drawn
    assert randomization(values, 4000, seed=1) != drawn
    assert randomization(values[2:], 4000) == drawn[2:]
    monkeypatch.setattr(_significance, 'SIGNS', 100)
    assert randomization(values, 2**16) == exact


def test_a_drawn_p_is_never_zero():
    """Guards against p = 0 from too few draws: it is 1 / (draws + 1) at least (Phipson and Smyth)."""
    assert randomization(np.ones((1, 40)), 99) == [0.01]
    assert randomization(np.zeros((1, 40)), 99) == [1.0]


def test_corrections_by_hand():
    """Holm 1979: 4 x 0.005, 3 x 0.01 and 2 x 0.03 in turn; 0.04 does not fall below the one before; at most 1."""
    ps = [0.01, 0.04, 0.03, 0.005]
    assert holm(ps) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bonferroni(ps) == pytest.approx([0.04, 0.16, 0.12, 0.02])
    assert holm([0.6, 0.7]) == bonferroni([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == bonferroni([]) == []


def test_each_measure_is_a_family_of_its_own():
    """Two runs: p doubles for the better of them, whatever the other measure has."""
    base = {'RR': {'1': 0.0, '2': 0.0, '3': 0.0}, 'AP': {'1': 0.5, '2': 0.5, '3': 0.5}}
    a = {'RR': {'1': 0.1, '2': 0.2, '3': 0.4}, 'AP': {'1': 0.5, '2': 0.5, '3': 0.5}}
    b = {'RR': {'3': 0.1, '2': -0.2, '1': 0.3}, 'AP': {'1': 0.4, '2': 0.3, '3': 0.2}}
    found = compare_to(base, {'a': a, 'b': b})
    p = t_test(np.array([[0.1, 0.2, 0.4], [0.3, -0.2, 0.1], [0.0, 0.0, 0.0], [-0.1, -0.2, -0.3]]))
    assert [found[run]['RR'].p for run in 'ab'] == pytest.approx(p[:2])
    assert [found[run]['AP'].p for run in 'ab'] == pytest.approx(p[2:])
    assert found['a']['RR'].corrected == pytest.approx(2 * p[0])
    assert found['b']['AP'].corrected == pytest.approx(2 * p[3])
    assert found['b']['RR'][3:] == (2, 0, 1)
    assert found['a']['AP'] == (0.0, 1.0, 1.0, 0, 3, 0)
    assert found['b']['AP'].difference == pytest.approx(-0.2)


def test_marks():
    """Significant below the level, not at it; the sign is that of the difference."""
    comparison = compare_to({'RR': {1: 0.5, 2: 0.5}}, {'a': {'RR': {1: 0.7, 2: 0.8}}})['a']['RR']
    assert comparison._replace(corrected=0.049).mark() == '+'
    assert comparison._replace(corrected=0.049, difference=-0.1).mark() == '-'
    assert comparison._replace(corrected=0.05).mark() == ''


def test_unpaired_values_are_refused():
    """Guards against a test over the queries that two runs happen to share."""
    with pytest.raises(TctError, match=r'a and the baseline have values of different queries \(2 and 2\)'):
        compare_to({'RR': {'1': 1.0, '2': 1.0}}, {'a': {'RR': {'1': 1.0, '3': 1.0}}})
    with pytest.raises(TctError, match='1 queries are too few'):
        compare_to({'RR': {'1': 1.0}}, {'a': {'RR': {'1': 1.0}}})
