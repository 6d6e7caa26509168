# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a batch holds, what is masked in it, and what bad training data and settings get."""

import dataclasses
import math

import numpy as np
import pytest
from conftest import fails, write_corpus

from pyserini_tct._errors import TctError
from pyserini_tct.train import TrainConfig
from pyserini_tct.train.__main__ import main
from pyserini_tct.train._samples import from_qrels

TEXTS = {f'p{i}': f'passage {i}' for i in range(6)}


@pytest.fixture
def files(tmp_path):
    """Three queries; q1 has two relevant passages, and p2 is judged 0 for it."""
    write_corpus(tmp_path / 'c.jsonl', TEXTS)
    (tmp_path / 'q.tsv').write_text('q1\tfirst\nq2\tsecond\nq3\tthird\n')
    (tmp_path / 'qrels').write_text('q1 0 p0 2\nq1 0 p1 1\nq1 0 p2 0\nq2 0 p2 1\nq3 0 p3 1\n')
    run = [('q1', 'p0'), ('q1', 'p4'), ('q1', 'p1'), ('q1', 'p5'), ('q2', 'p2'), ('q2', 'p0'), ('q3', 'p3')]
    (tmp_path / 'run').write_text(''.join(f'{q} Q0 {p} 1 {10 - i} t\n' for i, (q, p) in enumerate(run)))
    return tmp_path


def load(files, negatives='run', **options):
    run = files / negatives if negatives else None
    return from_qrels(files / 'c.jsonl', files / 'q.tsv', files / 'qrels', run, **options)


def test_negatives_are_never_relevant_and_queries_without_one_are_kept(files, capsys):
    """A relevant passage among BM25's best, taken as a negative, would teach the opposite."""
    data = load(files)
    assert [(sample.query, sample.positive, sample.negatives) for sample in data.samples] == [
        (0, 0, (4, 5)),
        (0, 1, (4, 5)),
        (1, 2, (0,)),
        (2, 3, ()),
    ]
    assert '1 queries have no hard negative' in capsys.readouterr().err


def test_depth_cuts_the_run_before_relevant_passages_are_taken_out(files):
    assert load(files, depth=2).samples[0].negatives == (4,)
    assert load(files, depth=4, skip=2).samples[0].negatives == (5,)  # of ranks 3 and 4 one is relevant


def test_known_relevant_passages_are_excluded_wherever_they_stand(files):
    """With q1's two positives in one batch, each is excluded for the other; p0 as q2's negative is excluded for q1."""
    data = load(files)
    for step in range(20):
        batch = data.batch_at(step, 3, seed=5)
        for i, query in enumerate(batch.query_rows):
            for j, passage in enumerate(batch.passage_rows):
                assert batch.excluded[i, j] == (passage in data.relevant[query] and i != j)
        assert not batch.excluded[np.arange(3), np.arange(3)].any()
        assert batch.own.sum(1).tolist() == [1 + bool(query != 2) for query in batch.query_rows]
    assert any(data.batch_at(step, 3, seed=5).excluded.any() for step in range(20))


def test_positives_come_first_and_own_negatives_after(files):
    batch = load(files).batch_at(0, 4, seed=0)
    positives = {0: {0, 1}, 1: {2}, 2: {3}}
    negative = iter(range(4, 7))
    for i, query in enumerate(batch.query_rows):
        assert batch.passage_rows[i] in positives[query]
        own = [i] if query == 2 else [i, next(negative)]
        assert [j for j in range(7) if batch.own[i, j]] == own


def test_without_negatives_the_batch_is_the_candidates(files):
    data = load(files, negatives='')
    assert len(data.samples) == 4
    batch = data.batch_at(0, 4, seed=0)
    assert (len(batch.passages), batch.own.shape) == (4, (4, 4))


def test_an_epoch_sees_every_sample_once_and_the_next_in_another_order(files):
    data = load(files, negatives='')
    epochs = [[data.batch_at(step, 1, seed=3).passage_rows[0] for step in range(4 * e, 4 * e + 4)] for e in range(6)]
    assert all(sorted(epoch) == [0, 1, 2, 3] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_depends_on_seed_and_step_alone(files):
    data, again = load(files), load(files)
    again.batch_at(7, 3, seed=1)
    for one, two in zip(data.batch_at(4, 3, seed=1), again.batch_at(4, 3, seed=1), strict=True):
        assert np.array_equal(one, two)
    assert any(data.batch_at(s, 3, seed=1).passage_rows != data.batch_at(s, 3, seed=2).passage_rows for s in range(5))


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('qrels', 'q9 0 p0 1\n', 'judges query q9, which .*q.tsv does not have'),
        ('qrels', 'q1 0 p9 1\n', 'judges passage p9 for query q1, which .*c.jsonl does not have'),
        ('qrels', 'q1 0 p0 0\n', 'has no positive judgment'),
        ('run', 'q1 Q0 p9 1 3.0 t\n', 'run lists passage p9 for query q1'),
        ('run', 'q8 Q0 p0 1 3.0 t\n', 'run has none of the queries of'),
    ],
)
def test_ids_that_do_not_fit(files, name, text, message):
    (files / name).write_text(text)
    with pytest.raises(TctError, match=message):
        load(files)


