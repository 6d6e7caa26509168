# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a regression file holds once it is read: every path resolved, every measure under its canonical name."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Topics:
    """A set of queries and its judgments: paths, or ``irds:`` names."""

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
    """One expected score; ``expected`` is ``None`` while nobody has measured it."""

    measure: str
    expected: float | None
    tolerance: float
    source: str | None


@dataclass(frozen=True)
class Ranks:
    """An expected run and how closely it must be met."""

    path: Path
    depth: int
    near_tie: float


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


@dataclass(frozen=True)
class Spec:
    """A whole regression file."""

    path: Path
    collection: str
    requires: tuple[str, ...]
    data: dict[str, str]
    topics: dict[str, Topics]
    artefacts: tuple[Artefact, ...]
    conditions: tuple[Condition, ...]
