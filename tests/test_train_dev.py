# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation while training: over the corpus or by a function of one's own; the best model is kept."""

import dataclasses

import pytest
import torch
from conftest import POCKET, TEXTS, write_corpus
from training import same_weights, weights_of

from pyserini_tct._errors import TctError
from pyserini_tct.train import TrainConfig, _checkpoint, train


def test_the_best_model_by_a_function_of_ones_own_is_kept(config):
    """Of the values 0, 2, 5, 1 the third belongs to step 4; its weights are those of a run that ends there."""
    values, seen = iter([0.0, 2.0, 5.0, 1.0]), []

    def evaluate(model):
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return next(values)

    done = train(dataclasses.replace(config, eval_every=2), evaluate=evaluate)
    assert (done.dev_at_start, done.dev, done.best_step) == (0.0, 5.0, 4)
    assert len(seen) == 4
    assert same_weights(weights_of(config.output), seen[2])
    assert not any(torch.equal(seen[i]['bert.encoder.layer.0.output.dense.weight'],
                               seen[2]['bert.encoder.layer.0.output.dense.weight']) for i in (0, 1, 3))  # fmt: skip


def test_dev_evaluation_with_triples_searches_the_corpus(config, tmp_path):
    """The triples' own texts have row numbers for docids: nothing would ever be found, or the wrong thing."""
    write_corpus(tmp_path / 'c.jsonl', TEXTS)
    (tmp_path / 'dev.tsv').write_text('1\tsea wave and snow\n')
    (tmp_path / 'dev.qrels').write_text('1 0 d4 1\n')
    dev = {'corpus': tmp_path / 'c.jsonl', 'dev_topics': tmp_path / 'dev.tsv', 'dev_qrels': tmp_path / 'dev.qrels'}
    done = train(dataclasses.replace(config, steps=1, **dev))
    assert done.dev_at_start > 0
    (tmp_path / 'dev.qrels').write_text('1 0 d77 1\n')
    other = config.output.with_name('tct_colbert-b')
    with pytest.raises(TctError, match='judges none of the passages'):
        train(dataclasses.replace(config, output=other, **dev))


def test_what_an_early_kill_left_is_not_used_under_other_settings(config, tmp_path, monkeypatch):
    """An evaluation before the first checkpoint leaves a best model, which must not become the next run's."""
    write_corpus(tmp_path / 'c.jsonl', TEXTS)
    (tmp_path / 'dev.tsv').write_text('1\tsea wave and snow\n')
    (tmp_path / 'dev.qrels').write_text('1 0 d4 1\n')
    dev = {'corpus': tmp_path / 'c.jsonl', 'dev_topics': tmp_path / 'dev.tsv', 'dev_qrels': tmp_path / 'dev.qrels'}

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_checkpoint, 'save', stop)
        train(dataclasses.replace(config, eval_every=1, **dev))
    assert (config.output.with_name('tct_colbert-a.partial') / 'best').is_dir()
    other = dataclasses.replace(config, lr=2e-3)
    train(other)
    whole = dataclasses.replace(other, output=config.output.with_name('tct_colbert-b'))
    train(whole)
    assert same_weights(weights_of(config.output), weights_of(whole.output))


def test_twelve_steps_on_pocket(minilm, tmp_path):
    """The maths can be right and the training wrong: RR@10 on dev has to rise from .55 by at least .15."""
    done = train(TrainConfig('student', tmp_path / 'tct_colbert-p', str(minilm), corpus=POCKET / 'corpus.jsonl',
                             queries=POCKET / 'queries.train.tsv', qrels=POCKET / 'qrels.train.txt', negatives='none',
                             steps=12, warmup=1, batch_size=6, dev_topics=POCKET / 'queries.dev.tsv',
                             dev_qrels=POCKET / 'qrels.dev.txt', save_every=0))  # fmt: skip
    assert done.dev_at_start == pytest.approx(0.5486, abs=0.002)
    assert done.dev >= done.dev_at_start + 0.15
