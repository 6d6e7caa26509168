# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.train``: a teacher (ColBERT or cross-encoder), or a student with or without one."""

import argparse
import dataclasses
from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct._errors import TctError


class _List(argparse.Action):
    """Print the recipes and stop, whatever else is given."""

    def __call__(self, *_: object) -> None:
        from pyserini_tct.train._recipes import list_recipes

        print(list_recipes())
        raise SystemExit(0)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every default is ``TrainConfig``'s."""
    from pyserini_tct.train import _checks, _config

    default = {field.name: field.default for field in dataclasses.fields(_config.TrainConfig)}
    parser = _cli.Parser(
        'pyserini_tct.train', 'Train a teacher (ColBERT or cross-encoder), or a student distilled from one.'
    )

    def add(group: argparse._ArgumentGroup, name: str, about: str, **options: object) -> None:
        value = default.get(name.replace('-', '_'))
        kind = {int: int, float: float}.get(type(value), str)
        if isinstance(value, bool):
            options['action'] = argparse.BooleanOptionalAction
        else:
            options.setdefault('type', kind)
        if name.replace('-', '_') in _checks.CHOICES:
            options['choices'] = _checks.CHOICES[name.replace('-', '_')]
        if value not in (dataclasses.MISSING, '', ()):
            options.setdefault('default', value)
        group.add_argument(f'--{name}', help=about, **options)  # type: ignore[arg-type]

    group = parser.add_argument_group('what')
    add(group, 'model', 'what to train', required=True)
    add(group, 'output', 'new folder; a killed run started again goes on', required=True)
    add(group, 'backbone', 'folder or hub name of an uncased BERT, or of a ColBERT to be trained further')
    group.add_argument(
        '--paper-faithful',
        action='store_true',
        help="every setting of the paper's code at once; a flag that is given wins",
    )
    group.add_argument(
        '--recipe', help='settings from a recipe of the package, or a YAML file; a flag that is given wins'
    )
    group.add_argument('--list-recipes', action=_List, nargs=0, help='list the recipes and stop')
    group.add_argument('--overwrite', action='store_true', help='replace the output, and forget an unfinished run')
    group = parser.add_argument_group('data')
    add(
        group,
        'triples',
        'TSV, JSONL, parquet, irds:NAME or hf:OWNER/NAME: query, positive, negative: texts, or ids with --corpus and '
        '--queries; read while training',
    )
    add(group, 'corpus', 'passages (JSONL)')
    add(group, 'queries', 'training topics')
    add(group, 'qrels', 'training judgments')
    add(group, 'negatives', 'none, bm25 or self (mined first), or a run of the training queries')
    add(group, 'negatives-depth', 'negatives are drawn from so many best passages')
    add(group, 'negatives-skip', 'but not from so many of them that come first: these are often relevant, not judged')
    add(
        group,
        'negatives-margin',
        'drop what the student mines itself unless the teacher scores it so far below each positive',
        type=float,
    )
    add(group, 'negatives-per-query', 'hard negatives a query and step')
    add(group, 'refresh-every', 'steps after which the student mines its negatives anew (0: never)')
    group = parser.add_argument_group('distillation')
    several = {'nargs': '+', 'action': 'extend'}
    add(group, 'teacher', 'ColBERT, cross-encoder or student checkpoint; several are an ensemble', **several)
    add(group, 'teacher-weights', 'of an ensemble (equal)', **several, type=float)
    add(group, 'student-init', "start from the backbone or from the teacher's BERT")
    group.add_argument(
        '--coupling',
        choices=_config.COUPLINGS,
        help='none: hard labels only; loose: soft labels for own pairs; tight: for all in-batch pairs (tight, '
        'if a teacher is given)',
    )
    add(group, 'kd-pairs', "pairs with soft labels (the coupling's)")
    add(group, 'teacher-scores', 'run the teacher in each step, cache its vectors, or read stored scores')
    add(group, 'teacher-cache', 'folder for cached vectors, to be shared by runs')
    add(group, 'stored-scores', 'TSV or JSONL: query id, docid, score; several are an ensemble', **several)
    for name, about in (('kd-weight', 'of the KL divergence'), ('hard-weight', 'of the cross-entropy')):
        group.add_argument(f'--{name}', type=float, help=f"weight {about} (the coupling's)")
    for name, about in (
        ('margin-weight', 'weight of MarginMSE'),
        ('hard-pairs', 'candidates of the cross-entropy (in-batch; own for a cross-encoder)'),
        ('temperature', 'of the teacher, relative to the scale of its own training; more is softer'),
        ('raw-temperature', "the temperature is of the teacher's raw scores"),
        ('student-temperature', "of the student's scores in the KL divergence"),
        ('teacher-dropout', 'of a live teacher'),
    ):
        add(group, name, about)
    group = parser.add_argument_group('ColBERT and cross-encoder')
    for name, about in (
        ('logit-scale', 'factor on the scores in the training loss'),
        ('dimension', 'of a ColBERT token vector'),
        ('bias', "of a ColBERT's projection"),
        ('normalize-queries', 'unit-length query token vectors in a ColBERT'),
        ('padding-score', 'similarity that a ColBERT gives to padding and to exact zeros, instead of a mask'),
    ):
        add(group, name, about, **({'type': float} if name == 'padding-score' else {}))
    group = parser.add_argument_group('optimisation')
    for name, about in (
        ('steps', 'optimiser steps'),
        ('batch-size', 'queries a step'),
        ('lr', 'highest learning rate'),
        ('warmup', 'steps of linear warm-up; linear decay follows'),
        ('weight-decay', 'not on norms and biases'),
        ('eps', 'of Adam'),
        ('clip', 'largest gradient norm'),
        ('dropout', 'while training'),
        ('seed', 'of everything drawn'),
        ('query-length', 'ids of a query, prefix included'),
        ('passage-length', 'most ids of a passage, prefix included'),
        ('save-every', 'steps between checkpoints (0: only at the end)'),
        ('device', 'cpu, cuda:0, ... or auto'),
        ('precision', 'auto: bf16 where the machine has it'),
    ):
        add(group, name, about)
    group = parser.add_argument_group('dev evaluation (RR@10 over the corpus; the best model is kept)')
    add(group, 'dev-topics', 'topics')
    add(group, 'dev-qrels', 'judgments')
    add(group, 'dev-run', 'run of them; a cross-encoder re-ranks its 50 best passages instead of the corpus')
    add(group, 'eval-every', 'steps between evaluations (0: only at the end)')
    return parser


def main(argv: Sequence[str]) -> None:
    """Parse the flags and train."""
    parser = build_parser()
    unset = argparse.Namespace(**{action.dest: None for action in parser._actions})
    given = {key: value for key, value in vars(parser.parse_args(argv, unset)).items() if value is not None}
    from pyserini_tct.train import TrainConfig, paper_faithful, read_recipe

    given.pop('debug', None)
    overwrite, recipe, faithful = (given.pop(name, None) for name in ('overwrite', 'recipe', 'paper_faithful'))
    if recipe and faithful:
        raise TctError('--recipe and --paper-faithful both choose the settings: give one of them')
    if recipe:
        given = {**read_recipe(recipe, given['model']), **given}
    config = (paper_faithful if faithful else TrainConfig)(**given)

    from pyserini_tct.train import train

    done = train(config, bool(overwrite))
    dev = '' if done.dev is None else f', dev RR@10 {done.dev_at_start:.4f} -> {done.dev:.4f} (step {done.best_step})'
    print(f'{done.output}: {done.steps} steps, {done.seconds_per_step:.2f} s a step{dev}')


if __name__ == '__main__':
    _cli.run(main)
