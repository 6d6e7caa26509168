# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Corpus, queries and judgments as batches that depend on nothing but data, seed and step.

A batch of B queries has B positives and, where there are negatives, B times as many of these; every query is scored
against all of them. Passages known to be relevant for a query are marked, so that none counts as its negative.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
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


def masks(owners: list[int], known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch's ``own`` and ``excluded``.

    Args:
        owners: the query that each candidate was given for, ``(P,)``; the first ``B`` are ``0 .. B - 1``.
        known: candidates known to be relevant, ``(B, P)``.
    """
    queries, candidates = known.shape
    own = np.array(owners)[None, :] == np.arange(queries)[:, None]
    return own, known & ~np.eye(queries, candidates, dtype=bool)


class TrainingData:
    """Queries, passages and samples in memory.

    Args:
        names: query ids, for messages.
        queries: texts.
        passages: texts.
        samples: what a step draws from.
        relevant: for each query the rows of passages known to be relevant.
        negatives_per_query: drawn from a sample's negatives in each batch.
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
        known = np.array([[row in self.relevant[sample.query] for row in rows] for sample, _ in picked])
        query_rows = [sample.query for sample, _ in picked]
        return Batch(
            [self.names[row] for row in query_rows],
            query_rows,
            rows,
            [self.queries[row] for row in query_rows],
            [self.passages[row] for row in rows],
            *masks(owners, known),
        )

    def used_rows(self) -> list[int]:
        """Return the rows of all passages that a batch can hold, ascending."""
        return sorted({row for sample in self.samples for row in (sample.positive, *sample.negatives)})

    def own_candidates(self) -> Iterator[tuple[str, list[str]]]:
        """Yield query ids with the docids that a batch can hold as their own."""
        for sample in self.samples:
            yield self.names[sample.query], [self.passages[row].docid for row in (sample.positive, *sample.negatives)]

    def replace_negatives(self, ranked: np.ndarray) -> None:
        """Give every sample other negatives: its query's passages in ``ranked`` that are not relevant.

        Args:
            ranked: rows of passages for each query, ``(queries, depth)``, -1 where there is none.
        """
        hard = [
            tuple(row for row in found if row >= 0 and row not in known)
            for found, known in zip(ranked.tolist(), self.relevant, strict=True)
        ]
        self.samples = [sample._replace(negatives=hard[sample.query]) for sample in self.samples]

    def _order(self, epoch: int, seed: int) -> np.ndarray:
        if getattr(self, '_cached', (None,))[0] != (epoch, seed):
            self._cached = ((epoch, seed), np.random.default_rng([seed, 0, epoch]).permutation(len(self.samples)))
        return self._cached[1]


def from_qrels(
    corpus: Path, queries: Path, qrels: Path, negatives: Path | None, depth: int = 50, per_query: int = 1, skip: int = 0
) -> TrainingData:
    """Read a corpus, its training topics and judgments, with hard negatives from a run if there is one.

    Args:
        corpus: see :func:`pyserini_tct.collection.read_corpus`.
        queries: topics.
        qrels: grades of at least 1 make a positive.
        negatives: run file; its passages of rank ``skip + 1`` to ``depth`` that are not relevant are the negatives.
        depth: see above.
        per_query: negatives in a batch for each query.
        skip: see above.

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
        ranked = sorted(run.get(qid, {}).items(), key=lambda pair: (-pair[1], pair[0]))[skip:depth]
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
    return TrainingData(list(topics), list(topics.values()), passages, samples, relevant, per_query)
