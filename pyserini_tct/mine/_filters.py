# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Filters against false negatives: ranks, judgments, and a teacher that compares candidates with the positives."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.mine._sources import Candidates
from pyserini_tct.runs import Hit

Qrels = Mapping[str, Mapping[str, int]]


def within_ranks(candidates: Candidates, first: int, last: int) -> Candidates:
    """Keep the ranks ``first`` to ``last`` of each list, counted from 1."""
    return {qid: hits[first - 1 : last] for qid, hits in candidates.items()}


def not_relevant(candidates: Candidates, qrels: Qrels) -> Candidates:
    """Drop passages that are judged relevant (a grade of at least 1)."""
    return {qid: [hit for hit in hits if qrels.get(qid, {}).get(hit.docid, 0) < 1] for qid, hits in candidates.items()}


def below_positives(
    hits: Sequence[Hit], scores: Mapping[str, float], positives: Sequence[str], margin: float
) -> list[Hit]:
    """Keep candidates that the teacher scores at least ``margin`` below every positive.

    Args:
        hits: candidates of a query.
        scores: the teacher's, of candidates and positives.
        positives: docids.
        margin: in the teacher's raw scores.

    >>> below_positives([Hit('a', 9.0), Hit('b', 8.0)], {'a': 5.5, 'b': 5.0, 'p': 7.0}, ['p'], 2.0)
    [Hit(docid='b', score=8.0)]
    """
    limit = min(scores[docid] for docid in positives) - margin
    return [hit for hit in hits if scores[hit.docid] <= limit]


def by_teacher(
    candidates: Candidates,
    topics: Mapping[str, str],
    qrels: Qrels,
    corpus: str,
    teacher: str,
    margin: float,
    work: Path,
    device: str = 'auto',
) -> Candidates:
    """Keep candidates that a teacher scores at least ``margin`` below every positive of their query.

    Args:
        candidates: of each query; a query without a positive loses all of them, which is said.
        topics: texts of the queries.
        qrels: grades of at least 1 make a positive.
        corpus: texts of candidates and positives.
        teacher: checkpoint of a ColBERT, a cross-encoder or a student.
        margin: in the teacher's raw scores.
        work: folder for vectors that are computed once a passage; a killed job goes on from it.
        device: of the teacher.

    Raises:
        TctError: the teacher is unusable, or a passage is not in the corpus.
    """
    from pyserini_tct import _env
    from pyserini_tct.models.teachers.factory import KINDS, Texts, kind_of, open_teacher

    from tqdm import tqdm  # isort: skip

    positives = {qid: [docid for docid, grade in qrels.get(qid, {}).items() if grade > 0] for qid in candidates}
    asked = [qid for qid, hits in candidates.items() if hits and positives[qid]]
    without = sum(1 for qid, hits in candidates.items() if hits and not positives[qid])
    if without:
        note(f'note: {without} queries have no relevant passage to compare with; they get no negatives')
    wanted = {qid: [*positives[qid], *(hit.docid for hit in candidates[qid])] for qid in asked}
    passages = _texts(corpus, wanted)
    rows = {passage.docid: row for row, passage in enumerate(passages)}
    scores = 'live' if KINDS[kind_of(teacher)].encoder is None else 'cached'
    texts = Texts(asked, [topics[qid] for qid in asked], passages)
    model = open_teacher([teacher], scores, texts, work / 'teacher', device=_env.device_of(device))
    kept: Candidates = {qid: [] for qid in candidates}
    for number, qid in enumerate(tqdm(asked, desc='teacher', unit='query', disable=None)):
        places = [rows[docid] for docid in wanted[qid]]
        found = model([topics[qid]], [passages[place] for place in places], [number], places)[0].tolist()
        known = dict(zip(wanted[qid], found, strict=True))
        kept[qid] = below_positives(candidates[qid], known, positives[qid], margin)
    return kept


def _texts(corpus: str, wanted: Mapping[str, Sequence[str]]) -> list[Passage]:
    """Return the passages that are wanted for any query."""
    docids = {docid for names in wanted.values() for docid in names}
    passages = [passage for passage in read_corpus(corpus) if passage.docid in docids]
    known = {passage.docid for passage in passages}
    for qid, names in wanted.items():
        lost = next((docid for docid in names if docid not in known), None)
        if lost is not None:
            raise TctError(f'query {qid} has the passage {lost}, which {corpus} does not have: name its corpus')
    return passages
