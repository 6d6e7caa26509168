# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Interpolation by hand arithmetic, and the hybrid command's groups."""

import argparse

import pytest

from pyserini_tct import _cli
from pyserini_tct.fusion import interpolate
from pyserini_tct.runs import Hit
from pyserini_tct.search.hybrid import HybridSearcher

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


class Fixed:
    def __init__(self, scores):
        self.hits = [Hit(docid, score) for docid, score in scores.items()]

    def search(self, query, k):
        return self.hits[:k]

    def batch_search(self, queries, q_ids, k, threads):
        return dict.fromkeys(q_ids, self.hits[:k])


def test_searcher_takes_k0_of_each_side_and_batches_like_single_queries():
    searcher = HybridSearcher(Fixed(DENSE), Fixed(SPARSE))
    single = searcher.search('q', k0=1, k=5, alpha=0.5)
    assert scores(single) == {'a': 9.0, 'b': 9.0}
    assert searcher.batch_search(['q', 'q'], ['1', '2'], k0=1, k=5, alpha=0.5) == {'1': single, '2': single}


def groups():
    made = {name: argparse.ArgumentParser() for name in ('dense', 'run')}
    made['dense'].add_argument('--index')
    made['dense'].add_argument('--flag', action='store_true')
    made['run'].add_argument('--output')
    return made


def test_a_path_called_run_is_no_group():
    """Pyserini's parser takes `--output run` as the start of a group and loses the value."""
    found = _cli.parse_groups('p', '', groups(), ['dense', '--index', 'run', '--flag', 'run', '--output', 'run'])
    assert found['dense'].index == 'run'
    assert found['dense'].flag
    assert found['run'].output == 'run'


def test_words_before_the_first_group_are_refused(capsys):
    with pytest.raises(SystemExit):
        _cli.parse_groups('p', '', groups(), ['--index', 'x'])
    assert 'expected one of dense, run' in capsys.readouterr().err
