# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks``: the goals against stock Pyserini, the memory, fusion; ``... NAME`` runs others."""

import importlib
import sys
import time

BENCHMARKS = {
    'goals': 'encoding, exact search and whole commands, ours and stock',
    'memory': 'the most memory that encoding takes, by passages',
    'fusion': 'fusing runs, ours and stock',
    'search': 'search of few vectors and BM25, ours and stock',
    'indexes': 'kinds of index: bytes, speed, recall',
    'train': 'a training step, ours and a plain loop',
    'evaluation': "measures of a large run, ours and Pyserini's trec_eval",
}
USUAL = ('goals', 'memory', 'fusion')  # under 15 minutes together, on 2 cores that have nothing else to do

if __name__ == '__main__':
    names, options = sys.argv[1:] or list(USUAL), []
    if 'indexes' in names[:1]:
        names, options = names[:1], names[1:]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f'no benchmark is called {unknown[0]}: choose among {", ".join(BENCHMARKS)}')
    started = time.perf_counter()
    for name in names:
        print(f'\n{name}: {BENCHMARKS[name]}', flush=True)
        importlib.import_module(f'benchmarks.{name}').main(*([options] if options else []))
    print(f'\n{(time.perf_counter() - started) / 60:.1f} minutes')
