# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a step, and the look at its teacher: weights, pairs and masks, by arithmetic on four candidates."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from conftest import refusal

from pyserini_tct.collection import Passage
from pyserini_tct.models.teachers.ensemble import Ensemble
from pyserini_tct.train import TrainConfig, _loop
from pyserini_tct.train._health import check_teacher
from pyserini_tct.train._samples import Batch


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
    logit_scale, parents = 2.0, {}

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


def margin(teacher, scores, pairs):
    squares = [
        ((scores[i, i] - scores[i, j]) - (teacher[i, i] - teacher[i, j])).item() ** 2 for i, j in pairs if i != j
    ]
    return sum(squares) / len(squares)


def test_the_losses_mix_with_their_weights(config):
    """Own pairs are (0, 0), (0, 2), (1, 1), (1, 3); the fixed teacher's training scale is 2."""
    made = dataclasses.replace(
        config, teacher='t', kd_weight=0.5, margin_weight=0.25, hard_weight=2.0, temperature=4.0,
        student_temperature=3.0, kd_pairs='own',
    )  # fmt: skip
    loss, _ = _loop.objective(SCORES, Fixed(TAUGHT), batch(), made)
    own = torch.tensor([[0, 2], [1, 3]])
    ce = -torch.log_softmax(SCORES, -1)[[0, 1], [0, 1]].mean().item()
    soft = kl(TAUGHT.gather(1, own) * 2 / 4, SCORES.gather(1, own) / 3)
    margins = margin(TAUGHT * 2, SCORES, [(0, 2), (1, 3)])
    assert loss.item() == pytest.approx(2 * ce + 0.5 * soft + 0.25 * margins, abs=1e-5)
    made = dataclasses.replace(made, kd_weight=0.0, hard_weight=0.0, kd_pairs='in-batch', raw_temperature=True)
    loss, _ = _loop.objective(SCORES, Fixed(TAUGHT), batch(), made)
    expected = margin(TAUGHT, SCORES, [(i, j) for i in range(2) for j in range(4)])
    assert loss.item() == pytest.approx(0.25 * expected, abs=1e-5)


def test_a_raw_temperature_and_an_unknown_scale_leave_the_scale_out(config):
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0, hard_weight=0.0, temperature=0.25)
    unknown = Fixed(TAUGHT)
    unknown.logit_scale = None
    for teacher, settings in ((Fixed(TAUGHT), dataclasses.replace(made, raw_temperature=True)), (unknown, made)):
        loss, _ = _loop.objective(SCORES, teacher, batch(), settings)
        assert loss.item() == pytest.approx(kl(TAUGHT * 4, SCORES), abs=1e-5)


def test_hard_labels_over_own_pairs(config):
    """What a cross-encoder is trained with: its scores of other pairs are 0, and must not count."""
    made = dataclasses.replace(config, hard_pairs='own')
    loss, watched = _loop.objective(SCORES, None, batch(), made)
    own = SCORES.gather(1, torch.tensor([[0, 2], [1, 3]]))
    assert loss.item() == pytest.approx(-torch.log_softmax(own, -1)[:, 0].mean().item(), abs=1e-6)
    assert watched['top1'] == 0.5
    scaled = dataclasses.replace(made, model='cross', logit_scale=4.0)
    loss, _ = _loop.objective(SCORES, None, batch(), scaled)
    assert loss.item() == pytest.approx(-torch.log_softmax(own * 4, -1)[:, 0].mean().item(), abs=1e-6)


def test_the_teacher_is_told_which_pairs_are_used(config):
    """A cross-encoder would score, and a file would miss, what no loss looks at."""
    asked = []

    class Asked(Fixed):
        def __call__(self, *words):
            asked.append(words[4])
            return self.scores

    excluded = np.zeros((2, 4), bool)
    excluded[0, 3] = excluded[1, 3] = True
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0)
    for pairs in ('in-batch', 'own'):
        _loop.objective(SCORES, Asked(TAUGHT), batch(excluded=excluded), dataclasses.replace(made, kd_pairs=pairs))
    assert asked[0].tolist() == [[True, True, True, False], [True, True, True, False]]
    assert asked[1].tolist() == [[True, False, True, False], [False, True, False, False]]


