# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Losses by hand arithmetic, and their gradients against the formulas."""

import math

import pytest
import torch

from pyserini_tct import losses

NONE = torch.zeros(2, 3, dtype=torch.bool)
S = torch.tensor([[1.0, 2.0, 0.0], [0.5, 0.0, -1.0]])
T = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
TARGET = torch.tensor([0, 1])


def softmax(row):
    total = sum(math.exp(x) for x in row)
    return [math.exp(x) / total for x in row]


def test_cross_entropy_by_hand():
    expected = -(math.log(softmax([1, 2, 0])[0]) + math.log(softmax([0.5, 0, -1])[1])) / 2
    assert losses.in_batch_cross_entropy(S, TARGET, NONE).item() == pytest.approx(expected, abs=1e-6)


def test_cross_entropy_with_the_papers_scale():
    expected = -(math.log(softmax([4, 8, 0])[0]) + math.log(softmax([2, 0, -4])[1])) / 2
    assert losses.in_batch_cross_entropy(S, TARGET, NONE, scale=4.0).item() == pytest.approx(expected, abs=1e-6)


def test_known_relevant_passages_contribute_nothing():
    """As a negative, another relevant passage would be pushed away."""
    excluded = torch.tensor([[False, True, False], [False, False, True]])
    scores = S.clone().requires_grad_()
    loss = losses.in_batch_cross_entropy(scores, TARGET, excluded)
    expected = -(math.log(softmax([1, 0])[0]) + math.log(softmax([0.5, 0])[1])) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    loss.backward()
    assert scores.grad[excluded].tolist() == [0.0, 0.0]


def test_kl_by_hand():
    """mean over queries of sum p log(p / q), p = softmax(T / 2), q = softmax(S)."""
    expected = 0.0
    for teacher, student in zip(T.tolist(), S.tolist(), strict=True):
        p, q = softmax([x / 2 for x in teacher]), softmax(student)
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 2
    assert losses.kl_distillation(S, T, NONE, temperature=2.0).item() == pytest.approx(expected, abs=1e-6)


def test_temperature_is_relative_to_the_teachers_scale():
    """A teacher trained at scale 8 and taught at temperature 2 is a teacher of scale 1 at temperature 0.25."""
    relative = losses.kl_distillation(S, T, NONE, temperature=2.0, scale=8.0)
    assert relative.item() == pytest.approx(losses.kl_distillation(S, T, NONE, temperature=0.25).item(), abs=1e-6)


def test_kl_gradient_is_student_minus_teacher():
    scores = S.clone().requires_grad_()
    losses.kl_distillation(scores, T, NONE).backward()
    expected = (torch.softmax(S, -1) - torch.softmax(T, -1)) / 2
    assert torch.allclose(scores.grad, expected, atol=1e-6)


def test_kl_is_zero_when_the_student_has_the_teachers_distribution():
    """A constant added to a query's scores changes no distribution."""
    assert losses.kl_distillation(T + torch.tensor([[5.0], [-3.0]]), T, NONE).item() == pytest.approx(0, abs=1e-6)


def test_no_gradient_flows_into_the_teacher():
    teacher = T.clone().requires_grad_()
    losses.kl_distillation(S.clone().requires_grad_(), teacher, NONE).backward()
    assert teacher.grad is None


def test_excluded_candidates_leave_the_kl_and_its_gradient_without_nan():
    excluded = torch.tensor([[False, True, False], [False, False, True]])
    scores = S.clone().requires_grad_()
    loss = losses.kl_distillation(scores, T, excluded)
    loss.backward()
    p, q = softmax([3, 0]), softmax([1, 0])
    r, s = softmax([0, 2]), softmax([0.5, 0])
    expected = sum(a * math.log(a / b) for a, b in [*zip(p, q, strict=True), *zip(r, s, strict=True)]) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert scores.grad[excluded].tolist() == [0.0, 0.0]
    assert torch.isfinite(scores.grad).all()


