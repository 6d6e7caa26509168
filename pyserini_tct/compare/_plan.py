# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""From systems to the commands that build and run them, each with what it depends on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct._stages import Stage
from pyserini_tct.compare._collection import Collection


class System(NamedTuple):
    """A row of the table: its name in full, what must be given, and the indexes that it searches."""

    display: str
    needs: tuple[str, ...]
    indexes: tuple[str, ...]


SYSTEMS = {
    'bm25': System('BM25', (), ('bm25',)),
    'doc2query': System('BM25 + doc2query', ('predictions',), ('doc2query',)),
    'dense': System('student, flat', ('student',), ('flat',)),
    'dense-hnsw': System('student, HNSW', ('student',), ('hnsw',)),
    'colbert': System('BM25 + MaxSim (ColBERT two-stage)', ('teacher',), ('bm25', 'tokens')),
    'colbert-e2e': System('ColBERT end to end', ('teacher',), ('colbert-index',)),
    'hybrid': System('student + BM25', ('student', 'alpha'), ('flat', 'bm25')),
    'hybrid-doc2query': System('student + doc2query', ('student', 'predictions', 'alpha'), ('flat', 'doc2query')),
    'hybrid-maxsim': System('student + BM25 + MaxSim', ('student', 'teacher', 'alpha'), ('flat', 'bm25', 'tokens')),
    'bm25-cross': System('BM25 + cross-encoder', ('cross',), ('bm25',)),
}
GIVEN_BY = {
    'predictions': 'expansions.jsonl in the collection, or --predictions FILE',
    'student': '--student PATH',
    'teacher': '--teacher PATH',
    'cross': '--cross PATH',
    'alpha': '--alpha NUMBER or --tune-split SPLIT',
}
MODELS = ('student', 'teacher', 'cross')
SPARSE_OF = {'hybrid': 'bm25', 'hybrid-doc2query': 'doc2query'}


class Settings(NamedTuple):
    """What the table is of, beside the collection: models by their names, one alpha or the split to tune it on."""

    split: str
    student: str | None
    teacher: str | None
    cross: str | None
    alpha: float | None
    tune_split: str | None
    tune_measure: str
    hits: int
    depth: int
    device: str
    precision: str


class Step(NamedTuple):
    """A command with what it depends on: files, folders and names given by the user, and other steps."""

    stage: Stage
    sources: tuple[str, ...]
    uses: tuple[str, ...]


def select(asked: Sequence[str] | None, given: set[str]) -> tuple[list[str], dict[str, str]]:
    """Return the systems of the table, and why the others are left out.

    Args:
        asked: names; ``None``: all for which everything is given.
        given: of the keys of :data:`GIVEN_BY`.

    Raises:
        TctError: an unknown name, one twice, or one for which something is missing.
    """
    missing = {name: [need for need in system.needs if need not in given] for name, system in SYSTEMS.items()}
    wanting = {name: ' and '.join(GIVEN_BY[need] for need in needs) for name, needs in missing.items() if needs}
    for i, name in enumerate(asked or ()):
        if name not in SYSTEMS:
            raise TctError(f'the system {name!r} is unknown: choose from {", ".join(SYSTEMS)}')
        if name in (asked or ())[:i]:
            raise TctError(f'the system {name} is named twice: name it once')
        if name in wanting:
            raise TctError(f'the system {name} needs {wanting[name]}')
    return list(asked or (name for name in SYSTEMS if name not in wanting)), {} if asked else wanting


