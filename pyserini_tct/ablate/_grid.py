# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Which cells an ablation has: the choices crossed, and what has no effect collapsed. Nothing is read or run here."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct.train._checks import CHOICES
from pyserini_tct.train._config import COUPLINGS

KINDS = ('bm25', 'untrained', 'teacher', 'maxsim', 'student')
CLASSES = ('colbert', 'cross')
MOST_SEEDS = 1000


class Cell(NamedTuple):
    """A model, or BM25, that is evaluated; what its kind does not have is empty.

    ``kind`` is ``bm25``, ``untrained``, ``teacher`` (re-ranks BM25), ``maxsim`` (the same ColBERT over whole corpora)
    or ``student``; ``init`` is ``backbone`` or ``teacher``.
    """

    kind: str
    seed: int | None = None
    coupling: str = ''
    temperature: float | None = None
    init: str = ''
    teacher_class: str = ''

    @property
    def row(self) -> str:
        """The setting, whatever its seed: a row of the table."""
        if self.kind == 'student':
            taught = () if self.temperature is None else (f't{self.temperature:g}',)
            return '-'.join(filter(None, (self.coupling, *taught, self.teacher_class, f'from_{self.init}')))
        return f'{self.kind}-{self.teacher_class}' if self.teacher_class else self.kind

    @property
    def name(self) -> str:
        """The name of the cell's files."""
        return self.row if self.seed is None else f'{self.row}-s{self.seed}'

    @property
    def model(self) -> str:
        """The folder of the cell's model; stock Pyserini knows a student by its name."""
        if self.kind == 'maxsim':
            return self._replace(kind='teacher').name
        return f'tct_colbert-{self.name}' if self.kind in ('student', 'untrained') else self.name

    @property
    def teacher(self) -> 'Cell | None':
        """The cell whose model has to be there before this one."""
        if self.kind == 'maxsim' or (self.kind == 'student' and self.teacher_class):
            return Cell('teacher', self.seed, teacher_class=self.teacher_class)
        return None

    @property
    def place(self) -> tuple[Any, ...]:
        """Where the cell stands in a table, whatever the order in which cells were asked for."""
        coupling = [*COUPLINGS].index(self.coupling) if self.coupling else 0
        setting = (self.init, coupling, self.teacher_class, self.temperature or 0.0)
        return KINDS.index(self.kind), *setting, -1 if self.seed is None else self.seed

    @property
    def baseline(self) -> str:
        """The row of the student without soft labels that starts from the same weights."""
        if self.kind != 'student' or self.coupling == 'none':
            return ''
        start = self.teacher_class if self.init == 'teacher' else ''
        return Cell('student', self.seed, 'none', None, self.init, start).row


class Choices(NamedTuple):
    """What is crossed."""

    couplings: tuple[str, ...]
    temperatures: tuple[float, ...]
    inits: tuple[str, ...]
    classes: tuple[str, ...]
    seeds: int

    def cells(self, full_maxsim: bool) -> list[Cell]:
        """Return the cells in the order in which they can be run.

        Args:
            full_maxsim: whether a corpus is small enough for a ColBERT to score all of it.
        """
        found = [Cell('bm25'), Cell('untrained')]
        for seed in range(self.seeds):
            students = [Cell('student', seed, *settings) for settings in self._students()]
            teachers = list(dict.fromkeys(cell.teacher for cell in students if cell.teacher))
            for teacher in teachers:
                found.append(teacher)
                if full_maxsim and teacher.teacher_class == 'colbert':
                    found.append(teacher._replace(kind='maxsim'))
            found += students
        return found

    def _students(self) -> list[tuple[str, float | None, str, str]]:
        """Return coupling, temperature, start and class: without soft labels only the start's origin counts."""
        found: list[tuple[str, float | None, str, str]] = []
        for init in self.inits:
            for coupling in self.couplings:
                if coupling == 'none':
                    found += [(coupling, None, init, name) for name in (self.classes if init == 'teacher' else ('',))]
                else:
                    found += [(coupling, t, init, name) for name in self.classes for t in self.temperatures]
        return found

    def collapsed(self) -> str:
        """Return a sentence on what the grid leaves out, empty where that is nothing."""
        whole = len(self.couplings) * len(self.temperatures) * len(self.inits) * len(self.classes)
        left = whole - len(self._students())
        if not left:
            return ''
        return (
            f'note: none has no teacher and no temperature, so it is run once for each start and seed: {left} of '
            f'{whole} settings fall together with others'
        )


def choices(couplings: str, temperatures: str, inits: str, classes: str, seeds: str) -> Choices:
    """Parse what the flags say; several values stand with commas between them.

    Raises:
        TctError: something is unknown, given twice, or no number in its range.
    """
    count = int(seeds) if seeds.isdecimal() and len(seeds) < 6 else 0
    if not 1 <= count <= MOST_SEEDS:
        raise TctError(f'--seeds {seeds}: the number of seeds is a whole number from 1 to {MOST_SEEDS}')
    return Choices(
        _several('--coupling', couplings, _one_of('--coupling', tuple(COUPLINGS))),
        _several('--temperature', temperatures, _temperature),
        _several('--student-init', inits, _one_of('--student-init', CHOICES['student_init'])),
        _several('--teacher-class', classes, _one_of('--teacher-class', CLASSES)),
        count,
    )


def _several(flag: str, text: str, parse: Callable[[str], Any]) -> tuple[Any, ...]:
    found = tuple(parse(part.strip()) for part in text.split(','))
    twice = next((part for i, part in enumerate(found) if part in found[:i]), None)
    if twice is not None:
        raise TctError(f'{flag} {text} names {twice} twice: name it once')
    return found


def _one_of(flag: str, known: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise TctError(f'{flag} {text!r} is unknown: choose from {", ".join(known)}, with commas between them')
        return text

    return parse


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise TctError(f'--temperature {text!r} is no number above 0')
    return value
