# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dev evaluation while training: RR@10 by the model as it is, ties in docid order.

A student and a ColBERT search the whole corpus; a cross-encoder re-ranks the best passages of a run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from tqdm import tqdm

from pyserini_tct import _env
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert, TokenVectors
from pyserini_tct.models.cross import CrossEncoder
from pyserini_tct.models.student import Student
from pyserini_tct.models.teachers.factory import Model
from pyserini_tct.runs import rank, read_run
from pyserini_tct.topics import read_qrels, read_topics
from pyserini_tct.train._config import TrainConfig

DEPTH, QUERIES = 10, 64
RERANKED = 50  # passages of the dev run that a cross-encoder re-ranks for each topic
LARGEST = 100_000  # passages that are evaluated over: all scores are held in memory


class DevSet:
    """Topics, judgments and passages to evaluate on.

    Args:
        config: of the run.
        passages: the corpus.

    Raises:
        TctError: no topic is judged, or the corpus is too large for a ColBERT's full MaxSim.
    """

    def __init__(self, config: TrainConfig, passages: Sequence[Passage]) -> None:
        # The settings give both or neither, and no set is made for neither.
        topics, self.qrels = read_topics(cast(Path, config.dev_topics)), read_qrels(cast(Path, config.dev_qrels))
        self.topics = {qid: text for qid, text in topics.items() if qid in self.qrels}
        if not self.topics:
            raise TctError(f'{config.dev_qrels} judges none of the queries of {config.dev_topics}')
        if len(passages) > LARGEST:
            raise TctError(
                f'dev evaluation over {len(passages)} passages is too much, {LARGEST} is the most: leave it out'
            )
        known = {passage.docid for passage in passages}
        if not any(docid in known for qid in self.topics for docid in self.qrels[qid]):
            raise TctError(f'{config.dev_qrels} judges none of the passages of {config.corpus}')
        left_out = len(self.qrels.keys() - self.topics.keys())
        if left_out:
            note(f'note: {left_out} judged queries are not in {config.dev_topics} and do not count in the dev score')
        self.passages, self.run = passages, self._candidates(config.dev_run, passages) if config.dev_run else {}
        if self.run:
            kept = set().union(*self.run.values())
            self.passages = [passage for passage in passages if passage.docid in kept]

    def _candidates(self, path: Path, passages: Sequence[Passage]) -> dict[str, set[str]]:
        """Return the docids that a cross-encoder re-ranks for each topic."""
        run, known = read_run(path), {passage.docid for passage in passages}
        found = {qid: {hit.docid for hit in rank(run[qid], RERANKED)} for qid in self.topics if qid in run}
        if not found:
            raise TctError(f'{path} has none of the judged dev topics: name a run of them')
        unknown = sorted(set().union(*found.values()) - known)
        if unknown:
            raise TctError(f'{path} lists passage {unknown[0]}, which the corpus does not have: name its run')
        return found

    @torch.no_grad()
    def reciprocal_rank(self, model: Model) -> float:
        """Return the mean RR@10 over the judged topics."""
        training = model.training
        model.eval()
        scores = self._by_kind(model)
        model.train(training)
        docids = np.array([passage.docid for passage in self.passages])
        by_docid = np.argsort(docids, kind='stable')
        total = 0.0
        for qid, row in zip(self.topics, scores, strict=True):
            order = by_docid[np.argsort(-np.round(row[by_docid].astype(np.float64), 6), kind='stable')][:DEPTH]
            grades = self.qrels[qid]
            good = (place for place, i in enumerate(order, 1) if grades.get(str(docids[i]), 0) > 0 and row[i] > -np.inf)
            found = next(good, None)
            total += 1 / found if found else 0.0
        return total / len(self.topics)

    def _by_kind(self, model: Model) -> np.ndarray:
        """Return the scores of all topics with all passages, ``-inf`` where a passage is not re-ranked."""
        if isinstance(model, CrossEncoder):
            return self._cross(model)
        return self._student(model) if isinstance(model, Student) else self._colbert(model)

    def _cross(self, model: CrossEncoder) -> np.ndarray:
        scores = np.full((len(self.topics), len(self.passages)), -np.inf, np.float32)
        for i, (qid, text) in enumerate(tqdm(self.topics.items(), desc='dev', unit='topic', disable=None, leave=False)):
            rows = [row for row, passage in enumerate(self.passages) if passage.docid in self.run.get(qid, ())]
            if rows:
                scores[i, rows] = model([text], [self.passages[row] for row in rows])[0].cpu().numpy()
        return scores

    def _student(self, model: Student) -> np.ndarray:
        settings = model.settings
        queries = model.embed(model.tokenizer.queries(list(self.topics.values()), settings.query_length))
        passages = model.embed(model.tokenizer.passages(self.passages, settings.passage_length))
        return queries @ passages.T

    def _colbert(self, model: ColBert) -> np.ndarray:
        return maxsim_scores(model, list(self.topics.values()), self.passages)


@torch.no_grad()
def maxsim_scores(
    model: ColBert, queries: Sequence[str], passages: Sequence[Passage], block: int = 32, precision: str = 'fp32'
) -> np.ndarray:
    """Return MaxSim of each query with each passage, ``(queries, passages)``; passages are encoded block by block.

    Args:
        model: the ColBERT.
        queries, passages: texts.
        block: passages encoded at a time.
        precision: of its network, ``fp32`` or ``bf16``; MaxSim is always fp32.
    """
    device = model.device.type
    with _env.autocast(device, precision):
        encoded = [model.encode_queries(queries[i : i + QUERIES]) for i in range(0, len(queries), QUERIES)]
    vectors = TokenVectors(*(torch.cat(part) for part in zip(*encoded, strict=True)))
    by_length = sorted(range(len(passages)), key=lambda i: len(passages[i].contents))
    scores = np.empty((len(queries), len(passages)), np.float32)
    for start in tqdm(range(0, len(by_length), block), desc='dev', unit='block', disable=None, leave=False):
        rows = by_length[start : start + block]
        with _env.autocast(device, precision):
            found = model.encode_passages([passages[row] for row in rows])
        part = model.scorer(vectors, found)
        scores[:, rows] = part.cpu().numpy()
    return scores
