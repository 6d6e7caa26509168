# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The settings of the paper's code: all of them, as they are known, and each can be taken back."""

import dataclasses

import pytest
from conftest import refusal, write_corpus

from pyserini_tct.models import colbert
from pyserini_tct.train import TrainConfig, paper_faithful
from pyserini_tct.train.__main__ import main

# Of arXiv 2010.11386 and its TensorFlow code.
OPTIMISER = {'steps': 160_000, 'warmup': 10_000, 'lr': 7e-6, 'eps': 1e-6, 'weight_decay': 0.01, 'clip': 1.0}
BATCH = {
    'batch_size': 96,
    'negatives_per_query': 1,
    'hard_pairs': 'in-batch',
    'query_length': 36,
    'passage_length': 154,
}
COLBERT = {'dimension': 128, 'bias': True, 'normalize_queries': False, 'padding_score': -15.0, 'logit_scale': 384.0}
SOFT = {'kd_weight': 1.0, 'hard_weight': 0.0, 'margin_weight': 0.0, 'kd_pairs': 'in-batch', 'coupling': 'tight'}
TEMPERATURE = {'temperature': 0.25, 'raw_temperature': True, 'student_temperature': 1.0}
STUDENT = {**SOFT, **TEMPERATURE, 'teacher_scores': 'live', 'teacher_dropout': 0.1, 'student_init': 'teacher'}
GIVEN = {'output': 'tct_colbert-x', 'backbone': 'b', 'triples': 't'}


def settings(config):
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


@pytest.mark.parametrize(
    ('given', 'own'), [({'model': 'colbert'}, COLBERT), ({'model': 'student', 'teacher': 'colbert'}, STUDENT)]
)
def test_the_preset_is_exactly_the_table(given, own):
    """Everything else is the default of a run without the preset."""
    made = settings(paper_faithful(**GIVEN, **given))
    table = {**OPTIMISER, **BATCH, 'dropout': 0.1, **own}
    assert {name: made[name] for name in table} == table
    plain = settings(TrainConfig(**GIVEN, **given))
    assert {name for name in made if made[name] != plain[name]} <= set(table)


def test_what_is_given_wins():
    made = paper_faithful(model='colbert', **GIVEN, lr=1e-5, padding_score=-1.0, bias=False)
    assert (made.lr, made.padding_score, made.bias, made.warmup) == (1e-5, -1.0, False, 10_000)
    made = paper_faithful(
        model='student', teacher='c', **GIVEN, student_init='backbone', hard_weight=0.5, coupling='loose'
    )
    assert (made.student_init, made.hard_weight, made.kd_pairs, made.kd_weight) == ('backbone', 0.5, 'own', 1.0)
    assert made.temperature == 0.25


def test_the_scale_follows_the_batch():
    """4 x batch size, unless it is given itself."""
    assert paper_faithful(model='colbert', **GIVEN, batch_size=12).logit_scale == 48.0
    assert paper_faithful(model='colbert', **GIVEN, batch_size=12, logit_scale=1.0).logit_scale == 1.0


def test_a_student_without_a_teacher_keeps_the_rest():
    made = paper_faithful(model='student', **GIVEN, coupling='none')
    assert (made.hard_weight, made.kd_weight, made.student_init, made.lr) == (1.0, 0.0, 'backbone', 7e-6)
    several = paper_faithful(model='student', **GIVEN, teacher=['a', 'b'])
    assert (several.student_init, several.hard_weight) == ('backbone', 0.0)
    assert 'need a teacher' in refusal(paper_faithful, model='student', **GIVEN)
    assert 'for these two' in refusal(paper_faithful, model='cross', **GIVEN)


def test_the_command(tmp_path, tiny_bert):
    write_corpus(tmp_path / 'c.jsonl', {'a': 'ice', 'b': 'snow'})
    (tmp_path / 't').write_text('q\tthe ice\tsnow\nr\tsea wave\trock\n')
    words = ['--model', 'colbert', '--paper-faithful', '--triples', tmp_path / 't', '--backbone', tiny_bert]
    words += ['--steps', 1, '--batch-size', 2, '--no-bias', '--device', 'cpu', '--output', tmp_path / 'colbert']
    main([str(word) for word in words])
    model = colbert.load(tmp_path / 'colbert')
    assert (model.settings.logit_scale, model.settings.padding_score) == (8.0, -15.0)
    assert model.linear.bias is None
    assert (model.settings.training['lr'], model.settings.training['steps']) == (7e-6, 1)
