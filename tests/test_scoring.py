# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""MaxSim by hand arithmetic and against a loop over tokens."""

import pytest
import torch

from pyserini_tct.scoring import EMPTY_SCORE, dot, maxsim, standardise

Q = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
ON = torch.tensor([[True, True]])


def test_sum_of_the_best_similarities():
    """Token 1: max(0.5, 2) = 2; token 2: max(3, -1) = 3; together 5."""
    d = torch.tensor([[[0.5, 3.0], [2.0, -1.0]]])
    assert maxsim(Q, d, ON, ON).tolist() == [[5.0]]


def test_padding_does_not_count_as_a_similarity_of_zero():
    """Masks by multiplication score padding as 0, which would beat the real -0.5 and -1."""
    d = torch.tensor([[[-0.5, -1.0], [0.0, 0.0]]])
    assert maxsim(Q, d, ON, torch.tensor([[True, False]])).tolist() == [[-1.5]]


def test_padding_with_a_large_similarity_is_not_seen():
    d = torch.tensor([[[0.5, 0.5], [99.0, 99.0]]])
    assert maxsim(Q, d, ON, torch.tensor([[True, False]])).tolist() == [[1.0]]


def test_masked_query_tokens_add_nothing():
    d = torch.tensor([[[0.5, 3.0], [2.0, -1.0]]])
    assert maxsim(Q, d, torch.tensor([[True, False]]), ON).tolist() == [[2.0]]


def test_an_empty_passage_has_a_finite_score_below_all_others():
    """-inf would become NaN in a softmax or a KL."""
    d = torch.tensor([[[0.5, 3.0], [2.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    scores = maxsim(Q, d, ON, torch.tensor([[True, True], [False, False]]))
    assert scores.tolist() == [[5.0, EMPTY_SCORE]]
    assert torch.isfinite(torch.log_softmax(scores, -1)).all()


def random_case(seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    q, d = torch.randn(3, 5, 8, generator=generator), torch.randn(7, 6, 8, generator=generator)
    q_mask, d_mask = torch.rand(3, 5, generator=generator) > 0.3, torch.rand(7, 6, generator=generator) > 0.3
    d_mask[:, 0] = True
    return q, d, q_mask, d_mask


def test_equals_a_loop_over_tokens():
    q, d, q_mask, d_mask = random_case()
    expected = torch.zeros(3, 7)
    for i in range(3):
        for j in range(7):
            for t in range(5):
                if q_mask[i, t]:
                    expected[i, j] += max(float(q[i, t] @ d[j, s]) for s in range(6) if d_mask[j, s])
    assert torch.allclose(maxsim(q, d, q_mask, d_mask), expected, atol=1e-5)


def test_blocks_change_nothing_not_even_the_gradient():
    """A budget of one byte scores passage by passage."""
    q, d, q_mask, d_mask = random_case(1)
    results = []
    for budget in (1 << 30, 1):
        a, b = q.clone().requires_grad_(), d.clone().requires_grad_()
        scores = maxsim(a, b, q_mask, d_mask, budget)
        (scores * torch.arange(21.0).view(3, 7)).sum().backward()
        results.append((scores.detach(), a.grad, b.grad))
    for whole, blocks in zip(*results, strict=True):
        assert torch.allclose(whole, blocks, atol=1e-5)


def test_gradient_reaches_the_best_token_only():
    d = torch.tensor([[[0.5, 3.0], [2.0, -1.0]]], requires_grad=True)
    maxsim(Q, d, ON, ON).sum().backward()
    assert d.grad is not None
    assert d.grad.tolist() == [[[0.0, 1.0], [1.0, 0.0]]]


def test_dot():
    assert dot(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist() == [[11.0, 2.0]]


def test_standardised_scores_by_hand():
    """(2, 4, 9) has mean 5 and variance (9 + 1 + 16) / 3; the candidate that does not count moves neither."""
    scores = torch.tensor([[2.0, 4.0, 1e4, 9.0], [-1.0, 1.0, 3.0, 5.0]])
    counted = torch.tensor([[True, True, False, True], [True, True, True, True]])
    found = standardise(scores, counted)
    deviation = (26 / 3) ** 0.5
    assert found[0].tolist() == pytest.approx([-3 / deviation, -1 / deviation, 0, 4 / deviation], abs=1e-6)
    assert found[1].tolist() == pytest.approx([-3 / 5**0.5, -1 / 5**0.5, 1 / 5**0.5, 3 / 5**0.5], abs=1e-6)
    assert found.mean(-1).tolist() == pytest.approx([0, 0], abs=1e-6)


def test_scores_that_are_all_the_same_prefer_nothing():
    """0.1 + rounding divided by a deviation of 1e-9 would be a strong preference made of nothing."""
    scores = torch.tensor([[0.1, 0.1, 0.1], [7.0, 1.0, 2.0], [1000.0, 1000.0001, 1000.0]])
    counted = torch.tensor([[True, True, True], [True, False, False], [True, True, True]])
    assert standardise(scores, counted).tolist() == [[0.0, 0.0, 0.0]] * 3


def test_standardising_forgets_shift_and_scale():
    scores, counted = torch.randn(3, 5), torch.ones(3, 5, dtype=torch.bool)
    torch.testing.assert_close(standardise(30 * scores - 7, counted), standardise(scores, counted))


def test_padding_with_a_score_is_the_papers_way():
    """Similarities (-20, -3), then padding; (0, -20) without: the mask takes -3 and 0, the paper's code -3 and -15."""
    queries = torch.tensor([[[1.0, 0.0]]])
    passages = torch.tensor([[[-20.0, 0.0], [-3.0, 0.0], [9.0, 9.0]], [[0.0, 5.0], [-20.0, 0.0], [-20.0, 0.0]]])
    query_mask = torch.ones(1, 1, dtype=torch.bool)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert maxsim(queries, passages, query_mask, mask).tolist() == [[-3.0, 0.0]]
    assert maxsim(queries, passages, query_mask, mask, padding=-15.0).tolist() == [[-3.0, -15.0]]
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    assert maxsim(queries, passages, query_mask, nothing).tolist() == [[EMPTY_SCORE, EMPTY_SCORE]]
    assert maxsim(queries, passages, query_mask, nothing, padding=-15.0).tolist() == [[-15.0, -15.0]]
