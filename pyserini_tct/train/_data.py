# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Training data: triples, or corpus, queries and judgments, as batches that depend on nothing but seed and step.

A batch of B queries has B positives and, where there are negatives, B times as many of these; every query is scored
against all of them. Passages known to be relevant for a query are marked, so that none counts as its negative.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.runs import read_run
from pyserini_tct.topics import read_qrels, read_topics


class Sample(NamedTuple):
    """A query with its positive and the negatives it may be given, as rows of the data's lists."""

    query: int
    positive: int
    negatives: tuple[int, ...]


class Batch(NamedTuple):
    """What a step trains on; ``B`` queries, ``P`` candidates of which the first ``B`` are the positives in order."""

    names: list[str]
    query_rows: list[int]
    passage_rows: list[int]
    queries: list[str]
    passages: list[Passage]
    own: np.ndarray  # (B, P) bool: given for this query
    excluded: np.ndarray  # (B, P) bool: known to be relevant, and not the positive trained on


class TrainingData:
    """Queries, passages and samples in memory.

    Args:
        names: query ids, for messages.
        queries: texts.
        passages: texts.
        samples: what a step draws from.
        relevant: for each query the rows of passages known to be relevant.
        negatives_per_query: drawn from a sample's negatives in each batch (0: in-batch negatives only).
    """

    def __init__(
        self,
        names: list[str],
        queries: list[str],
        passages: list[Passage],
        samples: list[Sample],
        relevant: list[set[int]],
        negatives_per_query: int,
    ) -> None:
        self.names, self.queries, self.passages = names, queries, passages
        self.samples, self.relevant, self.negatives_per_query = samples, relevant, negatives_per_query

    def batch_at(self, step: int, size: int, seed: int) -> Batch:
        """Return the batch of a step: each epoch is a new permutation, and a resumed run sees the same."""
        total = len(self.samples)
        picked: list[tuple[Sample, Any]] = []
        for position in range(step * size, (step + 1) * size):
            epoch, place = divmod(position, total)
            sample = self.samples[self._order(epoch, seed)[place]]
            chance = np.random.default_rng([seed, 1, position])
            count = min(self.negatives_per_query, len(sample.negatives))
            picked.append((sample, chance.choice(len(sample.negatives), count, replace=False) if count else []))
        rows = [sample.positive for sample, _ in picked]
        owners = list(range(size))
        for i, (sample, chosen) in enumerate(picked):
            rows += [sample.negatives[int(place)] for place in chosen]
            owners += [i] * len(chosen)
        own = np.array(owners)[None, :] == np.arange(size)[:, None]
        target = np.eye(size, len(rows), dtype=bool)
        known = np.array([[row in self.relevant[sample.query] for row in rows] for sample, _ in picked])
        query_rows = [sample.query for sample, _ in picked]
        return Batch(
            [self.names[row] for row in query_rows],
            query_rows,
            rows,
            [self.queries[row] for row in query_rows],
            [self.passages[row] for row in rows],
            own,
            known & ~target,
        )

    def _order(self, epoch: int, seed: int) -> np.ndarray:
        if getattr(self, '_cached', (None,))[0] != (epoch, seed):
            self._cached = ((epoch, seed), np.random.default_rng([seed, 0, epoch]).permutation(len(self.samples)))
        return self._cached[1]


