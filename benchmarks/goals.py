# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The goals: encoding, exact search and whole commands, ours and stock Pyserini's turn by turn, in one table.

The network is all-MiniLM-L6-v2. Passages and queries are MS MARCO's where ``TCT_DATA`` names the collections, else
pocket's. Times are medians; a busy machine slows both sides, but not alike, so the load is printed too.
"""

import os
import tempfile
from pathlib import Path

from benchmarks import commands, encoders, exact, machine, real
from benchmarks._rows import Row, show
from pyserini_tct import _env, _jvm
from pyserini_tct.models import student


def main() -> None:
    """Measure, and print each part as it is done and all of it at the end."""
    _jvm.prepare(quiet=True)
    print(f'{machine.name()}, {os.cpu_count()} cores, {machine.THREADS} threads, load {os.getloadavg()[0]:.1f}')
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        print('note: other processes keep this machine busy: what follows is no measurement')
    limits = machine.ceiling()
    half = 'no bf16' if limits.bf16 is None else f'{limits.bf16:.0f} GFLOP/s in bf16'
    print(f'the machine at best: {limits.fp32:.0f} GFLOP/s in fp32, {half}, {limits.read:.1f} GB/s read', flush=True)
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as name, _env.threads(machine.THREADS):
        work, model = Path(name), Path(name, 'tct_colbert-benchmark')
        student.load(real.BACKBONE).save(model)
        for measured in (
            lambda: exact.rows(work, limits),
            lambda: encoders.rows(model, limits),
            lambda: commands.rows(model, work),
        ):
            rows = measured()
            show(rows)
            print(f'load {os.getloadavg()[0]:.1f}\n', flush=True)
            found += rows
    show(found)
    verdicts(found)


def verdicts(rows: list[Row]) -> None:
    """Print of each goal its best way, and of one that is missed what the whole of the machine would give."""
    print()
    for key in dict.fromkeys((row.what.partition(':')[0], row.goal) for row in rows if row.goal):
        alike = (row for row in rows if (row.what.partition(':')[0], row.goal) == key)
        best = max(alike, key=lambda row: (row.met, row.ratio))
        verdict = 'met' if best.met else 'MISSED'
        limit = f'; all of the {best.limit} would be {best.ratio / best.reached:.2f}x' if best.reached else ''
        print(f'{verdict:<7} {key[1]:>4g}x  {best.what}: {best.ratio:.2f}x{limit if verdict == "MISSED" else ""}')
