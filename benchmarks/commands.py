# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Whole commands, stock Pyserini's and ours, each in a process of its own: seconds from cold, and the most memory."""

import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks._rows import Row
from pyserini_tct._files import data_dir
from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.runs import read_run
from pyserini_tct.topics import read_topics

HITS, COLD = 100, 2.0  # and the goal: at most half of stock's time
STOCK = ('pyserini_tct', 'run', '--stock')
# A process's ru_maxrss begins with what its parent had: a small parent stands between it and the benchmarks.
WATCH = """
import os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - started, usage.ru_maxrss / 1024)
"""


def rows(model: Path, work: Path, rounds: int = 3) -> list[Row]:
    """Time one query from a cold start, and the encoding of pocket, as commands."""
    pocket = data_dir('prebuilt') / 'pocket'
    vectors, index, topics = work / 'vectors', work / 'index', work / 'one.tsv'
    encode_corpus(pocket / 'corpus.jsonl', vectors, TctColBertDocumentEncoder(model, device='cpu'))
    build_flat(vectors, index)
    qid, text = next(iter(read_topics(pocket / 'queries.test.tsv').items()))
    topics.write_text(f'{qid}\t{text}\n', encoding='utf-8')
    search = ['--index', index, '--encoder', model, '--topics', topics, '--hits', HITS]
    turns: dict[str, list[tuple[float, float]]] = {'stock': [], 'ours': []}
    for _ in range(rounds):
        stock = (*STOCK, 'pyserini.search.faiss', *search, '--encoder-class', 'tct_colbert')
        turns['stock'].append(_run(*stock, '--output', work / 'stock.trec'))
        turns['ours'].append(_run('pyserini_tct.search.faiss', *search, '--output', work / 'ours.trec', '--overwrite'))
    hits = [set(read_run(work / f'{name}.trec')[qid]) for name in turns]
    found = [_row('one query from cold, pocket', turns, 1, COLD, len(hits[0] & hits[1]) / HITS)]
    corpus = ['input', '--corpus', pocket / 'corpus.jsonl']
    flags = ['encoder', '--encoder', model, '--encoder-class', 'tct_colbert', '--batch-size', 64, '--max-length', 154]
    flags += ['--device', 'cpu']
    count = len((pocket / 'corpus.jsonl').read_text(encoding='utf-8').splitlines())

    def stock_flags(output: Path) -> list[object]:
        made = ['output', '--embeddings', output, '--to-faiss']
        return [*corpus, '--fields', 'text', *made, *flags, '--dimension', 384]

    whole: dict[str, list[tuple[float, float]]] = {'stock': [], 'ours': []}
    for number in range(rounds):
        whole['stock'].append(_run(*STOCK, 'pyserini.encode', *stock_flags(work / f's{number}')))
        ours = (*corpus, 'output', '--embeddings', work / f'v{number}', *flags)
        whole['ours'].append(_run('pyserini_tct.encode', *ours))
    return [*found, _row('encoding pocket, whole command, a passage', whole, count)]


def _run(*words: object) -> tuple[float, float]:
    """Run a module; return its seconds, and the most memory that it had, in MiB."""
    command = [sys.executable, '-m', *map(str, words)]
    done = subprocess.run([sys.executable, '-c', WATCH, *command], capture_output=True, text=True, errors='replace')
    code, seconds, mib = done.stdout.split() if done.stdout else ('killed', '0', '0')
    if code != '0':
        raise SystemExit(f'{" ".join(command)} failed ({code}): {done.stderr[-2000:]}')
    return float(seconds), float(mib)


def _row(what: str, turns: dict[str, list[tuple[float, float]]], units: int, *more: float) -> Row:
    seconds = {name: statistics.median(second for second, _ in found) / units for name, found in turns.items()}
    stock, ours = (max(mib for _, mib in turns[name]) for name in ('stock', 'ours'))
    goal, agree = more or (None, None)
    return Row(what, seconds['stock'], seconds['ours'], goal, agree, mib=(stock, ours))
