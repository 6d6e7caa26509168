# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names and flags of trec_eval become ir_measures' names, and what is no measure is named."""

import pytest

from pyserini_tct._errors import TctError
from pyserini_tct.eval import parse_measures
from pyserini_tct.eval._names import TREC_NAMES, as_trec_eval


@pytest.mark.parametrize(
    'name', ['FOO@10', 'rr@10', 'P', 'nDCG(foo=1)@10', 'RR@ten', 'nDCG@0', 'R@-1', 'R@True', 'AP(rel=0)', '']
)
def test_an_unusable_measure_is_named(name):
    """Guards against nDCG@0, with which trec_eval aborts the whole process."""
    with pytest.raises(TctError) as caught:
        parse_measures([name])
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'flags', 'expected'),
    [
        ('recip_rank', {'depth': 10}, 'RR@10'),
        ('map', {'depth': 1000, 'level': 2}, 'AP(rel=2)@1000'),
        ('recall.1000', {'level': 2}, 'R(rel=2)@1000'),
        ('recall.1000', {'depth': 10}, 'R@10'),
        ('ndcg_cut.10', {'depth': 10, 'level': 2}, 'nDCG@10'),
        ('num_rel_ret', {'level': 2}, 'NumRet(rel=2)'),
        ('num_ret', {'level': 2}, 'NumRet'),
        ('R(rel=3)@5', {'level': 2}, 'R(rel=3)@5'),
    ],
)
def test_flags_of_trec_eval(name, flags, expected):
    assert [str(measure) for measure in as_trec_eval(parse_measures([name]), **flags)] == [expected]


@pytest.mark.parametrize('name', ['ndcg', 'ndcg_cut.20', 'P.20', 'bpref', 'num_ret'])
def test_a_depth_that_makes_no_measure_is_refused(name):
    """nDCG of a shorter list over the ideal of a longer one is not nDCG with a smaller cutoff."""
    with pytest.raises(TctError, match='-M 10 makes no measure of'):
        as_trec_eval(parse_measures([name]), depth=10)


def test_every_name_of_trec_eval_is_a_measure():
    """Guards against a table with an entry that ir_measures does not know, or that two entries share."""
    names = [f'{name}.10' if '{}' in pattern else name for name, pattern in TREC_NAMES.items()]
    names[names.index('iprec_at_recall.10')] = 'iprec_at_recall_0.10'
    assert len({str(measure) for measure in parse_measures(names)}) == len(TREC_NAMES)
