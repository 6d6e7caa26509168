# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Does a run still list the same documents at the same ranks? Two runs in, the first miss of each query out.

Machines differ in the last bits of a float, so documents whose scores nearly tie may trade places.
"""

from typing import NamedTuple

from pyserini_tct.runs import Run, rank


class Miss(NamedTuple):
    """The first rank at which a query's list differs; ``None`` where a list has already ended."""

    qid: str
    rank: int
    expected: str | None
    found: str | None


def rank_misses(expected: Run, found: Run, depth: int = 10, near_tie: float = 1e-3) -> list[Miss]:
    """Return the queries whose top ``depth`` differs from the expected one outside near-ties.

    Where another document stands at a rank, both documents must be in both lists (which may be longer than ``depth``),
    and less than ``near_tie`` apart in each.

    Args:
        expected: the run as pinned; queries that only ``found`` has are not looked at.
        found: the run as it is now.
        depth: ranks compared.
        near_tie: absolute difference of scores.

    >>> rank_misses({'1': {'a': 2.0, 'b': 1.0}}, {'1': {'b': 2.0, 'a': 1.0}})
    [Miss(qid='1', rank=1, expected='a', found='b')]
    """
    misses = []
    for qid, wanted in expected.items():
        got = found.get(qid, {})
        left, right = rank(wanted, depth), rank(got, depth)
        for position in range(max(len(left), len(right))):
            want = left[position].docid if position < len(left) else None
            have = right[position].docid if position < len(right) else None
            if want is None or have is None or (want != have and not _tied(want, have, wanted, got, near_tie)):
                misses.append(Miss(qid, position + 1, want, have))
                break
    return misses


def _tied(one: str, other: str, wanted: dict[str, float], got: dict[str, float], near_tie: float) -> bool:
    return all(one in run and other in run and abs(run[one] - run[other]) < near_tie for run in (wanted, got))
