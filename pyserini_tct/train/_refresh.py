# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Hard negatives that a student mines for itself while it is trained: its own index, made anew every N steps.

Source: ANCE (arXiv 2007.00808) and REALM (arXiv 2002.08909); there another process keeps the index up to date, here
training waits, so that a step sees the negatives of the last refresh and nothing depends on speed.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from tqdm import tqdm

from pyserini_tct import _env
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.models.student import Student
from pyserini_tct.models.teachers import Teacher
from pyserini_tct.models.teachers.factory import Model
from pyserini_tct.scoring import nearest
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._data import Data, TrainingData

BLOCK = 4096  # passages that are encoded and searched together
FILE = 'negatives.npy'


class OwnIndex:
    """The student's own index as a source of negatives; without a task where the settings ask for none.

    Args:
        config: when to mine, and how deep.
        data: whose negatives are replaced.
        precision: of the encoder, ``fp32`` or ``bf16``.
        teacher: asked where the settings have a margin.
    """

    def __init__(self, config: TrainConfig, data: Data, precision: str, teacher: Teacher | None = None) -> None:
        self.config, self.data, self.precision, self.teacher = config, data, precision, teacher
        self.mined: np.ndarray | None = None
        self._last = -1

    def before(self, step: int, model: Model) -> None:
        """Mine if it is time before this step: at 0 with ``--negatives self``, then every ``--refresh-every`` steps.

        A second call for the same step does nothing.
        """
        every = self.config.refresh_every
        due = self.config.negatives == 'self' if step == 0 else bool(every) and step % every == 0
        if due and step != self._last:
            self._last, started = step, time.perf_counter()
            data = cast(TrainingData, self.data)  # the settings refuse other data and other models
            mined = mine(cast(Student, model), data, self.config.negatives_depth, self.precision)
            mined = mined[:, self.config.negatives_skip :]
            if self.config.negatives_margin is not None:
                torch.manual_seed(self.config.seed * 1_000_003 + step)  # a teacher may have dropout
                mined = below_positives(mined, data, cast(Teacher, self.teacher), self.config.negatives_margin)
            self._take(mined)
            seconds = time.perf_counter() - started
            asked = {sample.query: len(sample.negatives) for sample in data.samples}
            bare = sum(not count for count in asked.values())
            if bare == len(asked) and step == 0:
                raise TctError(
                    'the student finds no negative for any query: lower --negatives-skip or --negatives-margin, or '
                    'look deeper with --negatives-depth'
                )
            note(
                f'step {step}: negatives mined from {len(data.passages)} passages in {seconds:.1f} s, '
                f'{sum(asked.values()) / len(asked):.1f} for each of {len(asked)} queries'
                + (f'; {bare} of them have none' if bare else '')
            )

    def save(self, folder: Path) -> None:
        """Put the negatives in force into a checkpoint: the weights that mined them are gone."""
        if self.mined is not None:
            np.save(folder / FILE, self.mined)

    def restore(self, folder: Path) -> None:
        """Take up the negatives of a checkpoint."""
        if (folder / FILE).exists():
            self._take(np.load(folder / FILE, allow_pickle=False))

    def _take(self, mined: np.ndarray) -> None:
        self.mined = mined
        cast(TrainingData, self.data).replace_negatives(mined)


def mine(model: Student, data: TrainingData, depth: int, precision: str = 'fp32') -> np.ndarray:
    """Search all passages by exact dot product with the training queries that have a positive.

    Args:
        model: the student as it is; its mode and weights stay.
        data: queries and passages.
        depth: passages a query, relevant ones included.
        precision: of the encoder.

    Returns:
        Rows of passages, ``(queries, depth)`` int32, -1 for queries without a positive.
    """
    training, settings = model.training, model.settings
    asked = sorted({sample.query for sample in data.samples})

    def vectors(rows: list[list[int]]) -> torch.Tensor:
        with _env.autocast(model.device.type, precision):
            return torch.from_numpy(model.embed(rows)).to(model.device)

    def blocks() -> Iterator[torch.Tensor]:
        for start in tqdm(range(0, len(data.passages), BLOCK), desc='refresh', unit='block', disable=None, leave=False):
            yield vectors(model.tokenizer.passages(data.passages[start : start + BLOCK], settings.passage_length))

    model.eval()
    queries = vectors(model.tokenizer.queries([data.queries[row] for row in asked], settings.query_length))
    _, rows = nearest(queries, blocks(), min(depth, len(data.passages)))
    model.train(training)
    found = np.full((len(data.queries), rows.shape[1]), -1, np.int32)
    found[asked] = rows.cpu().numpy()
    return found


def below_positives(mined: np.ndarray, data: TrainingData, teacher: Teacher, margin: float) -> np.ndarray:
    """Drop what a teacher does not score at least ``margin`` below every positive of its query.

    Args:
        mined: rows of passages, ``(queries, depth)``, -1 where there is none.
        data: queries, passages, and what is relevant.
        teacher: live or cached.
        margin: in its raw scores.

    Returns:
        ``(queries, depth)``, -1 where a passage was dropped; relevant ones stay, and are no negatives anyway.

    Raises:
        TctError: a score is not finite.
    """
    kept = mined.copy()
    for query in tqdm(np.flatnonzero((mined >= 0).any(1)).tolist(), desc='teacher', unit='query', disable=None):
        positives = sorted(data.relevant[query])
        places = [place for place, row in enumerate(mined[query].tolist()) if row >= 0 and row not in positives]
        rows = [*positives, *mined[query, places].tolist()]
        found = teacher([data.queries[query]], [data.passages[row] for row in rows], [query], rows)[0].cpu().numpy()
        if not np.isfinite(found).all():
            row = rows[int(np.flatnonzero(~np.isfinite(found))[0])]
            raise TctError(
                f'the teacher gives passage {data.passages[row].docid} no finite score for query {data.names[query]}: '
                'check its checkpoint, or use --precision fp32'
            )
        limit = found[: len(positives)].min() - margin
        kept[query, places] = np.where(found[len(positives) :] <= limit, mined[query, places], -1)
    return kept