def test_a_score_that_is_not_finite_names_its_pair(config):
    taught = TAUGHT.clone()
    taught[1, 2] = float('nan')
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0)
    found = refusal(_loop.objective, SCORES, Fixed(taught), batch(), made)
    assert 'scores passage 2 with nan for query 2' in found
    loss, _ = _loop.objective(SCORES, Fixed(taught), batch(), dataclasses.replace(made, kd_pairs='own'))
    assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ('factor', 'change', 'expected'),
    [
        (
            1.0,
            {},
            ['0 to 3', 'training scale 2', 'entropy at temperature 3: 1.16 nats (0: hard labels, 1.39: no preference)'],
        ),
        (50.0, {}, ['nearly hard ones: raise --temperature; at 75 the']),
        (0.01, {}, ['nearly uniform: lower --temperature; at 0.015 the']),
        (0.01, {'raw_temperature': True}, ['taken raw', 'lower --temperature; at 0.0075 the']),
        (0.01, {'kd_weight': 0.0, 'margin_weight': 1.0}, ['0 to 0.03']),
    ],
)
def test_the_first_look_at_a_teacher(config, capsys, factor, change, expected):
    made = dataclasses.replace(config, **{'teacher': 't', 'kd_weight': 1.0, **change})
    check_teacher(Fixed(TAUGHT * factor), batch(), made)
    said = capsys.readouterr().err
    for part in expected:
        assert part in said
    assert ('nearly' in said) == any('nearly' in part or 'lower' in part for part in expected)


def test_the_temperature_that_is_advised_halves_the_entropy(config, capsys):
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0, temperature=1e3)
    check_teacher(Fixed(TAUGHT), batch(), made)
    advised = float(re.search(r'--temperature; at ([\d.e-]+) the', capsys.readouterr().err).group(1))
    p = torch.softmax(TAUGHT * 2 / advised, -1)
    assert -(p * p.log()).sum(-1).mean().item() == pytest.approx(np.log(4) / 2, abs=0.03)


def test_a_teacher_of_unknown_scale_is_looked_at_as_well(config, capsys):
    teacher = Fixed(TAUGHT * 0.01)
    teacher.logit_scale = None
    check_teacher(teacher, batch(), dataclasses.replace(config, teacher='t', kd_weight=1.0))
    said = capsys.readouterr().err
    assert 'training scale unknown, so the temperature is of raw scores' in said
    assert 'nearly uniform' in said


def test_a_teacher_without_preferences_is_refused(config):
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0)
    constant = torch.tensor([[2.0] * 4, [5.0] * 4])
    assert 'the same score for each query' in refusal(check_teacher, Fixed(constant), batch(), made)
    only = torch.tensor([[2.0, 9.0, 2.0, 9.0], [9.0, 5.0, 9.0, 5.0]])  # it prefers, but not among own pairs
    check_teacher(Fixed(only), batch(), made)
    own = dataclasses.replace(made, kd_pairs='own')
    assert 'the same score' in refusal(check_teacher, Fixed(only), batch(), own)
    bad = torch.full((2, 4), float('inf'))
    assert 'with inf for query 1' in refusal(check_teacher, Fixed(bad), batch(), made)


def test_queries_with_one_candidate_each_say_nothing_about_a_teacher(config, capsys):
    made = dataclasses.replace(config, teacher='t', kd_weight=1.0)
    alone = ~np.eye(2, 4, dtype=bool)
    check_teacher(Fixed(TAUGHT), batch(excluded=alone), made)
    assert "the teacher's scores say nothing yet" in capsys.readouterr().err


def test_an_ensemble_over_two_candidates_is_told_to_teach_order_alone(config, capsys):
    """However far apart a member's two scores are, they become 1 and -1."""
    made = dataclasses.replace(config, teacher=('t', 'u'), kd_weight=1.0, kd_pairs='own')
    own = np.array([[True, False, True, False], [False, True, False, True]])
    found = [Ensemble([Fixed(TAUGHT * factor)])(*[['a', 'b'], [0] * 4, [0, 1], [0] * 4], own) for factor in (1, 100)]
    assert torch.allclose(found[0], found[1])
    check_teacher(Ensemble([Fixed(TAUGHT)]), batch(), made)
    assert 'the ensemble teaches their order alone' in capsys.readouterr().err
    check_teacher(Ensemble([Fixed(TAUGHT)]), batch(), dataclasses.replace(made, kd_pairs='in-batch'))
    check_teacher(Fixed(TAUGHT), batch(), made)
    assert 'order alone' not in capsys.readouterr().err
