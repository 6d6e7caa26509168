# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The data of an ablation: collections joined for training, each one's dev queries for evaluation, BM25 for both.

In: folders with ``corpus.jsonl`` (or ``.gz``), ``queries.SPLIT.tsv`` and ``qrels.SPLIT.txt``. Out: one folder of plain
files that every cell reads; ids of the training data begin with the name of their collection.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _atomic
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct._files import sha256
from pyserini_tct.collection import read_corpus
from pyserini_tct.runs import read_run, write_run
from pyserini_tct.topics import read_qrels, read_topics

SEED = 0  # of the sample of dev queries


class Collection(NamedTuple):
    """A folder, and the split that is evaluated; ``trained`` tells whether it is trained on too."""

    folder: Path
    split: str
    trained: bool

    @property
    def name(self) -> str:
        """The folder's name; with the split where that is not ``dev``."""
        return self.folder.name if self.split == 'dev' else f'{self.folder.name}:{self.split}'

    @property
    def stem(self) -> str:
        """The beginning of the names of its files."""
        return f'{self.folder.name}.{self.split}'

    @property
    def corpus(self) -> Path:
        """The file of its passages."""
        plain = self.folder / 'corpus.jsonl'
        return plain if plain.exists() else self.folder / 'corpus.jsonl.gz'

    def file(self, kind: str, split: str) -> Path:
        """Return its ``queries`` or ``qrels`` of a split."""
        return self.folder / f'{kind}.{split}.{"tsv" if kind == "queries" else "txt"}'

    def splits(self) -> tuple[str, ...]:
        """Return the splits that are read."""
        return ('train', self.split) if self.trained else (self.split,)

    def files(self) -> list[Path]:
        """Return every file that is read."""
        return [self.corpus, *(self.file(kind, split) for split in self.splits() for kind in ('queries', 'qrels'))]


def collections(trained: Sequence[str], evaluated: Sequence[str]) -> list[Collection]:
    """Return the collections that the flags name, those trained on first.

    Args:
        trained: folders.
        evaluated: ``FOLDER`` or ``FOLDER:SPLIT``.

    Raises:
        TctError: a folder or a file is missing, or a name stands twice.
    """
    found = [Collection(_folder(text), 'dev', True) for text in trained]
    for text in evaluated:
        folder, colon, split = text.rpartition(':')
        given = (folder, split) if colon and '/' not in split and not Path(text).is_dir() else (text, 'dev')
        found.append(Collection(_folder(given[0]), given[1], False))
    for i, collection in enumerate(found):
        if collection.stem in [other.stem for other in found[:i]]:
            raise TctError(
                f'two collections are called {collection.name}: their ids and files go by the name of the folder, so '
                'rename one or name it once'
            )
        if collection.name.split() != [collection.name] or '/' in collection.split:
            raise TctError(f'the collection {collection.name!r} has white space or / in its name: rename it')
        for file in collection.files():
            if not file.is_file():
                raise TctError(f'{file} does not exist: a collection needs it, or name another folder or split')
    return found


def _folder(text: str) -> Path:
    folder = Path(text).resolve()
    if not folder.is_dir():
        raise TctError(f'{text} is no folder: a collection is a folder with corpus.jsonl, queries and qrels')
    return folder


def digests(found: Sequence[Collection]) -> dict[str, str]:
    """Return the SHA-256 of every file that is read, by the collection's name and the file's."""
    return {f'{c.folder.name}/{file.name}': sha256(file) for c in found for file in c.files()}


