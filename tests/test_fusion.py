# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every fusion rule by hand arithmetic: missing documents, ties, negative and equal scores, three runs."""

import math
import random

import numpy as np
import pytest
from conftest import refusal

from pyserini_tct._columns import Columns
from pyserini_tct.fusion import Rule, fuse, interpolate, reciprocal_rank
from pyserini_tct.fusion._normalization import NORMALIZATIONS
from pyserini_tct.fusion._pool import _lowest
from pyserini_tct.fusion._runs import as_written
from pyserini_tct.runs import load_run, read_run, write_run

DENSE, SPARSE = {'a': 4.0, 'b': 2.0, 'c': 1.0}, {'b': 10.0, 'd': 6.0}


def scores(hits):
    return {hit.docid: hit.score for hit in hits}


def test_missing_scores_take_the_minimum_of_their_list():
    """Zero for a missing score would push down what only one side found: a: 4 + .5 * 6, d: 1 + .5 * 6."""
    assert scores(interpolate(DENSE, SPARSE, 0.5)) == {'a': 7.0, 'b': 7.0, 'c': 4.0, 'd': 4.0}


def test_ties_are_ordered_by_docid_not_by_hash():
    assert [hit.docid for hit in interpolate(DENSE, SPARSE, 0.5)] == ['a', 'b', 'c', 'd']


def test_hits_say_where_they_come_from():
    d = next(hit for hit in interpolate(DENSE, SPARSE, 0.5) if hit.docid == 'd')
    assert (d.dense_score, d.sparse_score, d.in_dense, d.in_sparse) == (1.0, 6.0, False, True)


def test_weight_on_dense():
    assert scores(interpolate(DENSE, SPARSE, 0.5, weight_on_dense=True)) == {'a': 8.0, 'b': 11.0, 'c': 6.5, 'd': 6.5}


def test_normalization_maps_each_list_to_half_a_unit_around_zero():
    """dense (4, 2, 1) -> (s - 2.5) / 3 = .5, -1/6, -.5; sparse (10, 6) -> (s - 8) / 4 = .5, -.5."""
    found = scores(interpolate(DENSE, SPARSE, 1.0, normalization=True))
    assert found == pytest.approx({'a': 0.0, 'b': 1 / 3, 'c': -1.0, 'd': -1.0})


@pytest.mark.parametrize(
    'lists', [({'a': 3.0}, {'b': 2.0}), ({'a': 3.0, 'b': 3.0}, {'a': 1.0, 'b': 1.0}), ({}, {'a': 1.0}), ({}, {})]
)
def test_equal_scores_or_an_empty_side_do_not_divide_by_zero(lists):
    assert all(abs(hit.score) <= 1 for hit in interpolate(*lists, 1.0, normalization=True))


def test_k_cuts_after_fusion():
    assert [hit.docid for hit in interpolate(DENSE, SPARSE, 0.5, k=2)] == ['a', 'b']


def test_hits_carry_both_ranks():
    """A passage without a rank on a side has an imputed score there; which one, a user could not tell before."""
    found = {hit.docid: (hit.dense_rank, hit.sparse_rank) for hit in interpolate(DENSE, SPARSE, 0.5)}
    assert found == {'a': (1, None), 'b': (2, 1), 'c': (3, None), 'd': (None, 2)}


def test_zero_fill():
    """b: 2 + .5 * 10; a: 4; d: .5 * 6; c: 1. Under the minimum rule d is level with c."""
    found = interpolate(DENSE, SPARSE, 0.5, missing='zero')
    assert [(hit.docid, hit.score) for hit in found] == [('b', 7.0), ('a', 4.0), ('d', 3.0), ('c', 1.0)]
    assert (found[1].sparse_score, found[2].dense_score) == (0.0, 0.0)


def test_negative_scores_under_both_rules():
    """Zero is above every score here: zero fill puts first what a side did not find."""
    dense, sparse = {'a': -1.0, 'b': -2.0}, {'b': -3.0, 'c': -4.0}
    assert scores(interpolate(dense, sparse, 1.0)) == {'a': -5.0, 'b': -5.0, 'c': -6.0}
    assert scores(interpolate(dense, sparse, 1.0, missing='zero')) == {'a': -1.0, 'c': -4.0, 'b': -5.0}


A, B, C = {'x': 9.0, 'y': 5.0, 'z': 1.0}, {'y': 40.0, 'w': 20.0}, {'z': 0.3, 'x': 0.1}


def one(method, runs=(A, B, C), **options):
    """The fused list of one query."""
    return fuse([{'q': run} for run in runs], method, **options)['q']


