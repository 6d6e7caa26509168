# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ours against Pyserini's trec_eval on a run of MS MARCO's size, as whole commands; and reading such a run."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks._interleave import interleave, table
from pyserini_tct.runs import load_run, read_lines, read_run

QUERIES, HITS, COLLECTION, PART = 6980, 1000, 8_841_823, 400
FLAGS = ['-c', '-m', 'recip_rank', '-m', 'ndcg_cut.10', '-m', 'map', '-m', 'recall.1000']


def generate(folder: Path, queries: int) -> None:
    """Write a run with random documents and falling scores, and one judgment a query."""
    chance = np.random.default_rng(0)
    with open(folder / 'run', 'w', encoding='utf-8') as run, open(folder / 'qrels', 'w', encoding='utf-8') as qrels:
        for qid in range(queries):
            docids = chance.choice(COLLECTION, HITS, replace=False).tolist()
            scores = 80 - np.cumsum(chance.uniform(0.0001, 0.02, HITS))
            ranked = enumerate(zip(docids, scores.tolist(), strict=True), 1)
            run.writelines(f'{qid} Q0 {docid} {rank} {score:.6f} run\n' for rank, (docid, score) in ranked)
            qrels.write(f'{qid} 0 {docids[int(chance.integers(HITS))]} 1\n')


def main(rounds: int = 1) -> None:
    """Write the files in a temporary folder and print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, PART)
        alternatives = {
            'line by line': lambda: read_lines(folder / 'run'),
            'read_run': lambda: read_run(folder / 'run'),
            'load_run (columns)': lambda: load_run(folder / 'run'),
        }
        table(f'reading {PART} x {HITS}', 'query', interleave(alternatives, 3), PART)
        generate(folder, QUERIES)

        def command(*words: str) -> None:
            words = (sys.executable, '-m', *words, *FLAGS, str(folder / 'qrels'), str(folder / 'run'))
            subprocess.run(words, check=True, capture_output=True)

        alternatives = {
            'pyserini.eval.trec_eval': lambda: command('pyserini_tct', 'run', 'pyserini.eval.trec_eval'),
            'pyserini_tct.eval': lambda: command('pyserini_tct.eval'),
        }
        table(f'evaluating {QUERIES} x {HITS}', 'query', interleave(alternatives, rounds), QUERIES)
