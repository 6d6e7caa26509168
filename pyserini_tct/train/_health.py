# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A look at the teacher before the first step: do its scores say anything, and do they at this temperature?

A target that is nearly one-hot is a hard label again, one that is nearly uniform says nothing; both train without a
complaint.
"""

import math

import torch

from pyserini_tct import losses
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.models.teachers import Teacher
from pyserini_tct.models.teachers.ensemble import Ensemble
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._objective import ask, training_scale
from pyserini_tct.train._samples import Batch

SHARP, FLAT = 0.05, 0.95  # shares of the greatest entropy, below and above which a target gets a note


def check_teacher(teacher: Teacher, batch: Batch, config: TrainConfig) -> None:
    """Ask a teacher about a batch, and say how its target looks.

    Raises:
        TctError: a score is not finite or not stored, or no query's candidates differ in score.
    """
    taught, excluded = ask(teacher, batch, config)
    kept = [row[~out] for row, out in zip(taught.double(), excluded, strict=True) if (~out).sum() > 1]
    if kept and all(bool((row == row[0]).all()) for row in kept):
        raise TctError(
            'the teacher gives all passages of the first batch the same score for each query: it has nothing to teach, '
            'check its checkpoint or file'
        )
    if not kept:
        note("note: no query of the first batch has a second candidate, so the teacher's scores say nothing yet")
        return
    if isinstance(teacher, Ensemble) and all(len(row) == 2 for row in kept):
        note(
            "note: of two candidates a query each member's standardised scores are 1 and -1, so the ensemble teaches "
            'their order alone: choose --kd-pairs in-batch or more --negatives-per-query'
        )
    scale = training_scale(teacher, config)
    spread = sum(row.std(correction=0).item() for row in kept) / len(kept)
    if config.raw_temperature:
        trained = 'taken raw'
    elif teacher.logit_scale is None:
        trained = 'training scale unknown, so the temperature is of raw scores'
    else:
        trained = f'training scale {scale:g}'
    most = (~excluded).sum(-1).double().log().mean().item()
    found = _entropy(taught, excluded, config.temperature, scale)
    note(
        f"teacher's scores in the first batch: {min(row.min().item() for row in kept):.4g} to "
        f'{max(row.max().item() for row in kept):.4g}, standard deviation {spread:.3g} a query ({trained}); '
        f"its target's entropy at temperature {config.temperature:g}: {found:.2f} nats "
        f'(0: hard labels, {most:.2f}: no preference)'
    )
    if config.kd_weight and not SHARP <= found / most <= FLAT:
        sharp = found / most < SHARP
        note(
            f'note: these soft labels are nearly {"hard ones" if sharp else "uniform"}: '
            f'{"raise" if sharp else "lower"} --temperature; at {_halfway(taught, excluded, scale, most):.2g} the '
            'entropy would be half of the greatest'
        )


def _entropy(taught: torch.Tensor, excluded: torch.Tensor, temperature: float, scale: float) -> float:
    return abs(losses.entropy(losses.log_target(taught.double(), excluded, temperature, scale), excluded).item())


def _halfway(taught: torch.Tensor, excluded: torch.Tensor, scale: float, most: float) -> float:
    """Return the temperature at which the target's entropy is half of the greatest; it rises with the temperature."""
    low, high = 1e-6, 1e6
    for _ in range(60):
        middle = math.sqrt(low * high)
        if _entropy(taught, excluded, middle, scale) < most / 2:
            low = middle
        else:
            high = middle
    return middle
