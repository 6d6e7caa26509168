# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of two runs of 1,000 hits a query, half of them shared: ours and stock Pyserini's, in memory and from files.

"loaded" are runs that were read before, each tool's in its own form: data frames there, columns here. "pooled" are
lists that were joined before as well: what a second rule costs, or the next alpha of a tuning.
"""

import random
import tempfile
from pathlib import Path
from types import SimpleNamespace

from benchmarks._interleave import interleave, table
from pyserini_tct import _jvm
from pyserini_tct.fusion import Rule, fuse, interpolate
from pyserini_tct.fusion._runs import as_written, pool
from pyserini_tct.runs import Run, load_run, write_run

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
    with tempfile.TemporaryDirectory() as work:
        paths = [Path(work, name) for name in 'ab']
        for path, run in zip(paths, runs, strict=True):
            write_run(path, run)
        frames, columns, out = (
            [TrecRun(str(path)) for path in paths],
            [load_run(path) for path in paths],
            Path(work, 'f'),
        )
        pools = pool(columns).values()
        for title, rule, stock in (
            ('interpolation', Rule('interpolation', (0.5, 0.5)), lambda runs: interpolation(runs, 0.5, HITS, HITS)),
            ('reciprocal ranks', Rule('rrf'), lambda runs: reciprocal_rank_fusion(runs, 60, HITS, HITS)),
        ):
            options = {'weights': rule.weights} if rule.weights else {}

            def fused(runs: list, rule: Rule = rule, options: dict = options) -> Run:
                return fuse(runs, rule.method, HITS, **options)

            alternatives = {
                'stock, loaded': lambda stock=stock: stock(frames),
                'ours, loaded': lambda rule=rule: [p.fuse(rule, HITS) for p in pool(columns).values()],
                'ours, loaded, with names': lambda fused=fused: fused(columns),
                'ours, pooled': lambda rule=rule: [pooled.fuse(rule, HITS) for pooled in pools],
                'ours, dictionaries': lambda fused=fused: fused(runs),
            }
            table(f'{title}, k = {HITS}', 'query', interleave(alternatives), QUERIES)
            alternatives = {
                'stock': lambda stock=stock: stock([TrecRun(str(path)) for path in paths]).save_to_txt(str(out), 'x'),
                'ours': lambda rule=rule, fused=fused: write_run(
                    out, as_written(fused([load_run(path) for path in paths]), rule)
                ),
            }
            table(f'{title}, file to file', 'query', interleave(alternatives), QUERIES)
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
