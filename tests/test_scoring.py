# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""MaxSim by hand arithmetic and against a loop over tokens."""

import torch

from pyserini_tct.scoring import EMPTY_SCORE, dot, maxsim

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
