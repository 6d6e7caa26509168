# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A student's training step on pocket: a plain eager fp32 loop, what each change to it gives, ours with a teacher.

The plain loop is what one writes first: eager attention, BERT's dropout, padded batches, unfused AdamW, fp32. The rows
below it change one thing more each; ours goes on to texts laid end to end. All see the same batches of 8 queries with
one hard negative each.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from benchmarks._interleave import interleave, table
from pyserini_tct import _env, losses
from pyserini_tct._files import data_dir
from pyserini_tct.models import colbert
from pyserini_tct.models.student import Student, mean_pooling, pad
from pyserini_tct.train import TrainConfig, _data, _loop, _setup
from pyserini_tct.train._samples import Batch, TrainingData

BACKBONE = 'sentence-transformers/all-MiniLM-L6-v2'


def plain_step(
    model: Student, data: TrainingData, config: TrainConfig, attention: str, dropout: bool, fused: bool
) -> Callable[[], None]:
    """Return a step of the plain loop with some of its habits changed."""
    plain = BertModel._from_config(BertConfig(**model.bert.config.content()), attn_implementation=attention)
    plain.load_state_dict(model.bert.state_dict())
    plain.train(dropout)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=config.lr, fused=fused)
    steps = iter(range(10_000))

    def step() -> None:
        batch = data.batch_at(next(steps), config.batch_size, config.seed)
        rows = model.tokenizer.queries(batch.queries), model.tokenizer.passages(batch.passages)
        padded = [pad(part, model.tokenizer.pad_id) for part in rows]
        q, p = (mean_pooling(plain(ids, attention_mask=mask).last_hidden_state, mask) for ids, mask in padded)
        excluded = torch.from_numpy(batch.excluded)
        loss = losses.in_batch_cross_entropy(q @ p.T, torch.arange(len(q)), excluded)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), config.clip)
        optimizer.step()

    return step


def our_step(config: TrainConfig, data: TrainingData, work: Path) -> Callable[[], None]:
    """Return a step of our loop with the teacher that the settings name."""
    precision = _env.precision_of('auto', 'cpu')
    model, teacher = _setup.make_models(config, data, work, 'cpu', precision)
    optimizer = _loop.make_optimizer(model, config)
    steps = iter(range(10_000))

    def step() -> None:
        batch: Batch = data.batch_at(next(steps), config.batch_size, config.seed)
        with _env.autocast('cpu', precision):
            scores = _loop.model_scores(model, batch, config)
        loss, _ = _loop.objective(scores, teacher, batch, config)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()

    return step


def main() -> None:
    """Time the steps turn by turn and print the table."""
    _env.keep_freed_memory()
    pocket = data_dir('prebuilt') / 'pocket'
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        teacher = work / 'colbert'
        colbert.new(BACKBONE).save(teacher)
        base = TrainConfig('student', work / 'tct_colbert-b', BACKBONE, corpus=pocket / 'corpus.jsonl', batch_size=8,
                           queries=pocket / 'queries.train.tsv', qrels=pocket / 'qrels.train.txt')  # fmt: skip
        tight = dataclasses.replace(base, teacher=str(teacher), kd_weight=1.0)
        data = _data.load_data(base, work)
        start, _ = _setup.make_models(base, data, work, 'cpu', 'fp32')
        assert isinstance(start, Student)
        medians = interleave(
            {
                'plain loop, no teacher': plain_step(start, data, base, 'eager', True, False),
                '+ fused attention': plain_step(start, data, base, 'sdpa', True, False),
                '+ no dropout': plain_step(start, data, base, 'sdpa', False, False),
                '+ fused AdamW': plain_step(start, data, base, 'sdpa', False, True),
                'ours, no teacher': our_step(base, data, work),
                'ours, tight, live teacher': our_step(tight, data, work),
                'ours, tight, cached teacher': our_step(
                    dataclasses.replace(tight, teacher_scores='cached'), data, work
                ),
            },
            rounds=5,
        )
    table(f'training step, {_env.precision_of("auto", "cpu")}', 'step', medians)
    none = medians['ours, no teacher']
    print(f'live / none {medians["ours, tight, live teacher"] / none:.2f}, '
          f'cached / none {medians["ours, tight, cached teacher"] / none:.2f}')  # fmt: skip