class Plan:
    """The steps that systems need, in an order in which they can be taken.

    Args:
        collection: what is searched.
        settings: models, split, depth.
        folder: everything that is made goes there.

    Attributes:
        steps: by name; indexes are ``bm25``, ``doc2query``, ``flat``, ``hnsw``, ``tokens`` and ``colbert-index``, runs
            ``SYSTEM.SPLIT``.
    """

    def __init__(self, collection: Collection, settings: Settings, folder: Path) -> None:
        self.collection, self.settings, self.folder = collection, settings, folder
        self.steps: dict[str, Step] = {}

    def index(self, name: str) -> Path:
        """Add what builds an index; return where it will be."""
        corpus, settings = self.collection.corpus, self.settings
        words: tuple[object, ...]
        out = self.folder / 'build' / name
        if name == 'bm25':
            return self._add(name, out, 'index.lucene', ('--corpus', corpus, '--index', out), (corpus,))
        if name == 'doc2query':
            source, predictions = out.with_name('expanded.jsonl'), str(self.collection.predictions)
            words = ('--corpus', corpus, '--predictions', predictions, '--output', source)
            self._add('expanded', source, 'expand', words, (corpus, predictions))
            return self._add(name, out, 'index.lucene', ('--corpus', source, '--index', out), (), 'expanded')
        if name == 'tokens':
            teacher = str(settings.teacher)
            words = ('--corpus', corpus, '--encoder', teacher, '--output', out)
            return self._add(name, out, 'encode.tokens', (*words, *self._computing), (teacher, corpus))
        if name == 'colbert-index':
            return self._add(
                name, out, 'index.colbert', ('--input', self.index('tokens'), '--output', out), (), 'tokens'
            )
        student, vectors = str(settings.student), out.with_name('vectors')
        groups = ('input', '--corpus', corpus, 'output', '--embeddings', vectors, 'encoder', '--encoder', student)
        self._add('vectors', vectors, 'encode', (*groups, *self._computing), (corpus, student))
        graph = ('--hnsw',) if name == 'hnsw' else ()
        return self._add(name, out, 'index.faiss', ('--input', vectors, '--output', out, *graph), (), 'vectors')

    def run(self, system: str, split: str | None = None) -> Path:
        """Add what makes the run of a system; return where it will be."""
        split, settings = split or self.settings.split, self.settings
        topics = self.collection.topics(split)
        out = self.folder / 'runs' / f'{system}.{split}.trec'
        words: tuple[object, ...] = ('--topics', topics, '--output', out, '--hits', settings.hits)
        dense = ('--encoder', str(settings.student), *self._computing)
        name, sources, uses = f'{system}.{split}', [topics], list(SYSTEMS[system].indexes)
        found = {index: self.index(index) for index in uses}
        if system in ('bm25', 'doc2query'):
            return self._add(name, out, 'search.lucene', ('--index', found[system], *words), sources, *uses)
        sources += [getattr(settings, need) for need in SYSTEMS[system].needs if need in MODELS]
        if system in ('dense', 'dense-hnsw'):
            return self._add(name, out, 'search.faiss', ('--index', found[uses[0]], *dense, *words), sources, *uses)
        if system == 'colbert-e2e':
            teacher = ('--encoder', settings.teacher, *self._computing)
            return self._add(name, out, 'search.colbert', ('--index', found[uses[0]], *teacher, *words), sources, *uses)
        if system in SPARSE_OF:
            alpha, tuned = self._alpha(system)
            sparse = ('sparse', '--index', found[SPARSE_OF[system]])
            groups = ('dense', '--index', found['flat'], *dense, *sparse)
            fusion = ('fusion', '--alpha', alpha, '--hits', settings.hits, 'run')
            return self._add(name, out, 'search.hybrid', (*groups, *fusion, *words), sources, *uses, *tuned)
        first = 'hybrid' if system == 'hybrid-maxsim' else 'bm25'
        model = ('--cross', settings.cross) if system == 'bm25-cross' else ('--maxsim', settings.teacher)
        texts = ('--tokens', found['tokens']) if 'tokens' in found else ('--corpus', self.collection.corpus)
        words = (*model, '--run', self.run(first, split), *texts,
                 '--depth', settings.depth, *self._computing, *words)  # fmt: skip
        sources.append(self.collection.corpus)
        return self._add(name, out, 'search.rerank', words, sources, f'{first}.{split}', *uses)

    @property
    def _computing(self) -> tuple[str, ...]:
        """Return the flags that every command with a model takes."""
        return '--device', self.settings.device, '--precision', self.settings.precision

    def alpha_file(self, system: str) -> Path:
        """Return where the tuned alpha of a hybrid is."""
        return self.folder / f'alpha.{system}.json'

    def needed(self, name: str) -> list[str]:
        """Return the steps that one needs, itself the last."""
        found: dict[str, None] = {}
        for use in self.steps[name].uses:
            found |= dict.fromkeys(self.needed(use))
        return [*found, name]

    def _alpha(self, system: str) -> tuple[str, tuple[str, ...]]:
        """Return the value of ``--alpha``, and the steps that make it."""
        settings, sparse, out = self.settings, SPARSE_OF[system], self.alpha_file(system)
        if settings.tune_split is None:
            return str(settings.alpha), ()
        sides = {side: self.run(of, settings.tune_split) for side, of in (('dense', 'dense'), ('sparse', sparse))}
        qrels, name = self.collection.qrels(settings.tune_split), f'alpha.{system}'
        words = ('--dense', sides['dense'], '--sparse', sides['sparse'], '--qrels', qrels,
                 '--measure', settings.tune_measure, '--output', out)  # fmt: skip
        runs = [f'{of}.{settings.tune_split}' for of in ('dense', sparse)]
        self._add(name, out, 'fusion.tune', words, (qrels,), *runs)
        return f'@{out}', (name,)

    def _add(
        self, name: str, out: Path, module: str, words: Sequence[object], sources: Sequence[str], *uses: str
    ) -> Path:
        stage = Stage(name, out, f'pyserini_tct.{module}', tuple(map(str, words)))
        self.steps.setdefault(name, Step(stage, tuple(sources), uses))
        return out
