# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""From names of checkpoints, or files of scores, to one teacher; a checkpoint's kind is seen from its files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.models import _weights, colbert, cross, student
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.models.student import Student
from pyserini_tct.models.teachers.base import Teacher
from pyserini_tct.models.teachers.bi import BiEncoder
from pyserini_tct.models.teachers.cross import CrossTeacher
from pyserini_tct.models.teachers.ensemble import Ensemble
from pyserini_tct.models.teachers.late import CachedTeacher, LiveTeacher
from pyserini_tct.models.teachers.stored import StoredTeacher

Model = ColBert | CrossEncoder | Student


class Kind(NamedTuple):
    """A kind of checkpoint that can teach.

    ``shown_by`` tells it from a folder and the name it was given by; ``load`` reads it; ``live`` makes a teacher of
    the model, a precision and a dropout; ``encoder`` makes of the model what encodes texts apart, so that its vectors
    can be cached (``None``: it cannot).
    """

    shown_by: Callable[[Path, str], bool]
    load: Callable[[str, str], Any]
    live: Callable[[Any, str, float], Teacher]
    encoder: Callable[[Any], Any] | None


class Texts(NamedTuple):
    """What a teacher may be asked about.

    Query ids and texts, passages, and the passages' rows in use (``None``: all); ``asked`` gives query ids with docids
    that will be asked for, which stored scores are checked for at once, not when a step comes to them.
    """

    names: Sequence[str]
    queries: Sequence[str]
    passages: Sequence[Passage]
    used: Sequence[int] | None = None
    asked: Callable[[], Iterable[tuple[str, Sequence[str]]]] = tuple


def _has(folder: Path, *names: str) -> bool:
    return any((folder / name).exists() for name in names)


KINDS = {
    'ColBERT': Kind(
        lambda folder, _: _has(folder, 'colbert.json', 'artifact.metadata'),
        colbert.load,
        LiveTeacher,
        lambda model: model,
    ),
    'cross-encoder': Kind(
        lambda folder, _: _has(folder, 'cross.json') or 'classifier.weight' in _weights.names(_weights.find(folder)),
        cross.load,
        CrossTeacher,
        None,
    ),
    # Published students have no tct.json; Pyserini knows them by their name as well.
    'bi-encoder': Kind(
        lambda folder, name: _has(folder, 'tct.json') or 'tct_colbert' in name.lower(),
        student.load,
        lambda model, precision, dropout: LiveTeacher(BiEncoder(model), precision, dropout),
        BiEncoder,
    ),
}


def kind_of(name: str) -> str:
    """Return the kind of a checkpoint, a key of :data:`KINDS`.

    Raises:
        TctError: nothing is there, or it is a checkpoint of no kind that can teach.
    """
    folder = _weights.resolve(name)
    found = next((kind for kind, traits in KINDS.items() if traits.shown_by(folder, name)), None)
    if found is None:
        raise TctError(
            f'{name} is no teacher: it has neither colbert.json or artifact.metadata (ColBERT), nor cross.json or a '
            'classifier (cross-encoder), nor tct.json (bi-encoder)'
        )
    return found


def load(name: str, device: str = 'cpu') -> Model:
    """Load a checkpoint of any kind that can teach.

    Raises:
        TctError: see :func:`kind_of`, or its files are damaged.
    """
    return KINDS[kind_of(name)].load(name, device)


def open_teacher(
    sources: Sequence[str | Path],
    scores: str,
    texts: Texts,
    cache: Path,
    weights: Sequence[float] = (),
    device: str = 'cpu',
    precision: str = 'fp32',
    dropout: float = 0.0,
) -> Teacher:
    """Return a teacher, or the ensemble of several.

    Args:
        sources: names of checkpoints, or files of scores.
        scores: ``live``, ``cached`` (vectors computed once) or ``stored`` (read from files).
        texts: of the training data.
        cache: folder for vectors that are cached.
        weights: of an ensemble's members; left out: equal.
        device: of the models.
        precision: of their encoders.
        dropout: of live teachers.

    Raises:
        TctError: a source is unusable, or cannot be cached.
    """

    def member(source: str | Path) -> Teacher:
        if scores == 'stored':
            stored = StoredTeacher(Path(source), texts.names)
            for qid, docids in texts.asked():
                stored.check(qid, docids)
            return stored
        kind = KINDS[kind_of(str(source))]
        if scores == 'live':
            return kind.live(kind.load(str(source), device), precision, dropout)
        if kind.encoder is None:
            raise TctError(
                f'{source} is a {kind_of(str(source))}, whose scores are of pairs: nothing can be cached beforehand, '
                'choose --teacher-scores live or stored'
            )
        encoder = kind.encoder(kind.load(str(source), device))
        return CachedTeacher(encoder, texts.queries, texts.passages, cache, precision, texts.used)

    members = [member(source) for source in sources]
    return members[0] if len(members) == 1 else Ensemble(members, weights)