def read_triples(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, [query, positive, negative])``.

    Raises:
        TctError: a line without three columns or with an empty one, or no line at all; file and line are named.
    """
    number = 0
    for number, line in numbered_lines(path):
        columns = [column.strip() for column in line.split('\t')]
        if len(columns) != 3:
            raise TctError(f'{path}: line {number} has {len(columns)} columns: a triple is query, positive, negative')
        if not all(columns):
            name = ('query', 'positive', 'negative')[columns.index('')]
            raise TctError(f'{path}: line {number} has an empty {name}: remove the line')
        yield number, columns
    if not number:
        raise TctError(f'{path} is empty: at least one triple is needed')


def from_triples(path: Path) -> TrainingData:
    """Read triples of texts (MS MARCO's ``triples.train.small.tsv``), each text kept once.

    Raises:
        TctError: see :func:`read_triples`; or the columns are ids.
    """
    queries: dict[str, int] = {}
    texts: dict[str, int] = {}
    samples: list[Sample] = []
    relevant: list[set[int]] = []
    for number, columns in read_triples(path):
        if all(column.isdecimal() for column in columns):
            raise TctError(f'{path}: line {number} holds ids, not texts: add --corpus and --queries')
        row = queries.setdefault(columns[0], len(queries))
        if row == len(relevant):
            relevant.append(set())
        good, bad = (texts.setdefault(text, len(texts)) for text in columns[1:])
        relevant[row].add(good)
        samples.append(Sample(row, good, (bad,)))
    passages = [Passage(str(row), text) for row, text in enumerate(texts)]
    return TrainingData([f'line of {query[:40]!r}' for query in queries], list(queries), passages, samples, relevant, 1)


def from_id_triples(path: Path, corpus: Path, queries: Path, qrels: Path | None) -> TrainingData:
    """Read triples of ids (MS MARCO's ``qidpidtriples``), with the judgments that mask known relevant passages, if any.

    Raises:
        TctError: see :func:`read_triples`; or an id that queries or corpus do not have, with its line.
    """
    topics, passages = read_topics(queries), list(read_corpus(corpus))
    ids = {qid: row for row, qid in enumerate(topics)}
    rows = {passage.docid: row for row, passage in enumerate(passages)}
    samples: list[Sample] = []
    relevant: list[set[int]] = [set() for _ in topics]
    for qid, grades in (read_qrels(qrels) if qrels else {}).items():
        if qid not in ids:
            raise TctError(f'{qrels} judges query {qid}, which {queries} does not have')
        relevant[ids[qid]] |= {rows[docid] for docid, grade in grades.items() if grade > 0 and docid in rows}
    for number, (qid, good, bad) in read_triples(path):
        for name, known, file in ((qid, ids, queries), (good, rows, corpus), (bad, rows, corpus)):
            if name not in known:
                raise TctError(f'{path}: line {number} names {name}, which {file} does not have')
        relevant[ids[qid]].add(rows[good])
        samples.append(Sample(ids[qid], rows[good], (rows[bad],)))
    return TrainingData(list(topics), list(topics.values()), passages, samples, relevant, 1)


def from_qrels(
    corpus: Path, queries: Path, qrels: Path, negatives: Path | None, depth: int = 50, per_query: int = 1
) -> TrainingData:
    """Read a corpus, its training topics and judgments, with hard negatives from a run if there is one.

    Args:
        corpus: see :func:`pyserini_tct.collection.read_corpus`.
        queries: topics.
        qrels: grades of at least 1 make a positive.
        negatives: run file; its best ``depth`` passages that are not relevant are a query's negatives.
        depth: see above.
        per_query: negatives in a batch for each query.

    Raises:
        TctError: an id in the judgments or the run that queries or corpus do not have, or nothing to train on.
    """
    topics, judged = read_topics(queries), read_qrels(qrels)
    passages = list(read_corpus(corpus))
    rows = {passage.docid: row for row, passage in enumerate(passages)}
    ids = {qid: row for row, qid in enumerate(topics)}
    run = read_run(negatives) if negatives else {}
    if negatives and not run.keys() & ids.keys():
        raise TctError(f'{negatives} has none of the queries of {queries}: name a run of the training queries')
    relevant: list[set[int]] = [set() for _ in topics]
    for qid, grades in judged.items():
        if qid not in ids:
            raise TctError(f'{qrels} judges query {qid}, which {queries} does not have')
        for docid, grade in grades.items():
            if docid not in rows:
                raise TctError(f'{qrels} judges passage {docid} for query {qid}, which {corpus} does not have')
            if grade > 0:
                relevant[ids[qid]].add(rows[docid])
    samples, without = [], 0
    for qid, row in ids.items():
        ranked = sorted(run.get(qid, {}).items(), key=lambda pair: (-pair[1], pair[0]))[:depth]
        unknown = next((docid for docid, _ in ranked if docid not in rows), None)
        if unknown is not None:
            raise TctError(f'{negatives} lists passage {unknown} for query {qid}, which {corpus} does not have')
        hard = tuple(rows[docid] for docid, _ in ranked if rows[docid] not in relevant[row])
        without += bool(negatives and not hard and relevant[row])
        blank = next(
            (docid for docid in (passages[r].docid for r in relevant[row] if not passages[r].contents.strip())), None
        )
        if blank is not None:
            raise TctError(
                f'{qrels} calls {blank} relevant for query {qid}, but it has no text in {corpus}: remove one'
            )
        samples += [Sample(row, positive, hard) for positive in sorted(relevant[row])]
    if without:
        note(f'note: {without} queries have no hard negative in {negatives}; they see in-batch negatives only')
    if not samples:
        raise TctError(f'{qrels} has no positive judgment to train on')
    return TrainingData(list(topics), list(topics.values()), passages, samples, relevant, per_query if negatives else 0)
