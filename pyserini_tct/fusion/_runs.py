# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of whole runs, query by query."""

from collections.abc import Sequence
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.fusion._pool import WRITTEN, Pool
from pyserini_tct.fusion._rule import Rule
from pyserini_tct.runs import Run, without_ties

CUT = 1000  # hits of a fused list, as Pyserini's default


def pool(runs: Sequence[Run], depth: int | None = None) -> dict[str, Pool]:
    """Return the pooled lists of every query of at least one run, in order of appearance; see :class:`Pool`.

    Raises:
        TctError: a score is not finite; the query is named.
    """
    pools = {}
    for qid in dict.fromkeys(qid for run in runs for qid in run):
        try:
            pools[qid] = Pool([run.get(qid, {}) for run in runs], depth)
        except TctError as error:
            raise TctError(f'query {qid}: {error}') from error
    return pools


def fuse(
    runs: Sequence[Run], method: str = 'rrf', k: int | None = CUT, depth: int | None = None, **options: Any
) -> Run:
    """Fuse two or more runs.

    Args:
        runs: ``{qid: {docid: score}}`` each; ranks are those of the scores, ties by docid.
        method: ``rrf``, ``combsum``, ``combmnz`` or ``interpolation``.
        k: hits a query; ``None``: all.
        depth: best hits of each list that are fused; ``None``: all.
        options: ``weights``, ``normalization``, ``missing``, ``rrf_k``, as for :class:`Rule`.

    Returns:
        The fused run, each list best first. A query that a run lacks is fused from the others.

    Raises:
        TctError: fewer than two runs, a contradiction among the options, or a score that is not finite.

    Example:
        >>> runs = [{'1': {'a': 3.0, 'b': 1.0}}, {'1': {'b': 10.0, 'c': 5.0}}]
        >>> fuse(runs, 'combsum', normalization='min-max')
        {'1': {'a': 1.0, 'b': 1.0, 'c': 0.0}}
        >>> fuse(runs, 'interpolation', weights=(0.5, 0.5))
        {'1': {'b': 5.5, 'c': 2.5, 'a': 1.5}}
    """
    rule = Rule(method, **options)
    rule.check_lists(len(runs))
    return {qid: pooled.run(rule, k) for qid, pooled in pool(runs, depth).items()}


def as_written(run: Run, rule: Rule) -> Run:
    """Return a fused run with scores that keep its order in a file, where a score has 6 decimals.

    Reciprocal ranks deep in a list differ by less than that.
    """
    if rule.decimals <= WRITTEN:
        return run
    return {qid: dict(zip(found, without_ties(list(found.values())), strict=True)) for qid, found in run.items()}
