# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a step: weights, pairs and masks, by independent arithmetic on four candidates."""

import dataclasses

import numpy as np
import pytest
import torch

from pyserini_tct.collection import Passage
from pyserini_tct.train import TrainConfig, _loop
from pyserini_tct.train._data import Batch


@pytest.fixture
def config():
    return TrainConfig('student', 'tct_colbert-x', 'b', 't')


def batch(own=None, excluded=None):
    nothing = np.zeros((2, 4), bool)
    passages = [Passage(str(i), 'ice') for i in range(4)]
    own = own if own is not None else np.array([[True, False, True, False], [False, True, False, True]])
    return Batch(
        ['1', '2'], [0, 1], [0, 1, 2, 3], ['a', 'b'], passages, own, excluded if excluded is not None else nothing
    )


class Fixed:
    logit_scale = 2.0

    def __init__(self, scores):
        self.scores = scores

    def __call__(self, *_):
        return self.scores


SCORES = torch.tensor([[1.0, 0.0, 2.0, 0.5], [0.3, 1.0, 0.0, -1.0]])
TAUGHT = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 1.0, 1.0]])


def kl(teacher, scores):
    p, q = torch.softmax(teacher, -1), torch.softmax(scores, -1)
    return (p * (p / q).log()).sum(-1).mean().item()


def test_objective_adds_up(config):
    """hard x cross-entropy + kd x KL(softmax(2 T / 4) || softmax(S)), by independent arithmetic."""
    made = dataclasses.replace(config, teacher='t', kd_weight=0.5, hard_weight=2.0, temperature=4.0)
    loss, watched = _loop.objective(SCORES, Fixed(TAUGHT), batch(), made)
    ce = -torch.log_softmax(SCORES, -1)[[0, 1], [0, 1]].mean().item()
    assert loss.item() == pytest.approx(2 * ce + 0.5 * kl(TAUGHT * 2 / 4, SCORES), abs=1e-6)
    p = torch.softmax(TAUGHT / 2, -1)
    assert watched['teacher_entropy'] == pytest.approx(-(p * p.log()).sum(-1).mean().item(), abs=1e-6)
    assert watched['top1'] == 0.5
    assert watched['agreement'] == 0.5


def test_loose_looks_at_own_pairs_and_tight_at_all(config):
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0, hard_weight=0.0, temperature=2.0)
    loose, _ = _loop.objective(SCORES, Fixed(TAUGHT), batch(), dataclasses.replace(made, kd_pairs='own'))
    own = torch.tensor([[0, 2], [1, 3]])
    assert loose.item() == pytest.approx(kl(TAUGHT.gather(1, own), SCORES.gather(1, own)), abs=1e-6)
    tight, _ = _loop.objective(SCORES, Fixed(TAUGHT), batch(), made)
    assert tight.item() == pytest.approx(kl(TAUGHT, SCORES), abs=1e-6)


def test_known_relevant_passages_are_out_of_both_losses(config):
    excluded = np.zeros((2, 4), bool)
    excluded[0, 2] = excluded[1, 0] = True
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0, temperature=2.0)
    scores = SCORES.clone().requires_grad_()
    loss, _ = _loop.objective(scores, Fixed(TAUGHT), batch(excluded=excluded), made)
    loss.backward()
    assert scores.grad[torch.from_numpy(excluded)].tolist() == [0.0, 0.0]
    assert (scores.grad[~torch.from_numpy(excluded)] != 0).all()
