# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every setting of a training run, with its default, and the three independent choices of distillation.

Which pairs carry soft labels (``kd_pairs``), where the teacher's scores come from (``teacher_scores``) and how much
each loss weighs (``hard_weight``, ``kd_weight``, ``margin_weight``) are set apart; ``coupling`` names three common
combinations.
"""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS
from pyserini_tct.text import PASSAGE_LENGTH, QUERY_LENGTH
from pyserini_tct.train._checks import check

# What each preset means; all three keep the same in-batch cross-entropy, so that only the soft labels differ.
COUPLINGS: dict[str, dict[str, Any]] = {
    'none': {'kd_weight': 0.0, 'hard_weight': 1.0},
    'loose': {'kd_weight': 1.0, 'hard_weight': 1.0, 'kd_pairs': 'own'},
    'tight': {'kd_weight': 1.0, 'hard_weight': 1.0, 'kd_pairs': 'in-batch'},
}
LISTS: dict[str, Callable[[Any], Any]] = {'teacher': str, 'teacher_weights': float, 'stored_scores': Path}

# Recorded where they are not at their default, so that a run that was begun before there were such settings goes on.
LATER: dict[str, Any] = {'negatives_skip': 0, 'negatives_margin': None}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A training run. Paths may be strings; every rate is per step; lengths are in token ids, prefix included.

    Args:
        model: ``colbert`` or ``cross`` (teachers), or ``student``.
        output: folder of the checkpoint; while training it is ``output.partial``, from which a second call goes on.
        backbone: folder or hub name of an uncased BERT; or of a ColBERT to be trained further, with its projection.
        triples: file (TSV, JSONL, parquet), ``irds:NAME`` or ``hf:OWNER/NAME`` of query, positive, negative: texts, or
            ids where ``corpus`` and ``queries`` are given; read while training.
        corpus: passages.
        queries: training topics.
        qrels: judgments, needed without ``triples``; grades of at least 1 are positives, and no relevant passage serves
            as a negative.
        negatives: ``none`` (in-batch only), ``bm25`` (mined first), ``self`` (mined first by the student that is to be
            trained), or a run file of the training queries.
        negatives_depth: hard negatives are drawn from this many best passages of the run, or of the student's index.
        negatives_skip: but not from this many that come first: the best are often relevant and not judged.
        negatives_margin: what the student mines itself is dropped unless the teacher scores it at least this far below
            each positive (in raw scores; of an ensemble, in standard deviations); ``None``: nothing is.
        negatives_per_query: drawn anew for each step.
        refresh_every: steps after which the student, as it then is, mines them anew (0: never).
        teacher: checkpoints (or one) of ColBERTs, cross-encoders or students; several are an ensemble.
        teacher_weights: of an ensemble's members; left out: equal.
        student_init: start from the ``backbone`` or from the ``teacher``'s BERT.
        coupling: ``none``, ``loose`` or ``tight``: what ``kd_pairs``, ``kd_weight`` and ``hard_weight`` are where they
            are left out; the default is ``tight`` with a teacher, else ``none``.
        kd_pairs: soft labels for each query's ``own`` candidates, or for all ``in-batch`` ones.
        teacher_scores: run the teacher ``live`` in each step, from vectors ``cached`` beforehand, or ``stored``.
        teacher_cache: folder for cached vectors, to be shared by runs; left out, they go with the run.
        stored_scores: files (or one) of query id, docid and score; several are an ensemble.
        teacher_dropout: of a live teacher.
        kd_weight: of the KL divergence.
        margin_weight: of MarginMSE over the same pairs.
        hard_weight: of the cross-entropy.
        hard_pairs: the cross-entropy sees each query's ``own`` candidates (a cross-encoder's default), or all
            ``in-batch`` ones.
        temperature: of the teacher, relative to the scale it was trained with.
        raw_temperature: of its raw scores instead.
        student_temperature: the student's scores are divided by it in the KL divergence.
        logit_scale: factor on a ColBERT's or cross-encoder's scores in its own training loss; stored with it.
        dimension: of a ColBERT's token vectors.
        bias: give a ColBERT's projection a bias.
        normalize_queries: unit-length query token vectors in a ColBERT.
        padding_score: similarity that a ColBERT gives to positions that do not count; ``None``: they are masked.
        query_length: of the model trained; a cross-encoder's pair takes the sum of both.
        passage_length: likewise.
        steps: optimiser steps.
        batch_size: queries a step.
        lr: highest learning rate.
        warmup: steps of linear warm-up, then linear decay to 0.
        weight_decay: not on norms and biases.
        eps: Adam's, added to the root of the second moment.
        clip: largest gradient norm.
        dropout: of the backbone while training.
        seed: of everything drawn.
        precision: ``auto`` takes bf16 where the machine has it.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        save_every: steps between checkpoints (0: only at the end).
        dev_topics, dev_qrels: evaluate on these and keep the best model; searched over all of ``corpus``.
        dev_run: of the dev topics; a cross-encoder re-ranks its best passages instead.
        eval_every: steps between evaluations (0: only at the end).
    """

    model: str
    output: Path
    backbone: str = ''
    triples: Path | None = None
    corpus: Path | None = None
    queries: Path | None = None
    qrels: Path | None = None
    negatives: str = 'bm25'
    negatives_depth: int = 50
    negatives_skip: int = 0
    negatives_margin: float | None = None
    negatives_per_query: int = 1
    refresh_every: int = 0
    teacher: tuple[str, ...] = ()
    teacher_weights: tuple[float, ...] = ()
    student_init: str = 'backbone'
    coupling: str = ''
    kd_pairs: str = ''
    teacher_scores: str = 'live'
    teacher_cache: Path | None = None
    stored_scores: tuple[Path, ...] = ()
    teacher_dropout: float = 0.0
    kd_weight: float = math.nan
    margin_weight: float = 0.0
    hard_weight: float = math.nan
    hard_pairs: str = ''
    temperature: float = 3.0
    raw_temperature: bool = False
    student_temperature: float = 1.0
    logit_scale: float = 1.0
    dimension: int = 128
    bias: bool = True
    normalize_queries: bool = False
    padding_score: float | None = None
    query_length: int = QUERY_LENGTH
    passage_length: int = PASSAGE_LENGTH
    steps: int = 200
    batch_size: int = 16
    lr: float = 3e-5
    warmup: int = 20
    weight_decay: float = 0.01
    eps: float = 1e-6
    clip: float = 1.0
    dropout: float = 0.0
    seed: int = 0
    precision: str = 'auto'
    device: str = 'auto'
    save_every: int = 100
    dev_topics: Path | None = None
    dev_qrels: Path | None = None
    dev_run: Path | None = None
    eval_every: int = 0

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self)):
            if name in LISTS:
                given = [value] if isinstance(value, (str, Path)) else value
                self._set(name, tuple(LISTS[name](item) for item in given if item != ''))
            elif isinstance(value, str) and 'Path' in str(self.__dataclass_fields__[name].type):
                self._set(name, Path(value))
        if str(self.triples).startswith(IRDS):  # ids in the data set's own corpus and queries
            for name in ('corpus', 'queries'):
                self._set(name, getattr(self, name) or self.triples)
        self._apply_coupling()
        if not self.hard_pairs:
            self._set('hard_pairs', 'own' if self.model == 'cross' else 'in-batch')
        check(self)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _apply_coupling(self) -> None:
        coupling = self.coupling or ('tight' if self.sources and self.model == 'student' else 'none')
        if coupling not in COUPLINGS:
            raise TctError(f'coupling {coupling!r} is unknown: choose from {", ".join(COUPLINGS)}')
        if self.coupling and self.model != 'student':
            raise TctError(f'--coupling is a choice of the student: leave it out with --model {self.model}')
        for name, value in {'kd_pairs': 'in-batch', **COUPLINGS[coupling]}.items():
            given = getattr(self, name)
            if given == '' or (isinstance(given, float) and math.isnan(given)):
                self._set(name, value)

    @property
    def sources(self) -> tuple[str | Path, ...]:
        """What the teacher's scores come from: checkpoints, or files of scores."""
        return self.stored_scores if self.teacher_scores == 'stored' else self.teacher

    @property
    def taught(self) -> bool:
        """Whether soft labels weigh anything."""
        return bool(self.kd_weight or self.margin_weight)

    @property
    def mines_itself(self) -> bool:
        """Whether the student mines its own negatives, at least once."""
        return self.refresh_every > 0 or self.negatives == 'self'

    def files(self) -> list[Path]:
        """Return every file or name that is read, but for the checkpoints."""
        given = (self.triples, self.corpus, self.queries, self.qrels, self.dev_topics, self.dev_qrels, self.dev_run)
        negatives = [] if self.negatives in ('none', 'bm25', 'self') else [Path(self.negatives)]
        return [path for path in (*given, *self.stored_scores) if path] + negatives

    def record(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them, without where things are and how often they are saved."""
        outside = {
            'output',
            'device',
            'save_every',
            'eval_every',
            'coupling',
            'teacher_cache',
            'teacher',
            'backbone',
            'corpus',
            'queries',
            'qrels',
            'triples',
        }
        outside |= {'dev_topics', 'dev_qrels', 'dev_run', 'stored_scores'}
        outside |= {name for name, value in LATER.items() if getattr(self, name) == value}
        return {
            key: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
            for key, value in dataclasses.asdict(self).items()
            if key not in outside
        }


def lr_at(step: int, config: TrainConfig) -> float:
    """Return the learning rate of a step (counted from 0): linear warm-up, then linear decay that ends at 0.

    >>> config = TrainConfig('colbert', 'x', 'b', triples='t', steps=10, warmup=4, lr=1.0)
    >>> [round(lr_at(step, config), 2) for step in (0, 3, 4, 9)]
    [0.25, 1.0, 1.0, 0.17]
    """
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    return config.lr * (config.steps - step) / max(1, config.steps - config.warmup)
