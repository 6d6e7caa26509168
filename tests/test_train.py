# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop on a tiny BERT: determinism, resuming, what a loss sees, what bad input gets."""

import dataclasses
import json
import signal
import subprocess
import sys

import pytest
import torch
from conftest import clean_environment
from tiny_triples import write_ids
from training import same_weights, weights_of

from pyserini_tct._errors import TctError
from pyserini_tct.models import colbert, student
from pyserini_tct.train import _checkpoint, _loop, train


def test_two_identical_runs_give_identical_weights(config):
    other = dataclasses.replace(config, output=config.output.with_name('tct_colbert-b'))
    assert train(config).steps == train(other).steps == 6
    assert same_weights(weights_of(config.output), weights_of(other.output))
    third = dataclasses.replace(config, output=config.output.with_name('tct_colbert-c'), seed=1)
    train(third)
    assert not same_weights(weights_of(config.output), weights_of(third.output))


def test_training_changes_the_weights_and_not_the_pooler(config, tiny_bert):
    train(config)
    before, after = weights_of(tiny_bert), weights_of(config.output)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert 'bert.encoder.layer.1.output.dense.weight' in changed
    assert not any('pooler' in name for name in changed)


KILLED = """
import os, signal, sys
from pyserini_tct.train import TrainConfig, _loop, train
config = TrainConfig(**eval(sys.argv[1]))
original = _loop.objective
calls = []
def objective(*words):
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*words)
_loop.objective = objective
train(config)
"""


def test_a_killed_run_goes_on_to_the_same_weights(config, capsys):
    """Weights, both AdamW moments, data order and dropout all have to be those of the uninterrupted run."""
    whole = dataclasses.replace(config, output=config.output.with_name('tct_colbert-whole'))
    train(whole)
    settings = {key: str(value) if 'Path' in type(value).__name__ or 'Posix' in type(value).__name__ else value
                for key, value in dataclasses.asdict(config).items()}  # fmt: skip
    done = subprocess.run([sys.executable, '-c', KILLED, repr(settings)], env=clean_environment(), capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not config.output.exists()
    train(config)
    assert 'going on after step 2' in capsys.readouterr().err
    assert same_weights(weights_of(config.output), weights_of(whole.output))
    lines = (config.output.parent / 'tct_colbert-a.log.jsonl').read_text().splitlines()
    assert [json.loads(line)['step'] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert not config.output.with_name('tct_colbert-a.partial').exists()


def test_an_unfinished_run_with_other_settings_is_refused(config, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_loop, '_finish', stop)
        train(config)
    with pytest.raises(TctError, match='another batch_size'):
        train(dataclasses.replace(config, batch_size=3))
    train(dataclasses.replace(config, batch_size=3), overwrite=True)


def test_after_a_bad_loss_the_advice_can_be_followed(config, monkeypatch, capsys):
    """The same settings would reach the same NaN again."""
    original, calls = _loop.objective, []

    def objective(*words):
        calls.append(1)
        loss, watched = original(*words)
        return (loss * float('nan') if len(calls) == 4 else loss), watched

    with monkeypatch.context() as patch, pytest.raises(TctError, match='lower --lr'):
        patch.setattr(_loop, 'objective', objective)
        train(config)
    assert train(dataclasses.replace(config, lr=1e-4)).steps == 6
    assert 'going on with another lr' in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(config, monkeypatch):
    original, calls = _loop.objective, []

    def objective(*words):
        calls.append(1)
        loss, watched = original(*words)
        return (loss * float('nan') if len(calls) == 4 else loss), watched

    monkeypatch.setattr(_loop, 'objective', objective)
    with pytest.raises(TctError, match=r'not finite at step 4, queries .*tct_colbert-a.partial/last is kept'):
        train(config)
    state = json.loads((config.output.with_name('tct_colbert-a.partial') / 'last' / 'state.json').read_text())
    assert state['step'] == 2
    assert not config.output.exists()


def test_a_full_disk_keeps_the_checkpoint_before(config, monkeypatch):
    original, calls = _checkpoint.write_weights, []

    def write_weights(*words):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, 'No space left on device')
        original(*words)

    monkeypatch.setattr(_checkpoint, 'write_weights', write_weights)
    with pytest.raises(TctError, match=r'could not be saved .* the checkpoint before it is kept'):
        train(config)
    last = config.output.with_name('tct_colbert-a.partial') / 'last'
    assert json.loads((last / 'state.json').read_text())['step'] == 2
    monkeypatch.undo()
    assert train(config).steps == 6


@pytest.mark.parametrize('scores', ['live', 'cached'])
def test_distillation_from_a_trained_teacher(config, teacher, tmp_path, scores):
    """Live and cached give the same student; it remembers its parents and the teacher's scale is used."""
    made = dataclasses.replace(config, teacher=str(teacher), kd_weight=1.0, teacher_scores=scores, dropout=0.0,
                               output=config.output.with_name(f'tct_colbert-{scores}'),
                               **write_ids(tmp_path))  # fmt: skip
    train(made)
    settings = student.load(made.output).settings
    assert settings.parents['teacher'] == colbert.load(teacher).sha256
    assert settings.training['teacher_scores'] == scores
    assert colbert.load(teacher).settings.logit_scale == 4.0
    lines = [
        json.loads(line) for line in made.output.with_name(f'{made.output.name}.log.jsonl').read_text().splitlines()
    ]
    assert {'teacher_entropy', 'agreement', 'entropy', 'top1', 'loss', 'lr', 'norm'} <= set(lines[0])


def test_live_and_cached_give_the_same_losses(config, teacher, tmp_path):
    losses = {}
    for scores in ('live', 'cached'):
        made = dataclasses.replace(config, teacher=str(teacher), kd_weight=1.0, teacher_scores=scores, dropout=0.0,
                                   output=config.output.with_name(f'tct_colbert-{scores}'),
                                   **write_ids(tmp_path))  # fmt: skip
        train(made)
        log = made.output.with_name(f'{made.output.name}.log.jsonl').read_text().splitlines()
        losses[scores] = [json.loads(line)['loss'] for line in log]
    assert losses['live'] == pytest.approx(losses['cached'], abs=1e-5)


def test_the_student_may_start_from_the_teacher(config, teacher):
    made = dataclasses.replace(config, backbone='', teacher=str(teacher), student_init='teacher', steps=0)
    train(made)
    assert same_weights(
        weights_of(made.output), {f'bert.{k}': v for k, v in colbert.load(teacher).bert.state_dict().items()}
    )


def test_zero_steps_write_the_untrained_student(config, tiny_bert):
    train(dataclasses.replace(config, steps=0))
    assert same_weights(weights_of(config.output), weights_of(tiny_bert))
