# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks``: every benchmark, each with its table; ``python -m benchmarks NAME`` runs one."""

import importlib
import sys

BENCHMARKS = {
    'search': 'encoding and searching, ours and stock',
    'backends': 'torch, ONNX Runtime and OpenVINO, and stock',
    'indexes': 'kinds of index: bytes, speed, recall',
    'memory': 'the most memory that encoding takes, by passages',
    'train': 'a training step, ours and a plain loop',
    'evaluation': "measures of a large run, ours and Pyserini's trec_eval",
    'fusion': 'fusing runs, ours and stock',
}

if __name__ == '__main__':
    for name in sys.argv[1:] or BENCHMARKS:
        print(f'\n{name}: {BENCHMARKS[name]}')
        importlib.import_module(f'benchmarks.{name}').main()
