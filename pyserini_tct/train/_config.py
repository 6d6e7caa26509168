# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every setting of a training run, with its default, and the three independent choices of distillation.

Which pairs carry soft labels (``kd_pairs``), where the teacher's scores come from (``teacher_scores``) and how much the
hard labels weigh (``hard_weight``) are set apart; ``coupling`` names three common combinations.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.text import PASSAGE_LENGTH, QUERY_LENGTH

MODELS = ('colbert', 'student')
KD_PAIRS = ('own', 'in-batch')
TEACHER_SCORES = ('live', 'cached')
STUDENT_INIT = ('backbone', 'teacher')
PRECISIONS = ('auto', 'fp32', 'bf16')
# What each preset means; all three keep the same in-batch cross-entropy, so that only the soft labels differ.
COUPLINGS: dict[str, dict[str, Any]] = {
    'none': {'kd_weight': 0.0, 'hard_weight': 1.0},
    'loose': {'kd_weight': 1.0, 'hard_weight': 1.0, 'kd_pairs': 'own'},
    'tight': {'kd_weight': 1.0, 'hard_weight': 1.0, 'kd_pairs': 'in-batch'},
}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A training run. Paths may be strings; every rate is per step; lengths are in token ids, prefix included.

    Args:
        model: ``colbert`` (a teacher) or ``student``.
        output: folder of the checkpoint; while training it is ``output.partial``, from which a second call goes on.
        backbone: folder or hub name of an uncased BERT.
        triples: TSV of query, positive, negative: three texts, or three ids where ``corpus`` and ``queries`` are given.
        corpus: passages.
        queries: training topics.
        qrels: judgments, needed without ``triples``; grades of at least 1 are positives, and no relevant passage serves
            as a negative.
        negatives: ``none`` (in-batch only), ``bm25`` (mined first), or a run file of the training queries.
        negatives_depth: hard negatives are drawn from this many best passages of the run.
        negatives_per_query: drawn anew for each step.
        teacher: ColBERT checkpoint; needed when ``kd_weight`` is not 0.
        student_init: start from the ``backbone`` or from the ``teacher``'s BERT.
        coupling: ``none``, ``loose`` or ``tight``: what the next three are where they are left out; the default is
            ``tight`` with a teacher, else ``none``.
        kd_pairs: soft labels for each query's ``own`` candidates, or for all ``in-batch`` ones.
        teacher_scores: run the teacher ``live`` in each step, or from token vectors ``cached`` beforehand.
        teacher_cache: folder for these, to be shared by runs; left out, they go with the run.
        kd_weight: of the KL divergence.
        hard_weight: of the in-batch cross-entropy.
        temperature: of the teacher, relative to the scale it was trained with.
        logit_scale: factor on a ColBERT's scores in its own training loss; stored with it.
        dimension: of a ColBERT's token vectors.
        bias: give a ColBERT's projection a bias.
        normalize_queries: unit-length query token vectors in a ColBERT.
        query_length: of the model trained.
        passage_length: of the model trained.
        steps: optimiser steps.
        batch_size: queries a step.
        lr: highest learning rate.
        warmup: steps of linear warm-up, then linear decay to 0.
        weight_decay: not on norms and biases.
        clip: largest gradient norm.
        dropout: of the backbone while training.
        seed: of everything drawn.
        precision: ``auto`` takes bf16 where the machine has it.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        save_every: steps between checkpoints (0: only at the end).
        dev_topics, dev_qrels: evaluate on these and keep the best model; searched over all of ``corpus``.
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
    negatives_per_query: int = 1
    teacher: str = ''
    student_init: str = 'backbone'
    coupling: str = ''
    kd_pairs: str = ''
    teacher_scores: str = 'live'
    teacher_cache: Path | None = None
    kd_weight: float = math.nan
    hard_weight: float = math.nan
    temperature: float = 3.0
    logit_scale: float = 1.0
    dimension: int = 128
    bias: bool = True
    normalize_queries: bool = False
    query_length: int = QUERY_LENGTH
    passage_length: int = PASSAGE_LENGTH
    steps: int = 200
    batch_size: int = 16
    lr: float = 3e-5
    warmup: int = 20
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    seed: int = 0
    precision: str = 'auto'
    device: str = 'auto'
    save_every: int = 100
    dev_topics: Path | None = None
    dev_qrels: Path | None = None
    eval_every: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if 'Path' in str(field.type) and isinstance(value, str):
                object.__setattr__(self, field.name, Path(value))
        self._apply_coupling()
        for name, choices in (
            ('model', MODELS),
            ('kd_pairs', KD_PAIRS),
            ('teacher_scores', TEACHER_SCORES),
            ('student_init', STUDENT_INIT),
            ('precision', PRECISIONS),
        ):
            if getattr(self, name) not in choices:
                raise TctError(f'{name} {getattr(self, name)!r} is unknown: choose from {", ".join(choices)}')
        self._check_numbers()
        self._check_data()
        self._check_teacher()

    def _apply_coupling(self) -> None:
        coupling = self.coupling or ('tight' if self.teacher and self.model == 'student' else 'none')
        if coupling not in COUPLINGS:
            raise TctError(f'coupling {coupling!r} is unknown: choose from {", ".join(COUPLINGS)}')
        if self.coupling and self.model == 'colbert':
            raise TctError('--coupling is a choice of the student: leave it out with --model colbert')
        for name, value in {'kd_pairs': 'in-batch', **COUPLINGS[coupling]}.items():
            given = getattr(self, name)
            if given == '' or (isinstance(given, float) and math.isnan(given)):
                object.__setattr__(self, name, value)

    def _check_numbers(self) -> None:
        at_least: dict[str, float] = {'steps': 0, 'batch_size': 1, 'warmup': 0, 'negatives_depth': 1, 'dimension': 1}
        at_least |= {
            'negatives_per_query': 1,
            'lr': 0,
            'weight_decay': 0,
            'kd_weight': 0,
            'hard_weight': 0,
            'dropout': 0,
        }
        at_least |= {'save_every': 0, 'eval_every': 0, 'seed': 0}
        for name, least in at_least.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= least):
                raise TctError(f'{name} is {value}: at least {least:g} is needed')
        for name in ('temperature', 'logit_scale', 'clip'):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise TctError(f'{name} is {getattr(self, name)}: a number above 0 is needed')
        if self.dropout >= 1:
            raise TctError(f'dropout is {self.dropout}: a number below 1 is needed')

    def _check_data(self) -> None:
        if self.triples is None and not all((self.corpus, self.queries, self.qrels)):
            raise TctError('no training data: give --triples, or --corpus, --queries and --qrels together')
        if self.triples is not None and (self.queries or self.qrels) and not (self.queries and self.corpus):
            raise TctError('--triples of ids need --corpus and --queries; triples of texts need neither')
        if (self.dev_topics is None) != (self.dev_qrels is None) or (self.dev_topics and self.corpus is None):
            raise TctError('dev evaluation needs --dev-topics, --dev-qrels and --corpus together')

    def _check_teacher(self) -> None:
        if self.model == 'colbert' and (self.teacher or self.kd_weight):
            raise TctError('a ColBERT is trained with hard labels: leave out --teacher and --coupling')
        if self.kd_weight and not self.teacher:
            raise TctError('soft labels need a teacher: add --teacher, or choose --coupling none')
        if self.teacher and not self.kd_weight and self.student_init != 'teacher':
            raise TctError('the teacher would teach nothing: leave --teacher out, or choose --coupling loose or tight')
        if self.kd_weight and self.kd_pairs == 'own' and self.triples is None and self.negatives == 'none':
            raise TctError(
                'soft labels for own pairs only need a negative for each query: choose --negatives bm25 or a run'
            )
        if self.student_init == 'teacher' and not self.teacher:
            raise TctError('--student-init teacher needs --teacher')
        if not self.backbone and not (self.model == 'student' and self.student_init == 'teacher'):
            raise TctError('--backbone is missing: name the folder or hub name of an uncased BERT')
        if self.model == 'student' and not self.kd_weight and not self.hard_weight:
            raise TctError('kd_weight and hard_weight are both 0: there is nothing to learn from')

    def files(self) -> list[Path]:
        """Return every file or name that is read, but for the checkpoints."""
        given = (self.triples, self.corpus, self.queries, self.qrels, self.dev_topics, self.dev_qrels)
        negatives = [] if self.negatives in ('none', 'bm25') else [Path(self.negatives)]
        return [path for path in given if path] + negatives

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
        outside |= {'dev_topics', 'dev_qrels'}
        return {
            key: str(value) if isinstance(value, Path) else value
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
