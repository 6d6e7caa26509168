# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a regression file holds once it is read: every path resolved, every measure under its canonical name."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Requires:
    """What a machine must have before a condition can run; sizes in bytes, ``None`` where nobody has measured."""

    modules: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    disk: int | None = None
    memory: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Topics:
    """A set of queries and its judgments: paths, or names after ``irds:`` or ``pyserini:``."""

    topics: str
    qrels: str


@dataclass(frozen=True)
class Artefact:
    """Something that one command builds once: an index, a checkpoint, vectors."""

    name: str
    command: str
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Pin:
    """One expected score; ``expected`` is ``None`` while nobody has measured it, ``also`` is what others say."""

    measure: str
    expected: float | None
    tolerance: float
    source: str | None
    also: tuple[float, ...] = ()
    note: str = ''


@dataclass(frozen=True)
class Ranks:
    """An expected run and how closely it must be met."""

    path: Path
    depth: int
    near_tie: float

    @property
    def measure(self) -> str:
        """The name under which it stands among the figures."""
        return f'ranks@{self.depth}'


@dataclass(frozen=True)
class Evaluation:
    """One set of queries under one condition."""

    topic_key: str
    eval_key: str
    pins: tuple[Pin, ...]
    ranks: Ranks | None


@dataclass(frozen=True)
class Condition:
    """One way to search: a command that writes a run for each set of queries."""

    name: str
    display: str
    command: str
    uses: tuple[str, ...]
    topics: tuple[Evaluation, ...]
    requires: Requires = Requires()


@dataclass(frozen=True)
class Spec:
    """A whole regression file; ``stock`` is one of Pyserini's own, whose pins are not ours to rewrite."""

    path: Path
    collection: str
    data: dict[str, str]
    topics: dict[str, Topics]
    artefacts: tuple[Artefact, ...]
    conditions: tuple[Condition, ...]
    seeds: dict[str, int] = field(default_factory=dict)
    stock: bool = False
