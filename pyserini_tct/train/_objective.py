# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a step: hard labels, and soft labels of a teacher, each over its pairs and with its weight."""

import numpy as np
import torch

from pyserini_tct import losses
from pyserini_tct._errors import TctError
from pyserini_tct.models.teachers import Teacher
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._samples import Batch


def pairs(batch: Batch, which: str) -> np.ndarray:
    """Return true for the pairs that a loss sees, ``(B, P)``: ``own`` or ``in-batch``, without what is excluded."""
    return ~batch.excluded & batch.own if which == 'own' else ~batch.excluded


def objective(
    scores: torch.Tensor, teacher: Teacher | None, batch: Batch, config: TrainConfig
) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the loss of a step, and figures to watch it by.

    Args:
        scores: of the model trained, ``(B, P)``.
        teacher: called only if soft labels weigh anything.
        batch: the candidates.
        config: weights, pairs, temperatures.

    Returns:
        ``hard_weight`` x cross-entropy + ``kd_weight`` x KL + ``margin_weight`` x MarginMSE, and the model's entropy
        and top-1 agreement with the positives (and with the teacher, and the teacher target's entropy).

    Raises:
        TctError: the teacher gives a score that is not finite, or lacks one.
    """
    excluded = torch.from_numpy(~pairs(batch, config.hard_pairs)).to(scores.device)
    target = torch.arange(len(scores), device=scores.device)
    scale = 1.0 if config.model == 'student' else config.logit_scale
    loss = config.hard_weight * losses.in_batch_cross_entropy(scores, target, excluded, scale)
    allowed = (scores.detach() * scale).masked_fill(excluded, float('-inf'))
    watched = {
        'entropy': losses.entropy(scores.detach() * scale, excluded).item(),
        'top1': (allowed.argmax(-1) == target).float().mean().item(),
    }
    if teacher is not None and config.taught:
        taught, excluded = ask(teacher, batch, config)
        taught, excluded = taught.to(scores.device), excluded.to(scores.device)
        scale = training_scale(teacher, config)
        if config.kd_weight:
            loss = loss + config.kd_weight * losses.kl_distillation(
                scores, taught, excluded, config.temperature, scale, config.student_temperature
            )
        if config.margin_weight:
            loss = loss + config.margin_weight * losses.margin_mse(scores, taught, target, excluded, scale)
        soft = losses.log_target(taught, excluded, config.temperature, scale)
        seen = scores.detach().masked_fill(excluded, float('-inf'))
        watched['no_preference'] = (~excluded).sum(-1).float().log().mean().item()
        watched['teacher_entropy'] = losses.entropy(soft, excluded).item()
        watched['agreement'] = (seen.argmax(-1) == soft.argmax(-1)).float().mean().item()
    return loss, watched


def ask(teacher: Teacher, batch: Batch, config: TrainConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the teacher's scores of a batch and what its soft labels leave out, both ``(B, P)``.

    Raises:
        TctError: a score is not finite, or is not stored; the pair is named.
    """
    wanted = pairs(batch, config.kd_pairs)
    taught = teacher(batch.queries, batch.passages, batch.query_rows, batch.passage_rows, wanted)
    excluded = torch.from_numpy(~wanted).to(taught.device)
    bad = torch.nonzero(~torch.isfinite(taught) & ~excluded)
    if len(bad):
        i, j = bad[0].tolist()
        raise TctError(
            f'the teacher scores passage {batch.passages[j].docid} with {taught[i, j].item()} for query '
            f'{batch.names[i]}: check its checkpoint, or use --precision fp32'
        )
    return taught, excluded


def training_scale(teacher: Teacher, config: TrainConfig) -> float:
    """Return what the temperature is relative to: the scale of the teacher's training, 1 for its raw scores."""
    return 1.0 if config.raw_temperature or teacher.logit_scale is None else teacher.logit_scale
