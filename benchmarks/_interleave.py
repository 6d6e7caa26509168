# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Time alternatives turn by turn, so that a busy machine is busy for all of them, and quote medians."""

import statistics
import time
from collections.abc import Callable


def interleave(alternatives: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Return the median seconds of each alternative over ``rounds`` turns, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 1):
        for name, run in alternatives.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(title: str, unit: str, medians: dict[str, float], per: int = 1) -> None:
    """Print medians as milliseconds a unit, with the ratio to the first alternative (above 1: faster)."""
    first = next(iter(medians.values()))
    for name, value in medians.items():
        print(f'{title:<34} {name:<28} {1000 * value / per:>10.2f} ms/{unit:<8} {first / value:>6.2f}x')
