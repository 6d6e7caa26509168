# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The training settings of an ablation, and the command that trains a cell: flags of ``pyserini_tct.train``."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct.ablate._grid import CLASSES, Cell
from pyserini_tct.train import TrainConfig, read_recipe

RECIPE, SAVE_EVERY = 'pocket', 100
ALL = (
    *('backbone', 'steps', 'batch_size', 'lr', 'warmup', 'weight_decay', 'eps', 'clip', 'dropout', 'query_length'),
    *('passage_length', 'negatives_depth', 'negatives_per_query', 'save_every', 'device', 'precision'),
)
TEACHERS = ('logit_scale', 'dimension', 'bias', 'normalize_queries')
# What a recipe may not set for a student: these are the ablation's own, so that its cells differ in nothing else.
OWN = {
    'triples': None,
    'dev_topics': None,
    'refresh_every': 0,
    'kd_pairs': 'in-batch',
    'teacher_scores': 'live',
    'stored_scores': (),
    'teacher_weights': (),
}
TAUGHT = ('kd_weight', 'student_temperature', 'raw_temperature', 'teacher_dropout')


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``pyserini_tct.train`` that hold for every cell, as they are there, but without a default."""
    from pyserini_tct.train.__main__ import build_parser

    group = parser.add_argument_group('training, the same for every cell (see python -m pyserini_tct.train --help)')
    group.add_argument('--recipe', default=RECIPE, help='a recipe of the package, or a YAML file; a flag wins over it')
    for action in build_parser()._actions:
        if action.dest in (*ALL, *TEACHERS, *TAUGHT):
            action.default = argparse.SUPPRESS
            group._add_action(action)


class Training(NamedTuple):
    """What every cell is trained with.

    Args:
        root: the ablation's folder.
        recipe: of the package, or a YAML file.
        given: settings by flag.
    """

    root: Path
    recipe: str
    given: Mapping[str, Any]

    def flags(self, cell: Cell) -> dict[str, Any]:
        """Return the settings of a teacher's or student's cell that stand on the command line, in their order."""
        names: tuple[str, ...] = ALL if cell.kind == 'student' else (*ALL, *TEACHERS)
        if cell.kind == 'student' and cell.coupling != 'none':
            names += TAUGHT
        data = self.root / 'data'
        found = {
            'model': 'student' if cell.kind == 'student' else cell.teacher_class,
            'output': self.root / 'models' / cell.model,
            'corpus': data / 'train.corpus.jsonl',
            'queries': data / 'train.queries.tsv',
            'qrels': data / 'train.qrels.txt',
            'negatives': str(data / 'train.negatives.trec'),
            'seed': cell.seed,
        }
        if cell.kind == 'student':
            found |= {'coupling': cell.coupling, 'student_init': cell.init}
            found |= {} if cell.temperature is None else {'temperature': cell.temperature}
            found |= {'teacher': (str(self.root / 'models' / cell.teacher.model),)} if cell.teacher else {}
        return found | {'save_every': SAVE_EVERY} | {name: self.given[name] for name in names if name in self.given}

    def config(self, cell: Cell) -> TrainConfig:
        """Return the settings as the training will see them.

        Raises:
            TctError: they make no sense together.
        """
        flags = self.flags(cell)
        return TrainConfig(**{**read_recipe(self.recipe, flags['model']), **flags})

    def command(self, cell: Cell) -> tuple[str, list[str]] | None:
        """Return the module and the arguments that make a cell's model, ``None`` for BM25."""
        if cell.kind in ('bm25', 'maxsim'):
            return None
        if cell.kind == 'untrained':
            config = self.config(Cell('student', 0, 'none', None, 'backbone'))
            words = ['--backbone', str(config.backbone), '--output', str(self.root / 'models' / cell.model)]
            words += ['--query-length', str(config.query_length), '--passage-length', str(config.passage_length)]
            return 'pyserini_tct.models', words
        words = ['--recipe', self.recipe]
        for name, value in self.flags(cell).items():
            flag = name.replace('_', '-')
            if isinstance(value, bool):
                words.append(f'--{flag}' if value else f'--no-{flag}')
            else:
                words += [f'--{flag}', *(map(str, value) if isinstance(value, tuple) else [str(value)])]
        return 'pyserini_tct.train', words

    def line(self, cell: Cell) -> str:
        """Return the command that a user would type, empty where there is nothing to train."""
        command = self.command(cell)
        return f'python -m {command[0]} {shlex.join(command[1])}' if command else ''

    def record(self) -> dict[str, Any]:
        """Return the settings that all cells share, recipe and flags in one, as JSON can hold them.

        Raises:
            TctError: they make no sense together, or a recipe has a setting that every cell has of its own.
        """
        probes = [Cell('student', 0, 'tight', 1.0, 'backbone', CLASSES[0])]
        probes += [Cell('teacher', 0, teacher_class=name) for name in CLASSES]
        found: dict[str, Any] = {}
        for probe in probes:
            config = self.config(probe)
            for name in OWN:
                if getattr(config, name) != OWN[name] and probe.kind == 'student':
                    raise TctError(
                        f'the recipe {self.recipe} sets {name}, which is for the ablation to choose: leave it out'
                    )
            found[config.model] = {**config.record(), 'backbone': str(config.backbone)}
            del found[config.model]['negatives']  # a path in the ablation's folder, which may move
        return found
