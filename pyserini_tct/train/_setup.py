# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run starts from: data with mined negatives, the model, the teacher."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pyserini_tct import _files
from pyserini_tct.models import _weights, colbert, cross, student
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.models.student import Student
from pyserini_tct.models.teachers import Teacher
from pyserini_tct.models.teachers.factory import KINDS, Model, Texts, load, open_teacher
from pyserini_tct.text import TokenContract, check_lengths
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._data import Data
from pyserini_tct.train._stream import TextTriples


def make_models(
    config: TrainConfig, data: Data, partial: Path, device: str, precision: str
) -> tuple[Model, Teacher | None]:
    """Return the model to train, and its teacher where soft labels weigh anything.

    Raises:
        TctError: a checkpoint is unusable, or the lengths do not fit the backbone.
    """
    model = MAKERS[config.model](config)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    for name, weight in model.named_parameters():
        weight.requires_grad_(config.model == 'cross' or not name.startswith('bert.pooler.'))
    model.to(device).train()
    if not config.taught:
        return model, None
    texts = Texts((), (), ())  # of triples of texts: the settings allow live teachers only
    if not isinstance(data, TextTriples):
        used = None if config.mines_itself else data.used_rows()
        asked = data.own_candidates if config.kd_pairs == 'own' else tuple  # in-batch ones are not known beforehand
        texts = Texts(data.names, data.queries, data.passages, used, asked)
    teacher = open_teacher(
        config.sources,
        config.teacher_scores,
        texts,
        config.teacher_cache or partial / 'teacher',
        config.teacher_weights,
        device,
        precision,
        config.teacher_dropout,
    )
    settings: Any = model.settings
    model.settings = dataclasses.replace(settings, parents={**settings.parents, **teacher.parents})
    return model, teacher


def _new_colbert(config: TrainConfig) -> ColBert:
    settings = colbert.Settings(
        TokenContract(query_length=config.query_length, passage_length=config.passage_length),
        normalize_queries=config.normalize_queries,
        logit_scale=config.logit_scale,
        padding_score=config.padding_score,
    )
    if KINDS['ColBERT'].shown_by(_weights.resolve(config.backbone), config.backbone):
        start = colbert.load(config.backbone)  # trained further, with its own projection
        settings = dataclasses.replace(settings, parents={'backbone': start.sha256})
        model = ColBert(start.bert, start.linear, start.tokenizer, settings)
    else:
        model = colbert.new(config.backbone, config.dimension, config.bias, settings)
    check_lengths(config.query_length, config.passage_length, model.bert.config.max_position_embeddings)
    return model


def _new_cross(config: TrainConfig) -> CrossEncoder:
    length = config.query_length + config.passage_length
    return cross.new(config.backbone, cross.Settings(length, config.logit_scale))


def _new_student(config: TrainConfig) -> Student:
    from_teacher = config.student_init == 'teacher'
    start = load(config.teacher[0]) if from_teacher else student.load(config.backbone)
    parents = {'teacher' if from_teacher else 'backbone': start.sha256}
    settings = student.Settings(config.query_length, config.passage_length, parents=parents)
    return Student(start.bert, start.tokenizer, settings)


MAKERS: dict[str, Callable[[TrainConfig], Model]] = {
    'colbert': _new_colbert,
    'cross': _new_cross,
    'student': _new_student,
}


def data_digest(config: TrainConfig) -> str:
    """Return a digest of every input of a run, so that a resumed run is known to see the same ones."""
    whole = hashlib.sha256()
    for given in config.files():
        whole.update(_files.sha256(given).encode() if given.exists() else str(given).encode())
    for name in (config.negatives, *config.teacher, config.backbone):
        path = Path(name)
        # A checkpoint's settings count as much as its weights: the scale of a teacher's training is among them.
        files = [path] if path.is_file() else [path / part for part in _weights.FILES if (path / part).is_file()]
        for digest in [_files.sha256(file) for file in files] or [name]:
            whole.update(digest.encode())
    return whole.hexdigest()[:16]
