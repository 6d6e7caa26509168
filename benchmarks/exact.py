# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Exact search of 100,000 vectors of 768 dimensions, ours and stock Pyserini's.

Vectors are random, queries are encoded before. "To a run file" is from query vectors to a TREC file on disk.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _memory
from benchmarks._interleave import interleave, table
from benchmarks._rows import Row
from benchmarks.machine import THREADS, Ceiling
from pyserini_tct import _env, _jvm
from pyserini_tct.runs import read_run, write_run
from pyserini_tct.search.faiss import FaissSearcher

PASSAGES, DIMENSION, QUERIES = 100_000, 768, 64
SINGLES = 16  # single queries a turn; so many that ours has its copy in half precision, as in any service
GOALS = {10: 15.0, 1000: 7.0}  # of 64 queries, by hits
SINGLE, RUN_FILE = 2.0, 7.0


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


def _stock_imports() -> None:
    _jvm.prepare(quiet=True)
    import pyserini.search.faiss  # noqa: F401 - what importing takes is not counted


def _search(opened: Callable[[Path], Any], folder: Path, queries: np.ndarray) -> None:
    opened(folder).batch_search(queries, [str(i) for i in range(len(queries))], 1000, THREADS)


def open_ours(folder: Path) -> FaissSearcher:
    """Open the folder with our searcher."""
    return FaissSearcher(folder, None)


def rows(work: Path, limits: Ceiling, rounds: int = 5) -> list[Row]:
    """Time both turn by turn; print where ours spends its time at k = 1000."""
    folder, out = work / 'exact-index', work / 'exact-run'
    queries, ids = make(folder), [str(i) for i in range(QUERIES)]
    mib = (
        _memory.added(_stock_imports, _search, open_stock, folder, queries),
        _memory.added(None, _search, open_ours, folder, queries),
    )
    stock, ours = open_stock(folder), open_ours(folder)
    precision = _env.precision_of('auto', 'cpu')
    limit, operations = (limits.bf16 if precision == 'bf16' else limits.fp32), 2 * PASSAGES * DIMENSION * QUERIES / 1e9
    found = []
    for k, goal in GOALS.items():
        stock_hits, our_hits = (searcher.batch_search(queries, ids, k, THREADS) for searcher in (stock, ours))
        pairs = [({h.docid for h in stock_hits[q]}, {h.docid for h in our_hits[q]}) for q in ids]
        seconds = interleave(
            {
                'stock': lambda k=k: stock.batch_search(queries, ids, k, THREADS),
                'ours': lambda k=k: ours.batch_search(queries, ids, k, THREADS),
            },
            rounds,
        )
        agree = float(np.mean([len(mine & other) / k for mine, other in pairs]))
        per = [seconds[name] / QUERIES for name in ('stock', 'ours')]
        reached = operations / seconds['ours'] / limit if limit else None
        found.append(Row(f'flat 100k x 768, 64 queries, k = {k}', *per, goal, agree, reached, precision, mib))
    singles = queries[:SINGLES]
    seconds = interleave(
        {
            'stock': lambda: [stock.search(query[None], 10, THREADS) for query in singles],
            'ours': lambda: [ours.search(query, 10, THREADS) for query in singles],
        },
        rounds,
    )
    read = SINGLES * 4 * PASSAGES * DIMENSION / 1e9 / seconds['ours'] / limits.read
    per = [seconds[name] / SINGLES for name in ('stock', 'ours')]
    pairs = [
        ({h.docid for h in stock.search(q[None], 10, THREADS)}, {h.docid for h in ours.search(q, 10)}) for q in singles
    ]
    agree = float(np.mean([len(mine & other) / 10 for mine, other in pairs]))
    found.append(Row('flat 100k x 768, one query, k = 10', *per, SINGLE, agree, read, 'fp32 read'))

    def stock_run() -> None:
        from pyserini.output_writer import OutputFormat, get_output_writer

        hits = stock.batch_search(queries, ids, 1000, THREADS)
        with get_output_writer(str(out), OutputFormat.TREC, 'w', max_hits=1000, tag='x', topics=ids) as writer:
            for qid in ids:
                writer.write(qid, hits[qid])

    def our_run() -> None:
        write_run(out, ours.rankings(queries, ids, 1000, THREADS), 'x')

    seconds = interleave({'stock': stock_run, 'ours': our_run}, rounds)
    per = [seconds[name] / QUERIES for name in ('stock', 'ours')]
    written = []
    for run in (stock_run, our_run):
        run()
        written.append(read_run(out))
    agree = float(np.mean([len(written[0][qid].keys() & written[1][qid].keys()) / 1000 for qid in ids]))
    found.append(Row('flat 100k x 768, to a run file, k = 1000', *per, RUN_FILE, agree))
    rankings = ours.rankings(queries, ids, 1000, THREADS)
    parts = {
        'search': lambda: ours.rankings(queries, ids, 1000, THREADS),
        'writing': lambda: write_run(out, rankings, 'x'),
        'objects': lambda: [list(ranking) for ranking in rankings.values()],
    }
    table('where ours spends it, k = 1000', 'query', interleave(parts, rounds), QUERIES)
    os.remove(out)
    return found
