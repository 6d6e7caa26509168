# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.train``: a ColBERT teacher, or a student with or without one."""

import argparse
import dataclasses
from collections.abc import Sequence

from pyserini_tct import _cli


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every default is ``TrainConfig``'s."""
    from pyserini_tct.train import _config

    default = {field.name: field.default for field in dataclasses.fields(_config.TrainConfig)}
    parser = _cli.Parser('pyserini_tct.train', 'Train a ColBERT teacher, or a student distilled from one.')

    def add(group: argparse._ArgumentGroup, name: str, about: str, **options: object) -> None:
        value = default.get(name.replace('-', '_'))
        kind = {bool: None, int: int, float: float}.get(type(value), str)
        if kind:
            options.setdefault('type', kind)
        if value is not dataclasses.MISSING:
            options.setdefault('default', value)
        group.add_argument(f'--{name}', help=about, **options)  # type: ignore[arg-type]

    group = parser.add_argument_group('what')
    add(group, 'model', 'what to train', choices=_config.MODELS, required=True)
    add(group, 'output', 'new folder; a killed run started again goes on', required=True)
    add(group, 'backbone', 'folder or hub name of an uncased BERT')
    group.add_argument('--overwrite', action='store_true', help='replace the output, and forget an unfinished run')
    group = parser.add_argument_group('data')
    add(group, 'triples', 'TSV: query, positive, negative: texts, or ids with --corpus and --queries')
    add(group, 'corpus', 'passages (JSONL)')
    add(group, 'queries', 'training topics')
    add(group, 'qrels', 'training judgments')
    add(group, 'negatives', 'none, bm25 (mined first), or a run of the training queries')
    add(group, 'negatives-depth', 'negatives are drawn from so many best passages')
    add(group, 'negatives-per-query', 'hard negatives a query and step')
    group = parser.add_argument_group('distillation')
    add(group, 'teacher', 'ColBERT checkpoint')
    add(group, 'student-init', "start from the backbone or from the teacher's BERT", choices=_config.STUDENT_INIT)
    group.add_argument(
        '--coupling',
        choices=_config.COUPLINGS,
        help='none: hard labels only; loose: soft labels for own pairs; tight: for all in-batch pairs (tight, '
        'if a teacher is given)',
    )
    add(group, 'kd-pairs', "pairs with soft labels (the coupling's)", choices=_config.KD_PAIRS, default=None)
    add(group, 'teacher-cache', 'folder for cached token vectors, to be shared by runs')
    add(
        group,
        'teacher-scores',
        'run the teacher in each step, or cache its token vectors',
        choices=_config.TEACHER_SCORES,
    )
    for name, about in (('kd-weight', 'of the KL divergence'), ('hard-weight', 'of the in-batch cross-entropy')):
        group.add_argument(f'--{name}', type=float, help=f"weight {about} (the coupling's)")
    add(group, 'temperature', 'of the teacher, relative to the scale of its own training; more is softer')
    group = parser.add_argument_group('ColBERT')
    add(group, 'dimension', 'of a token vector')
    group.add_argument('--no-bias', dest='bias', action='store_false', help='a projection without bias')
    group.add_argument('--normalize-queries', action='store_true', help='unit-length query token vectors')
    add(group, 'logit-scale', 'factor on the scores in the training loss')
    group = parser.add_argument_group('optimisation')
    for name, about in (
        ('steps', 'optimiser steps'),
        ('batch-size', 'queries a step'),
        ('lr', 'highest learning rate'),
        ('warmup', 'steps of linear warm-up; linear decay follows'),
        ('weight-decay', 'not on norms and biases'),
        ('clip', 'largest gradient norm'),
        ('dropout', 'while training'),
        ('seed', 'of everything drawn'),
        ('query-length', 'ids of a query, prefix included'),
        ('passage-length', 'most ids of a passage, prefix included'),
        ('save-every', 'steps between checkpoints (0: only at the end)'),
        ('device', 'cpu, cuda:0, ... or auto'),
    ):
        add(group, name, about)
    add(group, 'precision', 'auto: bf16 where the machine has it', choices=_config.PRECISIONS)
    group = parser.add_argument_group('dev evaluation (RR@10 over the corpus; the best model is kept)')
    add(group, 'dev-topics', 'topics')
    add(group, 'dev-qrels', 'judgments')
    add(group, 'eval-every', 'steps between evaluations (0: only at the end)')
    return parser


def main(argv: Sequence[str]) -> None:
    """Parse the flags and train."""
    args = vars(build_parser().parse_args(argv))
    from pyserini_tct.train._config import TrainConfig

    overwrite = args.pop('overwrite')
    args.pop('debug')
    config = TrainConfig(**{key: value for key, value in args.items() if value is not None})

    from pyserini_tct.train import train

    done = train(config, overwrite)
    dev = '' if done.dev is None else f', dev RR@10 {done.dev_at_start:.4f} -> {done.dev:.4f} (step {done.best_step})'
    print(f'{done.output}: {done.steps} steps, {done.seconds_per_step:.2f} s a step{dev}')


if __name__ == '__main__':
    _cli.run(main)