def judged(collection: Collection, split: str) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Return the queries of a split that have a relevant passage, and the judgments of these.

    Raises:
        TctError: there is none, or its relevant passages are not in the corpus.
    """
    path = collection.file('qrels', split)
    topics, qrels = read_topics(collection.file('queries', split)), read_qrels(path)
    kept = {qid: text for qid, text in topics.items() if any(grade > 0 for grade in qrels.get(qid, {}).values())}
    if not kept:
        raise TctError(f'{path} calls no passage relevant for a query of {collection.file("queries", split).name}')
    return kept, {qid: qrels[qid] for qid in kept}


def prepare(found: Sequence[Collection], data: Path, dev_queries: int, depth: int, hits: int) -> list[dict[str, Any]]:
    """Write everything that the cells read; a folder that exists is taken as it is.

    Args:
        found: the collections.
        data: new folder.
        dev_queries: most queries a collection, a fixed sample of them (0: all).
        depth: of the BM25 negatives.
        hits: of the BM25 runs of the dev queries.

    Returns:
        For each collection its name, files, number of passages and queries, and whether it is trained on.

    Raises:
        TctError: bad data, or BM25 failed.
    """
    listed = data / 'collections.json'
    if not listed.exists():
        for collection in found:  # before anything takes time
            for split in collection.splits():
                judged(collection, split)
        with _atomic.atomic_folder(data) as folder:
            _join([collection for collection in found if collection.trained], folder, depth)
            written = [_evaluated(collection, folder, dev_queries, hits) for collection in found]
            _atomic.write_json(folder / listed.name, {'collections': written})
    content = json.loads(listed.read_text(encoding='utf-8'))['collections']
    return [{**entry, 'corpus': str(collection.corpus)} for entry, collection in zip(content, found, strict=True)]


def _join(trained: Sequence[Collection], folder: Path, depth: int) -> None:
    with (
        _atomic.atomic_file(folder / 'train.corpus.jsonl') as corpus,
        _atomic.atomic_file(folder / 'train.queries.tsv') as queries,
        _atomic.atomic_file(folder / 'train.qrels.txt') as qrels,
    ):
        negatives: dict[str, dict[str, float]] = {}
        for collection in trained:
            name, known = collection.folder.name, set()
            for passage in read_corpus(collection.corpus):
                known.add(passage.docid)
                title = {'title': passage.title} if passage.title else {}
                line = {'id': f'{name}/{passage.docid}', **title, 'text': passage.text}
                corpus.write(json.dumps(line, ensure_ascii=False) + '\n')
            topics, grades = judged(collection, 'train')
            for qid, text in topics.items():
                queries.write(f'{name}/{qid}\t{text}\n')
                for docid, grade in grades[qid].items():
                    if docid not in known:
                        raise TctError(
                            f'{collection.file("qrels", "train")} judges passage {docid} for query {qid}, which '
                            f'{collection.corpus} does not have'
                        )
                    qrels.write(f'{name}/{qid} 0 {name}/{docid} {grade}\n')
            run = _bm25(collection, collection.file('queries', 'train'), folder / f'{name}.train.bm25.trec', depth)
            negatives |= {
                f'{name}/{qid}': {f'{name}/{docid}': score for docid, score in scores.items()}
                for qid, scores in run.items()
                if qid in topics
            }
    write_run(folder / 'train.negatives.trec', negatives, 'bm25')


def _evaluated(collection: Collection, folder: Path, most: int, hits: int) -> dict[str, Any]:
    topics, qrels = judged(collection, collection.split)
    whole = len(topics)
    if most and most < whole:
        kept = sorted(np.random.default_rng(SEED).permutation(whole)[:most].tolist())
        listed = list(topics.items())
        topics = dict(listed[place] for place in kept)
    files = {kind: f'{collection.stem}.{kind}' for kind in ('queries.tsv', 'qrels.txt', 'bm25.trec')}
    with _atomic.atomic_file(folder / files['queries.tsv']) as out:
        out.writelines(f'{qid}\t{text}\n' for qid, text in topics.items())
    with _atomic.atomic_file(folder / files['qrels.txt']) as out:
        out.writelines(f'{q} 0 {docid} {grade}\n' for q in topics for docid, grade in qrels[q].items())
    _bm25(collection, folder / files['queries.tsv'], folder / files['bm25.trec'], hits)
    return {
        'name': collection.name,
        'trained': collection.trained,
        'passages': sum(1 for _ in read_corpus(collection.corpus)),
        'queries': len(topics),
        'of': whole,
        **{f'{kind.split(".")[0]}_file': name for kind, name in files.items()},
    }


def _bm25(collection: Collection, topics: Path, output: Path, depth: int) -> dict[str, dict[str, float]]:
    """Search a collection by BM25 in a process of its own: nothing may fork after a JVM has started."""
    note(f'BM25: {collection.name}, {topics.name} ...')
    words = ['--corpus', collection.corpus, '--topics', topics, '--output', output, '--depth', depth]
    command = [sys.executable, '-m', 'pyserini_tct.mine', *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        cause = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), 'no message')
        raise TctError(f'BM25 over {collection.corpus} failed: {cause.removeprefix("error: ")}')
    return read_run(output)