def test_three_runs_by_every_method():
    assert one('combsum') == pytest.approx({'y': 45.0, 'w': 20.0, 'x': 9.1, 'z': 1.3})
    assert one('combmnz') == pytest.approx({'y': 90.0, 'w': 20.0, 'x': 18.2, 'z': 2.6})
    assert one('interpolation', weights=(1, 0.1, 10)) == pytest.approx({'x': 10.0, 'y': 9.0, 'z': 4.0, 'w': 2.0})
    # Missing: 1 of A, 20 of B, .1 of C.
    found = one('interpolation', weights=(1, 0.1, 10), missing='min')
    assert found == pytest.approx({'x': 9 + 2 + 1, 'y': 5 + 4 + 1, 'z': 1 + 2 + 3, 'w': 1 + 2 + 1})
    # Ranks: A x y z, B y w, C z x; the constant is 1.
    found = one('rrf', rrf_k=1)
    assert found == pytest.approx({'x': 1 / 2 + 1 / 3, 'y': 1 / 3 + 1 / 2, 'z': 1 / 4 + 1 / 2, 'w': 1 / 3})
    assert list(found) == ['x', 'y', 'z', 'w']  # x and y tie


def test_normalised_sums():
    """min-max: A 1 .5 0, B 1 0, C 1 0. z-score: two scores are 1 and -1; A has mean 5 and deviation sqrt(32 / 3)."""
    found = one('combsum', normalization='min-max')
    assert found == pytest.approx({'y': 1.5, 'x': 1.0, 'z': 1.0, 'w': 0.0})
    assert list(found) == ['y', 'x', 'z', 'w']
    assert one('combmnz', normalization='min-max') == pytest.approx({'y': 3.0, 'x': 2.0, 'z': 2.0, 'w': 0.0})
    spread = 4 / math.sqrt(32 / 3)
    expected = {'y': 0 + 1, 'z': -spread + 1, 'x': spread - 1, 'w': -1}
    assert one('combsum', normalization='z-score') == pytest.approx(expected)


@pytest.mark.parametrize(('name', 'equal'), [('none', 3.0), ('min-max', 1.0), ('centred', 0.0), ('z-score', 0.0)])
def test_one_hit_or_equal_scores_have_a_value_under_every_normalisation(name, equal):
    """Their range and deviation are 0: stock's HybridSearcher dies of it."""
    for found in ({'a': 3.0}, {'a': 3.0, 'b': 3.0, 'c': 3.0}):
        fused = one('combsum', (found, {'z': 0.0}), normalization=name)
        assert fused['a'] == equal
    assert all(math.isfinite(score) for score in one('combsum', ({'a': 0.1}, {}), normalization=name).values())


def test_equal_scores_that_add_up_to_rounding_noise_are_equal():
    """The standard deviation of three times .1 is 1e-17 and not 0: divided by it, -1 comes out."""
    import numpy as np

    assert NORMALIZATIONS['z-score'](np.array([0.1, 0.1, 0.1])).tolist() == [0.0, 0.0, 0.0]


def test_the_order_within_a_list_is_that_of_its_scores_then_docids():
    """A file may list hits in any order; ranks and the cut at a depth must not follow it."""
    shuffled = {'c': 1.0, 'b': 2.0, 'a': 2.0}
    found = reciprocal_rank([shuffled, {'d': 1.0}], rrf_k=0, depth=2)
    assert [tuple(hit) for hit in found] == [('a', 1.0), ('d', 1.0), ('b', 0.5)]


def test_a_depth_cuts_after_the_normalisation():
    """As in Pyserini's fusion: the third hit takes part in the range, not in the list."""
    assert one('combsum', (A, {'w': 1.0}), normalization='min-max', depth=2) == {'w': 1.0, 'x': 1.0, 'y': 0.5}


@pytest.mark.filterwarnings('ignore:overflow')
def test_scores_beyond_all_rounding_are_ties_in_docid_order():
    """1e305 times a million is infinite, and infinite less infinite is no number, so no zero."""
    assert list(one('combsum', ({'zz': 1e305, 'mm': 8e304}, {'aa': 9e304}), k=1)) == ['aa']


def test_a_depth_of_nothing_fuses_nothing():
    assert fuse([{'q': {'a': 1.0}}, {'q': {'b': 1.0}}], 'combsum', depth=0) == {'q': {}}


