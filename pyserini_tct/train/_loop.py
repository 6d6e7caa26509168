# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop of a teacher (ColBERT, cross-encoder) and of a student distilled from one.

In: a :class:`TrainConfig`. Out: a checkpoint folder, and beside it ``NAME.log.jsonl`` with a line a step. A run that
was stopped goes on from ``NAME.partial`` when it is started again, to the same weights.
"""

import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _atomic, _env

import torch  # isort: skip
from tqdm import tqdm  # isort: skip

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.models import _weights
from pyserini_tct.models._names import check_name
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.models.teachers.factory import Model, kind_of
from pyserini_tct.train import _checkpoint, _data, _setup
from pyserini_tct.train._config import TrainConfig, lr_at
from pyserini_tct.train._dev import DevSet
from pyserini_tct.train._health import check_teacher
from pyserini_tct.train._objective import objective, pairs
from pyserini_tct.train._refresh import OwnIndex
from pyserini_tct.train._samples import Batch
from pyserini_tct.vectors import partial_path

Evaluate = Callable[[Model], float]


class TrainResult(NamedTuple):
    """What a run did.

    ``seconds_per_step`` is the median of a step without evaluation and saving; ``dev`` is the score of the model kept,
    ``None`` without evaluation.
    """

    output: Path
    steps: int
    seconds_per_step: float
    dev: float | None
    dev_at_start: float | None
    best_step: int


def train(config: TrainConfig, overwrite: bool = False, evaluate: Evaluate | None = None) -> TrainResult:
    """Train a model and write its checkpoint.

    Args:
        config: every setting.
        overwrite: replace an existing checkpoint, and forget an unfinished run.
        evaluate: called with the model before the first step, every ``eval_every`` steps and at the end; the model with
            the highest value is kept. Left out, it is RR@10 on the dev topics, if there are any.

    Returns:
        Steps, seconds a step, and dev scores.

    Raises:
        TctError: bad input, an output that exists, an unfinished run with other settings, a loss that is not finite
            (the last good checkpoint is kept and the batch is named), or a full disk.
    """
    _atomic.check_free(config.output, overwrite, config.model, [*config.files(), config.backbone, *config.teacher])
    if config.model == 'student':
        check_name(config.output)
    if config.backbone:
        _weights.resolve(config.backbone)  # before --overwrite removes anything
    for name in config.teacher:
        kind_of(name)
    partial = partial_path(config.output)
    with _atomic.lock(partial):
        return _train(config, partial, overwrite, evaluate)


def _train(config: TrainConfig, partial: Path, overwrite: bool, evaluate: Evaluate | None) -> TrainResult:
    device = _env.device_of(config.device)
    precision = _env.precision_of(config.precision, device)
    _env.keep_freed_memory()
    fingerprint = {**config.record(), 'precision': precision, 'data': _setup.data_digest(config)}
    _checkpoint.claim(partial, fingerprint, overwrite)
    torch.manual_seed(config.seed)
    data = _data.load_data(config, partial)
    model, teacher = _setup.make_models(config, data, partial, device, precision)
    own_index = OwnIndex(config, data, precision, teacher)
    resumed = (partial / 'last').is_dir()
    if teacher is not None and config.steps:
        if not resumed:
            own_index.before(0, model)
        check_teacher(teacher, data.batch_at(0, config.batch_size, config.seed), config)
    optimizer = make_optimizer(model, config)
    if evaluate is None and config.dev_topics:
        evaluate = DevSet(config, _data.dev_passages(config, data)).reciprocal_rank
    state: dict[str, Any] = {'step': 0, 'best': None, 'best_step': 0, 'start': None}
    if resumed:
        state = _checkpoint.load(partial / 'last', model, optimizer)
        own_index.restore(partial / 'last')
        note(f'{partial}: going on after step {state["step"]}')
    elif evaluate:
        state['start'] = state['best'] = evaluate(model)
        note(f'dev score before training: {state["start"]:.4f}')
    log_path = config.output.with_name(config.output.name + '.log.jsonl')
    _cut_log(log_path, state['step'])

    first, seconds = state['step'], []
    with (
        open(log_path, 'a', encoding='utf-8') as log,
        tqdm(total=config.steps, initial=first, desc=config.output.name, unit='step', disable=None) as progress,
    ):
        for step in range(first, config.steps):
            own_index.before(step, model)
            started = time.perf_counter()
            torch.manual_seed(config.seed * 1_000_003 + step)  # dropout depends on the step: resumed = uninterrupted
            batch = data.batch_at(step, config.batch_size, config.seed)
            for group in optimizer.param_groups:
                group['lr'] = lr_at(step, config)
            with _env.autocast(device.split(':')[0], precision):
                scores = model_scores(model, batch, config)
            loss, watched = objective(scores, teacher, batch, config)
            if not math.isfinite(loss.item()):
                raise TctError(_not_finite(step, batch, partial))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip).item()
            if not math.isfinite(norm):
                raise TctError(_not_finite(step, batch, partial))
            optimizer.step()
            seconds.append(time.perf_counter() - started)
            line = {'loss': loss.item(), 'lr': lr_at(step, config), 'norm': norm, **watched}
            log.write(json.dumps({'step': step + 1, **line}) + '\n')
            progress.set_postfix({key: f'{value:.3g}' for key, value in line.items()})
            progress.update()
            done, state['step'] = step + 1 == config.steps, step + 1
            if evaluate and (done or (config.eval_every and (step + 1) % config.eval_every == 0)):
                _keep_best(evaluate(model), model, state, partial)
            if done or (config.save_every and (step + 1) % config.save_every == 0):
                log.flush()
                _checkpoint.save(partial / 'last', model, optimizer, state, own_index.save)
    _finish(config, model, state, partial, fingerprint)
    median = statistics.median(seconds) if seconds else math.nan
    return TrainResult(config.output, config.steps, median, state['best'], state['start'], state['best_step'])


def model_scores(model: Model, batch: Batch, config: TrainConfig) -> torch.Tensor:
    """Return the scores of every query of a batch against every candidate, ``(B, P)``, with gradient.

    A cross-encoder scores the pairs of its loss only; the others are 0.
    """
    if isinstance(model, CrossEncoder):
        return model(batch.queries, batch.passages, pairs(batch, config.hard_pairs))
    return (model if isinstance(model, ColBert) else model.scores)(batch.queries, batch.passages)


def make_optimizer(model: torch.nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW (fused) without weight decay on LayerNorm and biases, as BERT and the paper's code have it."""
    decayed: list[torch.nn.Parameter] = []
    plain: list[torch.nn.Parameter] = []
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            (plain if name.endswith('bias') or 'LayerNorm' in name else decayed).append(weight)
    groups = [{'params': decayed, 'weight_decay': config.weight_decay}, {'params': plain, 'weight_decay': 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, eps=config.eps, fused=True)


def _keep_best(found: float, model: Model, state: dict[str, Any], partial: Path) -> None:
    note(f'step {state["step"]}: dev score {found:.4f}')
    if state['best'] is None or found > state['best'] or state['best_step'] == 0:
        state['best'], state['best_step'] = found, state['step']
        with _atomic.atomic_folder(partial / 'best') as folder:
            _checkpoint.write_weights(model, folder)


def _finish(
    config: TrainConfig, model: Model, state: dict[str, Any], partial: Path, fingerprint: dict[str, Any]
) -> None:
    if state['best_step']:
        _checkpoint.read_weights(model, partial / 'best')
    training = {**fingerprint, 'dev_score': state['best'], 'kept_step': state['best_step'] or state['step']}
    settings: Any = model.settings
    model.settings = dataclasses.replace(settings, training=training)
    model.cpu().save(config.output, [path for path in config.files() if path.exists()])
    _atomic.remove(partial)


def _not_finite(step: int, batch: Batch, partial: Path) -> str:
    kept = f'the checkpoint in {partial}/last is kept' if (partial / 'last').is_dir() else 'nothing was saved before'
    return (
        f'the loss or its gradient is not finite at step {step + 1}, queries {", ".join(batch.names[:4])} ...: {kept}; '
        'run the same command with a lower --lr or --clip, a higher --temperature or --precision fp32'
    )


def _cut_log(path: Path, step: int) -> None:
    """Keep the log up to the step that the run goes on from."""
    lines = path.read_text(encoding='utf-8').splitlines(keepends=True)[:step] if path.exists() else []
    with _atomic.atomic_file(path) as out:
        out.writelines(lines)
