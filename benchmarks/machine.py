# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What the machine does at best, measured here: matrix products in both precisions, reading of memory."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from pyserini_tct import _env

THREADS = 2


class Ceiling(NamedTuple):
    """GFLOP/s of products in single precision and in bf16 (``None``: not in hardware), and GB/s read."""

    fp32: float
    bf16: float | None
    read: float


def ceiling() -> Ceiling:
    """Measure it with ``THREADS`` threads, the best of several tries."""
    with _env.threads(THREADS), torch.inference_mode():
        square, block = torch.randn(2048, 2048), torch.randn(1 << 27)
        half = square.bfloat16() if _env.has_bf16('cpu') else None
        products = [lambda: square @ square]
        if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, '_linear_pointwise'):  # MKL's is not
            weight = torch.ops.mkldnn._reorder_linear_weight(square, 2048)  # the best on every CPU
            products.append(lambda: torch.ops.mkldnn._linear_pointwise(square, weight, None, 'none', [], 'none'))
        operations = 2 * 2048**3 / 1e9
        fp32 = operations / min(_best(product) for product in products)
        bf16 = None if half is None else operations / _best(lambda: half @ half)
        return Ceiling(fp32, bf16, block.numel() * 4 / _best(block.sum) / 1e9)


def _best(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def name() -> str:
    """Return the processor's name (Linux)."""
    file = Path('/proc/cpuinfo')
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.partition(':')[2].strip() for line in lines if line.startswith('model name')), 'unknown CPU')