def test_queries_of_one_run_only():
    runs = [{'1': {'a': 2.0}}, {'2': {'b': 3.0}}]
    assert fuse(runs, 'interpolation', weights=(1, 0.5), missing='min') == {'1': {'a': 2.0}, '2': {'b': 1.5}}
    assert fuse(runs, 'rrf', rrf_k=1) == {'1': {'a': 0.5}, '2': {'b': 0.5}}
    assert fuse([{'1': {}}, {'1': {}}], 'combsum') == {'1': {}}
    assert reciprocal_rank([{}, {}]) == []


def test_ties_at_the_cut_are_settled_by_docid():
    """A partial sort keeps any of the equal scores, from one machine to the next another one."""
    equal = dict.fromkeys('hgfedcba', 1.0)
    assert list(one('combsum', (equal, {'z': 2.0}), k=4)) == ['z', 'a', 'b', 'c']
    near = {'b': 1.0, 'a': 1.0000001}  # the same as written
    assert list(one('combsum', (near, {}), k=1)) == ['a']
    assert list(one('combsum', ({'a': 1.0, 'b': 1.0000001}, {}))) == ['a', 'b']


def test_reciprocal_ranks_keep_their_order_in_a_file(tmp_path):
    """1/1960 and 1/1961 are the same in 6 decimals: by docid, deep ranks would turn round."""
    first = {f'd{9999 - i}': -float(i) for i in range(2000)}
    fused = fuse([{'q': first}, {'q': {}}], 'rrf', k=None)
    assert list(fused['q']) == list(first)
    write_run(tmp_path / 'run', as_written(fused, Rule('rrf')))
    assert list(read_run(tmp_path / 'run')['q']) == list(first)


@pytest.mark.parametrize('names', [('{}', '{}'), ('passage-{:05}', 'passage-{:05}'), ('{}', 'passage-{:05}')])
@pytest.mark.parametrize('method', ['rrf', 'combsum', 'combmnz'])
def test_runs_from_files_fuse_as_dictionaries_do(tmp_path, names, method):
    """Docids of 8 letters and less are compared as numbers, longer ones as text, and a file may have the others."""
    chance, paths = random.Random(0), []
    for name in names:
        run = {}
        for qid in 'ab':
            docids = [name.format(i) for i in chance.sample(range(90), 60)]
            run[qid] = {docid: float(chance.randrange(25)) for docid in docids}
        paths.append(tmp_path / f'run{len(paths)}')
        paths[-1].write_text(
            ''.join(f'{q} Q0 {d} 1 {s} t\n' for q, found in run.items() for d, s in found.items()), 'utf-8'
        )
    columns, runs = [load_run(path) for path in paths], [read_run(path) for path in paths]
    assert all(isinstance(run, Columns) for run in columns)
    for k, depth in ((None, None), (10, None), (30, 20)):
        fused = fuse(columns, method, k, depth)
        assert fused == fuse(runs, method, k, depth)
        assert [list(found) for found in fused.values()] == [
            sorted(found, key=lambda docid, found=found: (-round(found[docid], 12), docid)) for found in fused.values()
        ]


@pytest.mark.parametrize('top', [3, 10**9, 10**17])
def test_the_lowest_of_whole_numbers_are_in_order(top):
    """10^17 does not fit beside a place into 64 bits."""
    values = np.random.default_rng(0).integers(-top, top, 500).astype(np.float64)
    for k in (1, 7, 499, 500, 900, None):
        assert _lowest(values, k).tolist() == np.argsort(values, kind='stable')[:k].tolist()
    assert _lowest(values[:0], 5).tolist() == []


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'method': 'sum'}, "method 'sum' is unknown: choose one of interpolation, rrf, combsum, combmnz"),
        ({'method': 'combsum', 'normalization': 'max'}, "normalization 'max' is unknown"),
        ({'method': 'rrf', 'normalization': 'min-max'}, 'leave the normalization out'),
        ({'method': 'combmnz', 'missing': 'min'}, 'is zero there'),
        ({'method': 'combsum', 'weights': (1, 2)}, 'combsum has no weights'),
        ({'method': 'interpolation'}, '2 runs and 0 weights'),
        ({'method': 'interpolation', 'weights': (1, math.nan)}, 'beyond'),
        ({'method': 'rrf', 'rrf_k': -1}, 'out of range'),
    ],
)
def test_contradictions_are_refused(options, words):
    assert words in refusal(fuse, [{'1': A}, {'1': B}], **options)


def test_bad_runs_are_named():
    assert 'fusion needs at least two' in refusal(fuse, [{'1': A}])
    for bad in (math.nan, math.inf):
        message = refusal(fuse, [{'7': A}, {'7': {'w': bad}}])
        assert message.startswith('query 7: document w has the score')
