# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run starts from: data with mined negatives, the model, the teacher."""

import dataclasses
import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from pyserini_tct import _files
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.models import colbert, student
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.student import Student
from pyserini_tct.models.teachers import CachedTeacher, LiveTeacher, Teacher
from pyserini_tct.text import TokenContract, check_lengths
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._data import TrainingData, from_id_triples, from_qrels, from_triples


def load_data(config: TrainConfig, partial: Path) -> TrainingData:
    """Read the training data; BM25 negatives are mined once, in a process of their own.

    Raises:
        TctError: bad input, or mining failed.
    """
    if config.triples and config.queries:
        return from_id_triples(config.triples, cast(Path, config.corpus), config.queries, config.qrels)
    if config.triples:
        return from_triples(config.triples)
    negatives = None if config.negatives == 'none' else Path(config.negatives)
    if config.negatives == 'bm25':
        negatives = partial / 'negatives.trec'
        if not negatives.exists():
            mine(config, negatives)
    corpus, queries, qrels = (cast(Path, path) for path in (config.corpus, config.queries, config.qrels))
    return from_qrels(corpus, queries, qrels, negatives, config.negatives_depth, config.negatives_per_query)


def dev_passages(config: TrainConfig, data: TrainingData) -> Sequence[Passage]:
    """Return the corpus that dev evaluation searches; triples of texts are none."""
    if config.triples and not config.queries:
        return list(read_corpus(cast(Path, config.corpus)))
    return data.passages


def mine(config: TrainConfig, output: Path) -> None:
    """Mine BM25 negatives in a subprocess: a JVM here would forbid every later fork.

    Raises:
        TctError: it failed; the sentence of its error is passed on.
    """
    note('mining BM25 negatives ...')
    words = ['-m', 'pyserini_tct.mine', '--corpus', str(config.corpus), '--topics', str(config.queries)]
    words += ['--output', str(output), '--depth', str(config.negatives_depth)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if done.returncode:
        cause = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), 'no message')
        raise TctError(f'BM25 negatives could not be mined: {cause.removeprefix("error: ")}')


def make_models(
    config: TrainConfig, data: TrainingData, partial: Path, device: str, precision: str
) -> tuple[Student | ColBert, Teacher | None]:
    """Return the model to train, and its teacher where one is named.

    Raises:
        TctError: a checkpoint is unusable, or the lengths do not fit the backbone.
    """
    master = colbert.load(config.teacher, device) if config.teacher else None
    model: Student | ColBert
    if config.model == 'colbert':
        contract = TokenContract(query_length=config.query_length, passage_length=config.passage_length)
        settings = colbert.Settings(
            contract, normalize_queries=config.normalize_queries, logit_scale=config.logit_scale
        )
        model = colbert.new(config.backbone, config.dimension, config.bias, settings)
        check_lengths(config.query_length, config.passage_length, model.bert.config.max_position_embeddings)
    else:
        model = _new_student(config, master)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    for name, weight in model.named_parameters():
        weight.requires_grad_(not name.startswith('bert.pooler.'))
    model.to(device).train()
    if master is None or not config.kd_weight:
        return model, None
    if config.teacher_scores == 'live':
        return model, LiveTeacher(master, precision)
    used = sorted({row for sample in data.samples for row in (sample.positive, *sample.negatives)})
    folder = config.teacher_cache or partial / 'teacher'
    return model, CachedTeacher(master, data.queries, data.passages, folder, precision, used)


def _new_student(config: TrainConfig, master: ColBert | None) -> Student:
    settings = student.Settings(query_length=config.query_length, passage_length=config.passage_length)
    if config.student_init == 'teacher':
        copy = colbert.load(config.teacher)
        settings = dataclasses.replace(settings, parents={'teacher': copy.sha256})
        return Student(copy.bert, copy.tokenizer, settings)
    start = student.load(config.backbone)
    parents = {'backbone': start.sha256, **({'teacher': master.sha256} if master else {})}
    return Student(start.bert, start.tokenizer, dataclasses.replace(settings, parents=parents))


def data_digest(config: TrainConfig) -> str:
    """Return a digest of every input of a run, so that a resumed run is known to see the same ones."""
    whole = hashlib.sha256()
    for given in config.files():
        whole.update(_files.sha256(given).encode() if given.exists() else str(given).encode())
    for name in (config.negatives, config.teacher, config.backbone):
        path = Path(name)
        weights = path / 'model.safetensors'
        file = path if path.is_file() else weights if weights.is_file() else None
        whole.update(_files.sha256(file).encode() if file else name.encode())
    return whole.hexdigest()[:16]
