# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Training a cross-encoder, and a ColBERT with the paper's padding, on a tiny BERT."""

import dataclasses

import pytest
import torch
from conftest import refusal
from tiny_judged import CROSS, log, tiny_config

from pyserini_tct.models import colbert, cross
from pyserini_tct.train import train


@pytest.fixture
def config(tiny_bert, tmp_path):
    return tiny_config(tiny_bert, tmp_path)


def test_a_cross_encoder_learns_its_own_pairs(config, tmp_path):
    made = dataclasses.replace(
        config, **CROSS, output=tmp_path / 'cross', steps=40, batch_size=4, lr=3e-3, logit_scale=2.0
    )
    train(made)
    lines = log(made)
    assert lines[0]['loss'] == pytest.approx(0.693, abs=0.05)  # log 2: one of two candidates, before anything is learnt
    assert lines[-1]['loss'] < lines[0]['loss'] - 0.2
    model = cross.load(tmp_path / 'cross')
    assert (model.settings.length, model.settings.logit_scale) == (190, 2.0)
    assert model.settings.training['hard_pairs'] == 'own'
    assert list(model.settings.parents) == ['backbone']


def test_a_cross_encoder_trains_all_of_its_head(config, tmp_path):
    made = dataclasses.replace(config, **CROSS, output=tmp_path / 'cross')
    torch.manual_seed(made.seed)
    before = cross.new(made.backbone).state_dict()
    train(made)
    after = cross.load(tmp_path / 'cross').state_dict()
    for name in ('classifier.weight', 'bert.pooler.dense.weight', 'bert.encoder.layer.0.output.dense.weight'):
        assert not torch.equal(before[name], after[name]), name


def test_all_in_batch_pairs_by_flag(config, tmp_path):
    made = dataclasses.replace(config, model='cross', output=tmp_path / 'cross', hard_pairs='in-batch', steps=1)
    train(made)
    assert log(made)[0]['loss'] == pytest.approx(1.386, abs=0.05)  # log 4: two positives and two negatives


def test_the_papers_padding_stays_with_the_teacher(config, tmp_path):
    made = dataclasses.replace(config, model='colbert', output=tmp_path / 'colbert', dimension=8, padding_score=-15.0)
    train(made)
    model = colbert.load(tmp_path / 'colbert')
    assert model.settings.padding_score == -15.0
    empty = [cross.Passage('x', '')]
    with torch.no_grad():
        assert model(['ice'], empty).item() == -15.0 * 32
        assert model.scorer(model.encode_queries(['ice']), model.encode_passages(empty)).item() == -15.0 * 32


def test_a_cross_encoder_is_evaluated_on_a_run(config, tmp_path, monkeypatch):
    """The run lists the relevant passage of query 1 only; a corpus that is not in it must not be scored, nor count."""
    (tmp_path / 'dev').write_text('1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n2 Q0 c 2 2 t\n')
    dev = {'dev_topics': config.queries, 'dev_qrels': config.qrels, 'dev_run': tmp_path / 'dev'}
    made = dataclasses.replace(config, **CROSS, output=tmp_path / 'cross', **dev)
    done = train(made)
    assert done.dev_at_start == done.dev == pytest.approx(1 / 4)
    (tmp_path / 'dev').write_text('1 Q0 zzz 1 3 t\n')
    other = dataclasses.replace(made, output=tmp_path / 'cross2')
    assert 'lists passage zzz, which' in refusal(train, other)
    (tmp_path / 'dev').write_text('77 Q0 a 1 3 t\n')
    assert 'has none of the judged dev topics' in refusal(train, other)
