# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where a collection's corpus, topics, judgments and predicted queries are: a folder laid out as pocket's, or irds."""

from pathlib import Path
from typing import NamedTuple

from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS
from pyserini_tct.topics import read_qrels, read_topics

CORPORA = ('corpus.jsonl', 'corpus.jsonl.gz')
PREDICTIONS = 'expansions.jsonl'
WHOLE = 'all'  # the split of a data set of ir_datasets that brings its own topics and judgments


class Collection(NamedTuple):
    """A collection; its members are what the commands take as ``--corpus``, ``--topics`` and ``--qrels``."""

    source: str
    corpus: str
    predictions: str | None

    def topics(self, split: str) -> str:
        """Return the topics of a split."""
        return self._part('queries', split, 'tsv')

    def qrels(self, split: str) -> str:
        """Return the judgments of a split."""
        return self._part('qrels', split, 'txt')

    def _part(self, kind: str, split: str, suffix: str) -> str:
        if self.source.startswith(IRDS):
            return self.source if split == WHOLE else f'{self.source}/{split}'
        path = Path(self.source, f'{kind}.{split}.{suffix}')
        if not path.is_file():
            found = sorted(file.name.split('.')[1] for file in Path(self.source).glob(f'{kind}.*.{suffix}'))
            raise TctError(f'{path} does not exist: the splits with {kind} are {", ".join(found) or "none"}')
        return str(path)


def open_collection(source: str, predictions: str | None = None) -> Collection:
    """Return a collection.

    Args:
        source: a folder with ``corpus.jsonl`` (or ``.gz``), ``queries.SPLIT.tsv`` and ``qrels.SPLIT.txt``; or
            ``irds:NAME``, whose splits are ``irds:NAME/SPLIT``; its own
            topics and judgments are the split ``all``.
        predictions: predicted queries; ``None``: the folder's ``expansions.jsonl``, if there is one.

    Raises:
        TctError: there is no such folder or file.
    """
    if predictions and not Path(predictions).is_file():
        raise TctError(f'--predictions {predictions} does not exist: check the path')
    if source.startswith(IRDS):
        return Collection(source.rstrip('/'), source.rstrip('/'), predictions)
    corpus = next((path for name in CORPORA if (path := Path(source, name)).is_file()), None)
    if corpus is None:
        raise TctError(f'--collection {source} has no {" or ".join(CORPORA)}: name a folder laid out as pocket is')
    own = Path(source, PREDICTIONS)
    return Collection(source, str(corpus), predictions or (str(own) if own.is_file() else None))


def judged_topics(collection: Collection, split: str) -> dict[str, str]:
    """Return the topics of a split.

    Raises:
        TctError: topics or judgments are missing or malformed, or none of the topics is judged.
    """
    topics = read_topics(collection.topics(split))
    if topics.keys().isdisjoint(read_qrels(collection.qrels(split))):
        raise TctError(
            f'{collection.qrels(split)} judges none of the topics in {collection.topics(split)}: check that they '
            'belong together'
        )
    return topics


def refuse_shared(collection: Collection, split: str, tune_split: str) -> None:
    """Refuse to tune on what is reported.

    Raises:
        TctError: both splits are the same, or share queries.
    """
    if split == tune_split:
        raise TctError(
            f'--tune-split {split} is the split that is reported: tune alpha on another one, or give --alpha'
        )
    shared = judged_topics(collection, split).items() & judged_topics(collection, tune_split).items()
    if shared:
        raise TctError(
            f'the splits {split} and {tune_split} share {len(shared)} queries, such as {min(shared)[0]}: tune alpha on '
            'queries that are not reported, or give --alpha'
        )
