# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Losses over a matrix of scores ``(queries, candidates)``; none knows where the scores come from.

``excluded`` marks candidates that a query must not see: passages that are known to be relevant for it, other than the
one it is trained on. They leave both the cross-entropy and the distributions of the distillation.
"""

import torch
from torch.nn.functional import cross_entropy


def in_batch_cross_entropy(
    scores: torch.Tensor, target: torch.Tensor, excluded: torch.Tensor, scale: float = 1.0
) -> torch.Tensor:
    """Return the softmax cross-entropy of each query's positive among all candidates of the batch.

    Args:
        scores: ``(B, P)``.
        target: column of each query's positive, ``(B,)``.
        excluded: true where a candidate is left out, ``(B, P)``; never at the target.
        scale: factor on the scores before the softmax (the paper's code trains its teacher with 4 B).

    Source: arXiv 2010.11386, equation 4 (hard labels).
    """
    return cross_entropy((scores * scale).masked_fill(excluded, float('-inf')), target)


def log_target(teacher: torch.Tensor, excluded: torch.Tensor, temperature: float, scale: float = 1.0) -> torch.Tensor:
    """Return the teacher's log-distribution over the candidates, ``(B, P)``, ``-inf`` where excluded.

    Args:
        teacher: raw scores, ``(B, P)``.
        excluded: candidates left out.
        temperature: relative to the scale that the teacher was trained with: 1 teaches the very distribution that its
            training made, more is softer.
        scale: that training scale.
    """
    return torch.log_softmax((teacher * (scale / temperature)).masked_fill(excluded, float('-inf')), dim=-1)


def kl_distillation(
    student: torch.Tensor,
    teacher: torch.Tensor,
    excluded: torch.Tensor,
    temperature: float = 1.0,
    scale: float = 1.0,
    student_temperature: float = 1.0,
) -> torch.Tensor:
    """Return the mean over queries of KL(teacher || student) over the candidates that are not excluded.

    Args:
        student: the student's scores, ``(B, P)``.
        teacher: the teacher's raw scores, ``(B, P)``; no gradient flows into them.
        excluded, temperature, scale: see :func:`log_target`.
        student_temperature: the student's scores are divided by it; the gradient shrinks with it, and no factor makes
            up for that.

    Source: arXiv 2010.11386, equation 5: KL(softmax(teacher / tau) || softmax(student)).
    """
    expected = log_target(teacher.detach(), excluded, temperature, scale)
    actual = torch.log_softmax((student / student_temperature).masked_fill(excluded, float('-inf')), dim=-1)
    # Where a candidate is excluded both are -inf; 0 times their difference would be NaN, in the gradient as well.
    expected, actual = expected.masked_fill(excluded, 0.0), actual.masked_fill(excluded, 0.0)
    return (expected.exp().masked_fill(excluded, 0.0) * (expected - actual)).sum(-1).mean()


def margin_mse(
    student: torch.Tensor, teacher: torch.Tensor, target: torch.Tensor, excluded: torch.Tensor, scale: float = 1.0
) -> torch.Tensor:
    """Return the mean squared difference between the student's and the teacher's margins.

    A margin is the score of a query's positive less that of another of its candidates; the mean is over all such pairs.
    As published these are the query's own negatives.

    Args:
        student: the student's scores, ``(B, P)``.
        teacher: the teacher's raw scores, ``(B, P)``; no gradient flows into them.
        target: column of each query's positive, ``(B,)``.
        excluded: candidates left out, ``(B, P)``.
        scale: of the teacher's training: its margins are those of the logits that it was trained with.

    Returns:
        0 where no query has a candidate beside its positive.

    Source: arXiv 2010.02666 (Margin-MSE).
    """
    positive = target.unsqueeze(1)
    logits = teacher.detach() * scale
    gap = (student.gather(1, positive) - student) - (logits.gather(1, positive) - logits)
    others = (~excluded).scatter(1, positive, False)
    return gap.masked_fill(~others, 0.0).square().sum() / others.sum().clamp(min=1)


def entropy(scores: torch.Tensor, excluded: torch.Tensor) -> torch.Tensor:
    """Return the mean entropy (nats) of the softmax of each query's scores; for watching, not for training."""
    logs = torch.log_softmax(scores.masked_fill(excluded, float('-inf')), dim=-1)
    return -(logs.exp() * logs.masked_fill(excluded, 0.0)).sum(-1).mean()
