# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of whole runs, query by query."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pyserini_tct._columns import Columns
from pyserini_tct._errors import TctError
from pyserini_tct.fusion._join import pool_columns
from pyserini_tct.fusion._pool import WRITTEN, Pool, pool_lists
from pyserini_tct.fusion._rule import Rule
from pyserini_tct.runs import Run

CUT = 1000  # hits of a fused list, as Pyserini's default


def queries(run: Run | Columns) -> Collection[str]:
    """Return the query ids of a run."""
    return run.rows if isinstance(run, Columns) else run


def pool(
    runs: Sequence[Run | Columns], depth: int | None = None, qids: Collection[str] | None = None
) -> dict[str, Pool]:
    """Return the pooled lists of every query of at least one run, in order of appearance; see :class:`Pool`.

    Args:
        runs: read by ``read_run``, or by ``load_run``, which is several times faster to fuse.
        depth: best hits of each list that are fused; ``None``: all.
        qids: queries wanted; ``None``: all.

    Raises:
        TctError: a score is not finite; the query is named.
    """
    found = dict.fromkeys(qid for run in runs for qid in queries(run) if qids is None or qid in qids)
    columns = [run for run in runs if isinstance(run, Columns)]
    if len(columns) == len(runs):
        return pool_columns(columns, found, depth)
    lists = [run.as_run() if isinstance(run, Columns) else run for run in runs]
    pools = {}
    for qid in found:
        try:
            pools[qid] = pool_lists([run.get(qid, {}) for run in lists], depth)
        except TctError as error:
            raise TctError(f'query {qid}: {error}') from error
    return pools


def fuse(
    runs: Sequence[Run | Columns], method: str = 'rrf', k: int | None = CUT, depth: int | None = None, **options: Any
) -> Run:
    """Fuse two or more runs.

    Args:
        runs: ``{qid: {docid: score}}`` each, or what ``runs.load_run`` reads; ranks are those of the scores, ties by
            docid.
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
    return {qid: dict(zip(found, _falling([*found.values()]), strict=True)) for qid, found in run.items()}


def _falling(scores: list[float]) -> list[float]:
    """Round falling scores to the decimals of a file, each at least one unit below the one before."""
    unit, places = 10.0**WRITTEN, np.arange(len(scores))
    return ((np.minimum.accumulate(np.rint(np.array(scores) * unit) + places) - places) / unit).tolist()