GOOD = TrainConfig('student', 'tct_colbert-x', 'b', 't')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'model': 'bert'}, "model 'bert' is unknown"),
        ({'triples': None}, 'no training data'),
        ({'qrels': 'q'}, 'triples of ids need'),
        ({'coupling': 'close'}, "coupling 'close' is unknown"),
        ({'teacher': 't', 'coupling': 'none', 'kd_weight': math.nan}, 'would teach nothing'),
        ({'seed': -1}, 'seed is -1'),
        ({'kd_weight': 1.0}, 'need a teacher'),
        ({'student_init': 'teacher'}, 'needs --teacher'),
        ({'backbone': ''}, '--backbone is missing'),
        ({'model': 'colbert', 'teacher': 't'}, 'trained with hard labels'),
        ({'hard_weight': 0.0}, 'nothing to learn from'),
        ({'temperature': 0.0}, 'temperature is 0'),
        ({'lr': float('nan')}, 'lr is nan'),
        ({'batch_size': 0}, 'batch_size is 0'),
        ({'dropout': 1.0}, 'dropout is 1'),
        ({'dev_topics': 'd'}, 'dev evaluation needs'),
        ({'teacher': 't', 'teacher_scores': 'cached'}, 'choose --teacher-scores live'),
        ({'refresh_every': 5}, 'for a student with --corpus'),
        ({'negatives': 'self'}, 'for a student with --corpus'),
        ({'refresh_every': -1}, 'refresh_every is -1'),
    ],
)
def test_settings_that_make_no_sense(change, message):
    with pytest.raises(TctError, match=message):
        dataclasses.replace(GOOD, **change)


def test_the_command_refuses_before_anything_is_loaded(tmp_path, tiny_bert, capsys):
    (tmp_path / 't').write_text('q\tgood\tbad\n')
    words = ['--model', 'student', '--triples', tmp_path / 't', '--backbone', tiny_bert, '--output']
    good = tmp_path / 'tct_colbert-x'
    assert "has no 'tct_colbert'" in fails(main, *words, tmp_path / 'x', capsys=capsys)
    assert 'need a teacher' in fails(main, *words, good, '--coupling', 'tight', capsys=capsys)
    assert 'is no teacher' in fails(main, *words, good, '--teacher', tiny_bert, capsys=capsys)
    assert 'the passage length 500 is outside' in fails(main, *words, good, '--passage-length', 500, capsys=capsys)
    good.mkdir()
    assert 'exists: choose another output' in fails(main, *words, good, capsys=capsys)


def test_the_command_trains(tmp_path, tiny_bert, capsys):
    (tmp_path / 't').write_text('q\tthe ice\tsnow\nr\tsea wave\trock\n')
    words = ['--triples', tmp_path / 't', '--backbone', tiny_bert, '--steps', 2, '--batch-size', 2, '--device', 'cpu']
    for model, extra in (('colbert', []), ('student', ['--teacher', tmp_path / 'colbert', '--coupling', 'tight'])):
        output = tmp_path / ('colbert' if model == 'colbert' else 'tct_colbert-t')
        main([str(word) for word in ['--model', model, *words, *extra, '--output', output]])
        assert f'{output}: 2 steps' in capsys.readouterr().out
        assert (output / 'model.safetensors').exists()


def test_an_empty_positive_is_named(files):
    """Its score is a constant far below all others, and the loss would only push everything else down."""
    write_corpus(files / 'c.jsonl', {**TEXTS, 'p1': ' '})
    with pytest.raises(TctError, match='calls p1 relevant for query q1, but it has no text'):
        load(files)


def test_own_pairs_need_negatives(files):
    """With a positive alone the distribution has one candidate, and the soft labels say nothing."""
    data = {'triples': None, 'corpus': files / 'c.jsonl', 'queries': files / 'q.tsv', 'qrels': files / 'qrels'}
    with pytest.raises(TctError, match='need a negative for each query'):
        TrainConfig('student', 'tct_colbert-x', 'b', teacher='t', coupling='loose', negatives='none', **data)


def test_the_default_coupling_is_tight_with_a_teacher_and_flags_win():
    made = TrainConfig('student', 'tct_colbert-x', 'b', 't', teacher='x')
    assert (made.kd_pairs, made.kd_weight, made.hard_weight) == ('in-batch', 1.0, 1.0)
    made = TrainConfig('student', 'tct_colbert-x', 'b', 't', teacher='x', coupling='loose', hard_weight=0.5)
    assert (made.kd_pairs, made.kd_weight, made.hard_weight) == ('own', 1.0, 0.5)
    made = TrainConfig('student', 'tct_colbert-x', 'b', 't')
    assert (made.kd_weight, made.hard_weight) == (0.0, 1.0)
