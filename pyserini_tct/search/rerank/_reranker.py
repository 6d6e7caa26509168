# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What every re-ranker does with the scores of its model: order, ties, and the tail that is not scored."""

import abc
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.runs import Hit, rank

GAP = 1e-3  # between the last passage re-ranked and those below it, which keep their order


class Reranker(abc.ABC):
    """Scores passages anew; a kind of model adds :meth:`scores`.

    Args:
        passages: every passage that may have to be scored.
    """

    unknown = 'has no text here: name the corpus that the run was made from'

    def __init__(self, passages: Iterable[Passage]) -> None:
        # In order of length, so that a block holds passages of like length and little padding is encoded.
        self.passages = sorted(passages, key=lambda passage: len(passage.contents))
        self._rows = {passage.docid: row for row, passage in enumerate(self.passages)}

    @abc.abstractmethod
    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return the scores of a query with some of the passages, by their rows: ``(rows,)``."""

    def rerank(self, query: str, docids: Sequence[str]) -> list[Hit]:
        """Return the passages by their new scores, ties by docid.

        Raises:
            TctError: a docid is not among the passages.
        """
        unknown = next((docid for docid in docids if docid not in self._rows), None)
        if unknown is not None:
            raise TctError(f'passage {unknown} {self.unknown}')
        if not docids:
            return []
        found = self.scores(query, [self._rows[docid] for docid in docids])
        return rank(zip(docids, found.astype(np.float64).tolist(), strict=True))

    def rerank_run(self, run: Mapping[str, float], query: str, depth: int) -> list[Hit]:
        """Re-rank the best ``depth`` passages of a list; the others keep their order below them."""
        ranked = rank(run)
        head = self.rerank(query, [hit.docid for hit in ranked[:depth]])
        floor = head[-1].score if head else 0.0
        return head + [Hit(hit.docid, floor - GAP * (i + 1)) for i, hit in enumerate(ranked[depth:])]


class ScoredReranker(Reranker):
    """Re-rank by scores that are there already.

    Args:
        passages: those that may have to be scored.
        queries: texts, one a line of the scores.
        docids: one a column.
        matrix: ``(queries, docids)``.
    """

    def __init__(
        self, passages: Iterable[Passage], queries: Sequence[str], docids: Sequence[str], matrix: np.ndarray
    ) -> None:
        super().__init__(passages)
        column = {docid: place for place, docid in enumerate(docids)}
        self._columns = np.array([column[passage.docid] for passage in self.passages], dtype=int)
        self._lines, self._matrix = {text: place for place, text in enumerate(queries)}, matrix

    def scores(self, query: str, rows: Sequence[int]) -> np.ndarray:
        """Return the stored scores."""
        found: np.ndarray = self._matrix[self._lines[query], self._columns[list(rows)]]
        return found


def needed(run: Mapping[str, Mapping[str, float]], depth: int) -> set[str]:
    """Return the docids among the best ``depth`` of any query."""
    return {hit.docid for scores in run.values() for hit in rank(scores, depth)}
