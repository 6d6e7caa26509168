# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A comparison with stock Pyserini: two times, the goal, how far results agree, what of the machine is reached."""

from collections.abc import Sequence
from typing import NamedTuple

AGREEMENT = 0.99  # least share of stock's hits with which a goal counts as met


class Row(NamedTuple):
    """One comparison.

    Args:
        what: what is done, and by which of our ways.
        stock, ours: seconds a unit.
        goal: the ratio to reach, if there is one.
        agree: share of stock's hits that are ours too.
        reached: share of the machine's limit, as measured here.
        limit: which limit.
        mib: the most memory in MiB, stock's and ours.
    """

    what: str
    stock: float
    ours: float
    goal: float | None = None
    agree: float | None = None
    reached: float | None = None
    limit: str = ''
    mib: tuple[float, float] | None = None

    @property
    def ratio(self) -> float:
        """Stock's time by ours: above 1 is faster."""
        return self.stock / self.ours

    @property
    def met(self) -> bool:
        """Whether the goal is reached, with the same hits."""
        return self.ratio >= (self.goal or 0) and (self.agree is None or self.agree >= AGREEMENT)


HEAD = ('', 'stock ms', 'ours ms', 'ratio', 'goal', '', 'agree', 'reached', 'stock MiB', 'ours MiB')
FORM = '{:<46}{:>10}{:>10}{:>8}{:>6} {:<7}{:>7} {:<16}{:>10}{:>10}'


def show(rows: Sequence[Row]) -> None:
    """Print rows as a table.

    >>> show([Row('x', 0.3, 0.1, 2.0, 1.0, 0.5, 'fp32')])  # doctest: +SKIP
    """
    print(FORM.format(*HEAD))
    for row in rows:
        print(
            FORM.format(
                row.what,
                f'{1000 * row.stock:.2f}',
                f'{1000 * row.ours:.2f}',
                f'{row.ratio:.2f}x',
                '' if row.goal is None else f'{row.goal:g}x',
                '' if row.goal is None else 'met' if row.met else 'MISSED',
                '' if row.agree is None else f'{row.agree:.4f}',
                '' if row.reached is None else f'{row.reached:.0%} {row.limit}',
                *(('', '') if row.mib is None else (f'{mib:.0f}' for mib in row.mib)),
            ).rstrip(),
            flush=True,
        )
