# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Vector feedback: each query is searched, moved towards the vectors of its first passages, and searched again.

Source: Li et al., "Pseudo Relevance Feedback with Deep Language Models and Dense Retrievers" (arXiv 2108.11044).
"""

import argparse
import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit

METHODS = ('avg', 'rocchio')


@dataclasses.dataclass(frozen=True)
class Feedback:
    """How a query vector is moved; the defaults are Pyserini's.

    Args:
        depth: passages of the first search that are looked at.
        method: ``avg``: the mean of the query and all of them; ``rocchio``:
            ``alpha * query + beta * mean(first topk) - gamma * mean(last bottomk)``.
        alpha, beta, gamma: weights of the query, of the first and of the last passages.
        topk: first passages of the ``depth`` that are taken as relevant.
        bottomk: last passages of the ``depth`` that are taken as not relevant; 0: none.

    Raises:
        TctError: an unknown method, or a number that leaves nothing to average.

    Example:
        >>> rocchio = Feedback(2, 'rocchio', alpha=1.0, beta=0.5, gamma=0.25, topk=1, bottomk=1)
        >>> rocchio.moved(np.array([1.0, 0.0]), [np.array([0.0, 2.0]), np.array([4.0, 0.0])])
        array([0., 1.])
    """

    depth: int
    method: str = 'avg'
    alpha: float = 0.9
    beta: float = 0.1
    gamma: float = 0.1
    topk: int = 3
    bottomk: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise TctError(f'the feedback {self.method!r} is unknown: choose {" or ".join(METHODS)}')
        if self.depth < 1 or self.topk < 1 or self.bottomk < 0:
            raise TctError(
                f'feedback from {self.depth} passages, {self.topk} of them relevant and {self.bottomk} not: depth and '
                'topk are at least 1, bottomk at least 0'
            )
        if not all(map(math.isfinite, (self.alpha, self.beta, self.gamma))):
            raise TctError(f'the weights {self.alpha}, {self.beta}, {self.gamma} of Rocchio are not all finite numbers')

    def moved(self, query: np.ndarray, passages: Sequence[np.ndarray]) -> np.ndarray:
        """Return the new query vector ``(dimension,)``; without passages it stays where it is."""
        if not len(passages):
            return query
        if self.method == 'avg':
            return np.mean(np.vstack((query, passages)), axis=0)
        moved = self.alpha * query + self.beta * np.mean(passages[: self.topk], axis=0)
        return moved - self.gamma * np.mean(passages[-self.bottomk :], axis=0) if self.bottomk else moved


class FeedbackSearcher:
    """Search with vector feedback, on a searcher's interface.

    Args:
        searcher: a ``FaissSearcher``.
        feedback: how queries are moved.
    """

    def __init__(self, searcher: Any, feedback: Feedback) -> None:
        self.searcher, self.feedback = searcher, feedback

    def search(self, query: str | np.ndarray, k: int = 10, threads: int = 1) -> list[Hit]:
        """Return the ``k`` best hits of one query."""
        vectors = np.atleast_2d(query) if isinstance(query, np.ndarray) else [query]
        return self.batch_search(vectors, ['q'], k, threads)['q']

    def batch_search(
        self, queries: Sequence[str] | np.ndarray, q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}`` of the second search, each docid once."""
        vectors, first = self.searcher.batch_search(
            queries, q_ids, self.feedback.depth, threads, return_vector=True, remove_dups=True
        )
        moved = [
            self.feedback.moved(vector, [hit.vectors for hit in first[qid]])
            for qid, vector in zip(q_ids, vectors, strict=True)
        ]
        return self.searcher.batch_search(np.asarray(moved, np.float32), q_ids, k, threads, remove_dups=True)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add Pyserini's flags of vector feedback."""
    add = parser.add_argument
    add('--prf-depth', type=_whole, help='passages that feedback is taken from; 0: no feedback (0)')
    add('--prf-method', choices=METHODS, help='mean of query and passages, or Rocchio (avg)')
    add('--rocchio-alpha', type=float, help='weight of the query (0.9)')
    add('--rocchio-beta', type=float, help='weight of the first passages (0.1)')
    add('--rocchio-gamma', type=float, help='weight of the last passages (0.1)')
    add('--rocchio-topk', type=_cli.positive, help='passages taken as relevant (3)')
    add('--rocchio-bottomk', type=_whole, help='passages taken as not relevant (0)')


def feedback_of(args: argparse.Namespace) -> Feedback | None:
    """Return what the flags say, or ``None`` without feedback.

    Raises:
        TctError: a flag is given that has no effect.
    """
    names = ('alpha', 'beta', 'gamma', 'topk', 'bottomk')
    given = {name: value for name in names if (value := getattr(args, f'rocchio_{name}')) is not None}
    if args.prf_depth is None and (given or args.prf_method):
        flag = '--prf-method' if args.prf_method else f'--rocchio-{next(iter(given))}'
        raise TctError(f'{flag} has no effect without --prf-depth: say how many passages feedback is taken from')
    if not args.prf_depth:
        return None
    method = args.prf_method or 'avg'
    if given and method != 'rocchio':
        raise TctError(f'--rocchio-{next(iter(given))} has no effect on {method}: add --prf-method rocchio')
    return Feedback(args.prf_depth, method, **given)


def _whole(text: str) -> int:
    return 0 if text == '0' else _cli.positive(text)
