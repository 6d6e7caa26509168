# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Runs on disk: order, ties, both formats, whole files or none."""

import itertools
import math

import numpy as np
import pytest

from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, Ranking, rank, read_run, without_ties, write_run


def strictly_falling(scores):
    single = [np.float32(score) for score in scores]
    return all(left > right for left, right in itertools.pairwise(single))


def test_rank_orders_by_score_then_docid_and_cuts():
    """Guards against an order that depends on hashing or insertion (Pyserini's hybrid sorts a set)."""
    scores = {'b': 1.0, 'a': 1.0, 'c': 2.0, 'd': 0.5}
    assert [hit.docid for hit in rank(scores)] == ['c', 'a', 'b', 'd']
    assert [hit.docid for hit in rank(reversed(scores.items()))] == ['c', 'a', 'b', 'd']
    assert rank(scores, 2) == [Hit('c', 2.0), Hit('a', 1.0)]


def test_rank_ties_scores_that_are_written_alike():
    """Guards against an order in memory that the file, with its 6 decimals, cannot show."""
    assert [hit.docid for hit in rank({'b': 0.50000014, 'a': 0.50000011})] == ['a', 'b']


def test_without_ties_leaves_distinct_scores_alone():
    assert without_ties([3.0, 2.5, -1.0]) == [3.0, 2.5, -1.0]


@pytest.mark.parametrize('score', [70.0, 1.0, 0.0, -70.0, 4096.5])
def test_a_cascade_of_equal_scores_falls_strictly_in_single_precision(score):
    """Guards against steps that trec_eval's 32-bit floats cannot see: 70.000001 == 70.0 there."""
    written = without_ties([score] * 300)
    assert strictly_falling(written)
    assert written == [round(value, 6) for value in written]
    assert written[0] == score


def test_a_cascade_pushes_the_scores_below_it_down():
    """Guards against a step that lands on, or under, the next distinct score."""
    written = without_ties([70.0, 70.0, 70.0, 69.99999, 69.999985])
    assert strictly_falling(written)


def test_trec_round_trip(tmp_path):
    path = tmp_path / 'run.trec'
    write_run(path, {'q2': {'b': 1.5, 'a': 2.0}, '007': [Hit('x', 0.25)], 'none': []}, tag='mine')
    assert path.read_text() == 'q2 Q0 a 1 2.000000 mine\nq2 Q0 b 2 1.500000 mine\n007 Q0 x 1 0.250000 mine\n'
    assert read_run(path) == {'q2': {'a': 2.0, 'b': 1.5}, '007': {'x': 0.25}}


def test_reading_and_writing_again_changes_no_byte(tmp_path):
    """Guards against nudged ties that are nudged once more at each pass."""
    first, second = tmp_path / 'first', tmp_path / 'second'
    write_run(first, {'1': {f'd{n:03}': 70.0 + (n % 7) / 1e6 for n in range(100)}})
    write_run(second, read_run(first))
    assert first.read_bytes() == second.read_bytes()


def test_msmarco_format(tmp_path):
    path = tmp_path / 'run.tsv'
    write_run(path, {'1': {'b': 1.0, 'a': 1.0}}, output_format='msmarco')
    assert path.read_text() == '1\ta\t1\n1\tb\t2\n'
    assert read_run(path) == {'1': {'a': 1.0, 'b': 0.5}}


def test_hits_cuts_each_list(tmp_path):
    path = tmp_path / 'run.trec'
    write_run(path, {'1': {'a': 3.0, 'b': 2.0, 'c': 1.0}, '2': {'a': 1.0}}, hits=2)
    assert [line.split()[2] for line in path.read_text().splitlines()] == ['a', 'b', 'a']


@pytest.mark.parametrize('score', [math.nan, math.inf])
def test_a_score_that_is_not_finite_is_refused(tmp_path, score):
    """Guards against NaN, which sorts anywhere; no file may be left that looks complete."""
    with pytest.raises(TctError, match='query 2: document b'):
        write_run(tmp_path / 'run', {'1': {'a': 1.0}, '2': {'a': 1.0, 'b': score}})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_breaks_off_leaves_the_old_run(tmp_path):
    """Guards against half a run under the final name, and against partial files left behind."""

    def hits():
        yield Hit('a', 1.0)
        raise RuntimeError('interrupted')

    path = tmp_path / 'run'
    with pytest.raises(RuntimeError):
        write_run(path, {'1': {'a': 1.0}, '2': hits()})
    assert list(tmp_path.iterdir()) == []
    write_run(path, {'1': {'a': 1.0}})
    with pytest.raises(RuntimeError):
        write_run(path, {'1': hits()})
    assert list(tmp_path.iterdir()) == [path]
    assert read_run(path) == {'1': {'a': 1.0}}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('1 Q0 a 1 2.0 t\n1 Q0 b 2\n', 'line 2 has 4 columns'),
        ('1 Q0 a 1 2.0 t\n1\tb\t2\n', 'line 2 has 3 columns'),
        ('1 Q0 a 1 high t\n', 'line 1: score or rank is not a number'),
        ('1\ta\t0\n', 'line 1: score or rank is not a number'),
        ('1 Q0 a 1 2.0 t\n\n1 Q0 b 2 nan t\n', 'line 3: the score nan is not finite'),
        ('1 Q0 a 1 2.0 t\n1 Q0 a 2 1.0 t\n', 'line 2: document a is listed twice for query 1'),
        ('\n', 'is empty'),
    ],
)
def test_a_malformed_run_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / 'run'
    path.write_text(text)
    with pytest.raises(TctError, match=message):
        read_run(path)


def test_a_nan_below_the_cut_is_refused_too(tmp_path):
    """Guards against a NaN that spoils the sort and is then cut away: here c, the best document, would be lost."""
    with pytest.raises(TctError, match='document b'):
        write_run(tmp_path / 'run', {'1': {'a': 1.0, 'b': math.nan, 'c': 3.0, 'd': 2.0}}, hits=1)


def test_close_scores_are_written_as_by_a_full_sort(tmp_path):
    """Only chains of close scores are sorted; lowering one chain may reach the next."""
    chance = np.random.default_rng(0)
    for turn in range(30):
        steps = chance.choice([0, 0, 3e-7, 9e-7, 1e-6, 2e-6, 8e-6, 1e-4, 0.5], 200)
        scores = (70 - np.cumsum(steps)).astype(np.float32)
        docids = [f'd{row}' for row in chance.permutation(200).tolist()]
        write_run(tmp_path / 'fast', {'1': Ranking(docids, scores)}, hits=150)
        hits = rank(zip(docids, scores.tolist(), strict=True), 150)
        slow = without_ties([hit.score for hit in hits])
        lines = [
            f'1 Q0 {hit.docid} {i} {score:.6f} pyserini_tct'
            for i, (hit, score) in enumerate(zip(hits, slow, strict=True), 1)
        ]
        assert (tmp_path / 'fast').read_text().splitlines() == lines, turn
