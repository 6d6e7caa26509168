# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of two runs of 1,000 hits a query, half of them shared: ours and stock Pyserini's, in memory and from files.

"pooled" are lists that were put together before: what a second rule, or the next alpha of a tuning, costs. Stock has no
such form; its runs are data frames that are loaded before.
"""

import random
import tempfile
from pathlib import Path
from types import SimpleNamespace

from benchmarks._interleave import interleave, table
from pyserini_tct import _jvm
from pyserini_tct.fusion import Rule, fuse, interpolate
from pyserini_tct.fusion._runs import as_written, pool
from pyserini_tct.runs import Run, read_run, write_run

QUERIES, HITS, COLLECTION = 20, 1000, 8_841_823


def make_runs() -> list[Run]:
    """Return two runs of random documents and scores, with 500 documents of each query in both."""
    chance = random.Random(0)
    runs: list[Run] = [{}, {}]
    for qid in map(str, range(QUERIES)):
        drawn = chance.sample(range(COLLECTION), 3 * HITS // 2)
        for run, docids in zip(runs, (drawn[:HITS], drawn[HITS // 2 :]), strict=True):
            chance.shuffle(docids)
            scores = sorted((chance.gauss(70, 3) for _ in docids), reverse=True)
            run[qid] = {str(docid): score for docid, score in zip(docids, scores, strict=True)}
    return runs


def main() -> None:
    """Time them turn by turn and print the tables."""
    _jvm.prepare(quiet=True)
    from pyserini.fusion import interpolation, reciprocal_rank_fusion
    from pyserini.trectools import TrecRun

    runs = make_runs()
    pools = pool(runs).values()
    half = Rule('interpolation', (0.5, 0.5))
    with tempfile.TemporaryDirectory() as work:
        paths = [Path(work, name) for name in 'ab']
        for path, run in zip(paths, runs, strict=True):
            write_run(path, run)
        frames, out = [TrecRun(str(path)) for path in paths], Path(work, 'fused')

        def files() -> None:
            rule = Rule('rrf')
            write_run(out, as_written(fuse([read_run(path) for path in paths]), rule))

        def stock_files() -> None:
            found = reciprocal_rank_fusion([TrecRun(str(path)) for path in paths], depth=HITS, k=HITS)
            found.save_to_txt(str(out), 'x')

        for title, stock, rule in (
            ('reciprocal ranks', lambda: reciprocal_rank_fusion(frames, depth=HITS, k=HITS), Rule('rrf')),
            ('interpolation', lambda: interpolation(frames, 0.5, HITS, HITS), half),
        ):
            options = {'weights': rule.weights} if rule.weights else {}
            alternatives = {
                'stock': stock,
                'ours': lambda rule=rule, options=options: fuse(runs, rule.method, HITS, **options),
                'ours, pooled': lambda rule=rule: [pooled.fuse(rule, HITS) for pooled in pools],
            }
            table(f'{title}, k = {HITS}', 'query', interleave(alternatives), QUERIES)
        table('reciprocal ranks, file to file', 'query', interleave({'stock': stock_files, 'ours': files}), QUERIES)
    from pyserini.search.hybrid import HybridSearcher  # imports torch and starts the JVM

    hits = [
        {q: [SimpleNamespace(docid=d, score=s) for d, s in found.items()] for q, found in run.items()} for run in runs
    ]
    dense, sparse = runs
    alternatives = {
        'stock': lambda: [HybridSearcher._hybrid_results(hits[0][q], hits[1][q], 0.1, HITS) for q in dense],
        'ours': lambda: [interpolate(dense[q], sparse[q], 0.1, HITS) for q in dense],
    }
    table('hybrid hits', 'query', interleave(alternatives), QUERIES)
