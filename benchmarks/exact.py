# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Exact search of 100,000 vectors of 768 dimensions, ours and stock Pyserini's, and how near the machine's limit.

Vectors are random, queries are encoded before. "To a run file" is from query vectors to a TREC file on disk.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._interleave import interleave, table
from pyserini_tct import _env, _jvm
from pyserini_tct.runs import write_run
from pyserini_tct.search.faiss import FaissSearcher

PASSAGES, DIMENSION, QUERIES, THREADS = 100_000, 768, 64, 2
SINGLES = 16  # single queries a turn; so many that ours has its copy in half precision, as in any service


def make(folder: Path) -> np.ndarray:
    """Write an index folder as stock Pyserini does, and return queries ``(QUERIES, DIMENSION)``."""
    import faiss

    chance = np.random.default_rng(0)
    index = faiss.IndexFlatIP(DIMENSION)
    for _ in range(10):
        index.add(chance.standard_normal((PASSAGES // 10, DIMENSION), np.float32))
    folder.mkdir()
    faiss.write_index(index, str(folder / 'index'))
    (folder / 'docid').write_text(''.join(f'{8_000_000 + row}\n' for row in range(PASSAGES)))
    return chance.standard_normal((QUERIES, DIMENSION), np.float32)


def open_stock(folder: Path) -> Any:
    """Open the folder with stock Pyserini."""
    _jvm.prepare(quiet=True)
    from pyserini.search.faiss import FaissSearcher as StockFaiss

    return StockFaiss(str(folder), None)


def ceiling() -> tuple[float, float]:
    """Return what the machine does at best: billions of operations a second in matrix products, GB/s read."""
    with _env.threads(THREADS):
        square, block = torch.randn(2048, 2048), torch.randn(1 << 27)
        products = {'product': lambda: square @ square, 'read': block.sum}
        seconds = {name: min(_timed(run) for _ in range(7)) for name, run in products.items()}
    return 2 * 2048**3 / seconds['product'] / 1e9, block.numel() * 4 / seconds['read'] / 1e9


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _peak(which: str, folder: Path, queries: np.ndarray, answer: Any) -> None:
    """Put the MiB that opening an index and searching it adds to the process."""
    if which == 'stock':
        _jvm.prepare(quiet=True)
        import pyserini.search.faiss  # noqa: F401 - what importing takes is not counted
    before = _resident('VmRSS')
    Path('/proc/self/clear_refs').write_text('5')  # the peak so far is forgotten
    searcher = open_stock(folder) if which == 'stock' else FaissSearcher(folder, None)
    searcher.batch_search(queries, [str(i) for i in range(len(queries))], 1000, THREADS)
    answer.put((_resident('VmHWM') - before) / 1024)


def _resident(field: str) -> int:
    """Return KiB of memory that the process has in use (Linux)."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


def main(rounds: int = 5) -> None:
    """Write the index in a temporary folder and print the tables."""
    print(f'load {os.getloadavg()[0]:.1f}, {THREADS} threads, {_env.precision_of("auto", "cpu")}')
    gflops, bandwidth = ceiling()
    print(f'matrix products {gflops:.0f} GFLOP/s, reading {bandwidth:.1f} GB/s')
    with tempfile.TemporaryDirectory() as work:
        folder, out = Path(work, 'index'), Path(work, 'run')
        queries, ids = make(folder), [str(i) for i in range(QUERIES)]
        stock, ours = open_stock(folder), FaissSearcher(folder, None)
        found = [searcher.batch_search(queries, ids, 10, THREADS) for searcher in (stock, ours)]
        shared = [len({h.docid for h in found[0][q]} & {h.docid for h in found[1][q]}) / 10 for q in ids]
        print(f'top-10 overlap {np.mean(shared):.4f}')
        operations, size = 2 * PASSAGES * DIMENSION * QUERIES / 1e9, 4 * PASSAGES * DIMENSION / 1e9
        for k in (10, 1000):
            medians = interleave(
                {
                    'stock': lambda k=k: stock.batch_search(queries, ids, k, THREADS),
                    'ours': lambda k=k: ours.batch_search(queries, ids, k, THREADS),
                },
                rounds,
            )
            table(f'flat, {QUERIES} queries, k = {k}', 'query', medians, QUERIES)
            print(f'  share of the matrix products reached: {operations / medians["ours"] / gflops:.2f}')
        singles = queries[:SINGLES]
        medians = interleave(
            {
                'stock': lambda: [stock.search(query[None], 10, THREADS) for query in singles],
                'ours': lambda: [ours.search(query, 10, THREADS) for query in singles],
            },
            rounds,
        )
        table('flat, one query, k = 10', 'query', medians, SINGLES)
        read = SINGLES * size / medians['ours'] / bandwidth
        print(f'  share of the reading speed reached, if all were read in single precision: {read:.2f}')

        def stock_run() -> None:
            from pyserini.output_writer import OutputFormat, get_output_writer

            hits = stock.batch_search(queries, ids, 1000, THREADS)
            with get_output_writer(str(out), OutputFormat.TREC, 'w', max_hits=1000, tag='x', topics=ids) as writer:
                for qid in ids:
                    writer.write(qid, hits[qid])

        def our_run() -> None:
            write_run(out, ours.rankings(queries, ids, 1000, THREADS), 'x')

        table('to a run file, k = 1000', 'query', interleave({'stock': stock_run, 'ours': our_run}, rounds), QUERIES)
        rankings = ours.rankings(queries, ids, 1000, THREADS)
        parts = {
            'ours: search': lambda: ours.rankings(queries, ids, 1000, THREADS),
            'ours: writing': lambda: write_run(out, rankings, 'x'),
            'ours: objects': lambda: [list(ranking) for ranking in rankings.values()],
        }
        table('parts, k = 1000', 'query', interleave(parts, rounds), QUERIES)
        answer = multiprocessing.get_context('spawn').Queue()
        for which in ('stock', 'ours'):
            child = multiprocessing.get_context('spawn').Process(target=_peak, args=(which, folder, queries, answer))
            child.start()
            print(f'memory that opening and searching adds, {which}: {answer.get():.0f} MiB')
            child.join()
    print(f'load {os.getloadavg()[0]:.1f}')