def test_entropy_of_a_uniform_row_is_log_n():
    assert losses.entropy(torch.zeros(1, 4), torch.tensor([[False, False, False, True]])).item() == pytest.approx(
        math.log(3), abs=1e-6
    )


def test_loose_equals_tight_when_every_candidate_is_the_querys_own():
    """With one query in the batch there is nothing in-batch beyond its own pairs."""
    own, excluded = torch.ones(1, 3, dtype=torch.bool), torch.zeros(1, 3, dtype=torch.bool)
    loose = losses.kl_distillation(S[:1], T[:1], excluded | ~own)
    assert loose.item() == pytest.approx(losses.kl_distillation(S[:1], T[:1], excluded).item(), abs=1e-7)


def test_loose_sees_own_pairs_only():
    own = torch.tensor([[True, False, True], [False, True, True]])
    p, q, r, s = softmax([3, 0]), softmax([1, 0]), softmax([2, 1]), softmax([0, -1])
    expected = sum(a * math.log(a / b) for a, b in [*zip(p, q, strict=True), *zip(r, s, strict=True)]) / 2
    assert losses.kl_distillation(S, T, ~own).item() == pytest.approx(expected, abs=1e-6)


def test_kl_with_both_temperatures_by_hand():
    """p = softmax(T / 2), q = softmax(S / 4); its gradient is (q - p) / 4, halved by the mean over two queries."""
    expected = 0.0
    for teacher, student in zip(T.tolist(), S.tolist(), strict=True):
        p, q = softmax([x / 2 for x in teacher]), softmax([x / 4 for x in student])
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 2
    scores = S.clone().requires_grad_()
    loss = losses.kl_distillation(scores, T, NONE, temperature=2.0, student_temperature=4.0)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    loss.backward()
    assert torch.allclose(scores.grad, (torch.softmax(S / 4, -1) - torch.softmax(T / 2, -1)) / 8, atol=1e-6)


def test_margin_mse_by_hand():
    """Margins of S: 1-2, 1-0 and 0-0.5, 0+1; of T: 3-1, 3-0 and 2-0, 2-1; squared differences 9, 4, 6.25, 0."""
    assert losses.margin_mse(S, T, TARGET, NONE).item() == pytest.approx((9 + 4 + 6.25 + 0) / 4, abs=1e-6)


def test_margin_mse_sees_only_what_is_not_excluded():
    """Each pair weighs the same, also where one query has more of them; an excluded score moves nothing."""
    excluded = torch.tensor([[False, True, False], [False, False, False]])
    scores = S.clone().requires_grad_()
    loss = losses.margin_mse(scores, T, TARGET, excluded)
    assert loss.item() == pytest.approx((4 + 6.25 + 0) / 3, abs=1e-6)
    loss.backward()
    assert scores.grad[0, 1] == 0
    assert scores.grad[0].tolist() == pytest.approx([2 * (1 - 3) / 3, 0, 2 * (3 - 1) / 3])
    changed = T.masked_fill(excluded, 1e4)
    assert losses.margin_mse(S, changed, TARGET, excluded).item() == pytest.approx(loss.item())


def test_margin_mse_takes_the_teachers_margins_at_its_training_scale():
    """Trained at scale 2 its logits are 2 T: margins 4, 6 and 4, 2 against -1, 1 and -0.5, 1."""
    expected = (25 + 25 + 20.25 + 1) / 4
    assert losses.margin_mse(S, T, TARGET, NONE, scale=2.0).item() == pytest.approx(expected, abs=1e-6)


def test_margin_mse_without_a_negative_is_zero_and_not_nan():
    scores = S.clone().requires_grad_()
    alone = ~torch.nn.functional.one_hot(TARGET, 3).bool()
    loss = losses.margin_mse(scores, T, TARGET, alone)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.abs().sum() == 0


def test_no_gradient_of_the_margins_flows_into_the_teacher():
    teacher = T.clone().requires_grad_()
    losses.margin_mse(S.clone().requires_grad_(), teacher, TARGET, NONE).backward()
    assert teacher.grad is None
