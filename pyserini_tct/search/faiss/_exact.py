# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Exact search of a flat index: one matrix product finds candidates, Faiss's own inner products score them.

Faiss scans a batch of up to 128,000 floats query after query, at a tenth of what a matrix product does. Here blocks of
passages are multiplied with all queries; what the k-th best of the best of each group of passages has, k passages reach
at least, and only those that reach it are compared. The candidates are then scored one by one, so a score never depends
on the batch, the block or the precision of the product; and a bound of the product's error, from the norms of what
rounding takes off, says whether any passage outside them could belong there. If so, more are taken. The vectors may lie
in a file larger than the memory.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faiss
import numpy as np
import torch

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.search.faiss import _select

BLOCK = 2048  # passages converted at once: their vectors stay in the processor's cache
BLOCKS = 16  # multiplied at once: with fewer, much of the time goes into waking threads up
GROUP = 16  # the most passages of which only the best is looked at first
PRODUCTS = 1 << 24  # scores kept at once
KEPT = 2 << 30  # bytes that a copy of the vectors in half precision may take
SPARE = 16  # candidates beyond k, to see whether a tie straddles the cut
AS_WRITTEN = 2e-6  # scores this close may be equal with 6 decimals
SINGLE = 2  # so many queries are scanned one by one: that is bound by memory, which a product does not read faster
REPAYS = 16  # scans after which a half-precision copy, which halves what is read, has cost less than it will save
LARGEST = 6e4  # that half precision holds

EPSILON = float(np.finfo(np.float32).eps)
ROUNDED = 2.0**-8  # the most, relatively, by which rounding to bf16 moves a number

Found = tuple[np.ndarray, np.ndarray]  # scores, highest first, and their rows
Near = tuple[np.ndarray, np.ndarray]  # rows (Q, count), and (Q,) what no score of any other row exceeds


class ExactScan:
    """Search of vectors by inner product.

    Args:
        vectors: ``(passages, dimension)``, single floats, in memory or memory-mapped.
        precision: of the product that finds candidates, ``fp32`` or ``bf16``; ``auto``: bf16 where the CPU computes it.
    """

    def __init__(self, vectors: np.ndarray, precision: str = 'auto') -> None:
        self.vectors, self.precision = vectors, _env.precision_of(precision, 'cpu')
        self._tensor = torch.from_numpy(vectors)
        self._half: torch.Tensor | None = None  # of all vectors, without their mean, filled as far as measured
        self._centre = torch.zeros(0)
        self._norms, self._measured = np.zeros(3), 0  # of the product's vectors, as _measure has them
        self._scans, self._divided = 0, (0, False)
        self._parts: list[tuple[int, int, Any]] = []
        self._half_norms = np.zeros(3)
        _env.keep_freed_memory()

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, queries: np.ndarray, k: int, threads: int = 1) -> Iterator[Found]:
        """Yield scores and rows of each query: the ``k`` best and all that tie with the last as written.

        Args:
            queries: ``(Q, dimension)``, single floats.
            k: passages a query.
            threads: of all steps.

        Raises:
            TctError: a score is not finite.
        """
        more = 0 if self.precision == 'fp32' and len(queries) > SINGLE else max(32, k // 2)
        with _env.threads(threads):
            group = max(1, PRODUCTS // (8 * min(len(self), k + SPARE + more)))
            for start in range(0, len(queries), group):
                yield from self._searched(queries[start : start + group], k, k + SPARE + more, threads)

    def _searched(self, queries: np.ndarray, k: int, count: int, threads: int) -> Iterator[Found]:
        if count < len(self):
            rows, beyond = (self._scan if len(queries) <= SINGLE else self._product)(queries, count, threads)
        else:
            rows = np.tile(np.arange(len(self)), (len(queries), 1))
            beyond = np.full(len(queries), -np.inf)
        scores = self._scores(queries, rows)
        if not np.isfinite(scores).all():
            row = int(rows[~np.isfinite(scores)][0])
            raise TctError(f'the vector in row {row} gives a score that is not finite: build the index again')
        order = np.argsort(-scores, axis=1)
        ranked = np.take_along_axis(scores, order, 1)
        last = ranked[:, min(k, ranked.shape[1]) - 1].astype(np.float64)
        safe = last - AS_WRITTEN > beyond
        for i in range(len(queries)):
            if safe[i]:
                wanted = int(np.searchsorted(-ranked[i], AS_WRITTEN - last[i], side='right'))
                yield ranked[i, :wanted], rows[i, order[i, :wanted]]
            else:
                yield from self._searched(queries[i : i + 1], k, 4 * count, threads)

    def _scores(self, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the inner products of queries ``(Q, dimension)`` and the passages in ``rows (Q, c)``: ``(Q, c)``."""
        rows, scores = np.ascontiguousarray(rows, np.int64), np.empty(rows.shape, np.float32)
        words = [faiss.swig_ptr(array) for array in (scores, queries, self.vectors, rows)]
        faiss.fvec_inner_products_by_idx(*words, queries.shape[1], *rows.shape)  # type: ignore[attr-defined, unused-ignore]
        return scores

    def _scan(self, queries: np.ndarray, count: int, threads: int) -> Near:
        """Find the best of each query; each thread reads its part of the vectors."""
        self._scans += len(queries)
        halved = self._scans >= REPAYS and 2 * self.vectors.size <= KEPT
        if self._divided != (threads, halved):
            self._divide(threads, halved)
        parts = self._parts

        def scan(part: tuple[int, int, Any]) -> _select.Values:
            start, end, half = part
            if half is not None:
                values, rows = half.search(queries, min(count, end - start))
            else:
                best = torch.from_numpy(self._scores(queries, np.tile(np.arange(start, end), (len(queries), 1))))
                values, rows = (part.numpy() for part in best.topk(min(count, end - start)))
            return values, rows + start

        # one thread each: OpenMP's number of threads is a setting of the calling thread
        with ThreadPoolExecutor(len(parts), initializer=faiss.omp_set_num_threads, initargs=(1,)) as pool:
            rows, worst = _select.nearest(list(pool.map(scan, parts)), count)
        halved = parts[0][2] is not None
        return rows, worst + (self._error(queries, queries, self._half_norms) if halved else 0)

    def _divide(self, threads: int, halved: bool) -> None:
        """Divide the passages among threads, in half precision where that is asked for and holds them."""
        self._divided = threads, halved
        bounds = np.linspace(0, len(self), min(threads, len(self)) + 1).astype(int).tolist()
        halved = halved and max(float(self._tensor.max()), -float(self._tensor.min())) < LARGEST
        self._half_norms = np.zeros(3)
        parts: list[tuple[int, int, Any]] = []
        for start, end in itertools.pairwise(bounds):
            half = None
            if halved:
                kind = faiss.ScalarQuantizer.QT_fp16
                half = faiss.IndexScalarQuantizer(self.vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
                half.add(self.vectors[start:end])
                for first in range(start, end, BLOCK):
                    block = self._tensor[first : min(first + BLOCK, end)]
                    stored = torch.from_numpy(half.reconstruct_n(first - start, len(block)))
                    self._half_norms = _measure(self._half_norms, block, block, stored)
            parts.append((start, end, half))
        self._parts = parts

    def _product(self, queries: np.ndarray, count: int, threads: int) -> Near:
        """Find the best of all queries by matrix products, chunk after chunk."""
        rounded = torch.from_numpy(queries).to(torch.bfloat16 if self.precision == 'bf16' else torch.float32)
        chunk = max(BLOCK, PRODUCTS // len(queries) // BLOCK * BLOCK)
        best: list[_select.Values] = []
        for first in range(0, len(self), chunk):
            size = min(chunk, len(self) - first)
            width = max(1, min(GROUP, size // (4 * count)))  # passages a group
            products = rounded.new_empty((-(-size // width) * width, len(queries)))
            products[size:] = float('-inf')
            for start in range(0, size, BLOCKS * BLOCK):
                end = min(start + BLOCKS * BLOCK, size)
                torch.mm(self._block(first + start, first + end), rounded.T, out=products[start:end])
            values, rows = _select.top(products, size, width, count)
            best.append((values, rows + first))
        found, worst = _select.nearest(best, count)
        if self.precision == 'bf16':  # which the products are rounded to as well, and of vectors without their mean
            worst += ROUNDED * np.abs(worst) + queries.astype(np.float64) @ self._centre.double().numpy()
        return found, worst + self._error(queries, rounded.float().numpy(), self._norms)

    def _error(self, queries: np.ndarray, rounded: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """Return what a score exceeds its product by at most, ``(Q,)``, as Cauchy and Schwarz have it.

        Either is a sum of ``dimension`` products, which single floats give to ``dimension * EPSILON / 2`` of the norms
        (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), of vectors and queries that were rounded before.
        """
        length, lost = (np.linalg.norm(part.astype(np.float64), axis=1) for part in (queries, queries - rounded))
        longest, longest_stored, most_lost = norms
        with np.errstate(invalid='ignore'):  # where a vector is not finite, nothing is bounded and all is scored
            sums = (queries.shape[1] + 8) * EPSILON * length * max(longest, longest_stored)
            return 1.001 * (sums + length * most_lost + lost * longest_stored)

    def _block(self, start: int, end: int) -> torch.Tensor:
        """Return vectors for the product; in bf16 with the mean taken off, which rounding would spend its digits on."""
        halved = self.precision == 'bf16'
        if halved and not len(self._centre):
            self._centre = self._tensor[:: max(1, len(self) // 4096)].mean(0)
            if 2 * self._tensor.numel() <= KEPT:
                self._half = torch.empty_like(self._tensor, dtype=torch.bfloat16)
        for first in range(self._measured, end, BLOCK):
            last = min(first + BLOCK, end)
            vectors = exact = block = self._tensor[first:last]
            if halved:
                exact = vectors - self._centre
                block = exact.bfloat16()
            if self._half is not None:
                self._half[first:last] = block
            self._norms, self._measured = _measure(self._norms, vectors, exact, block), last
        if self._half is not None:
            return self._half[start:end]
        return (self._tensor[start:end] - self._centre).bfloat16() if halved else self._tensor[start:end]


def _measure(norms: np.ndarray, vectors: torch.Tensor, exact: torch.Tensor, stored: torch.Tensor) -> np.ndarray:
    """Return the largest norms so far: of a vector, of one as it is stored, and of what storing took off one."""
    lost = 0.0 if stored is exact else (exact - stored.float()).norm(dim=1).max()
    found = [vectors.norm(dim=1).max(), stored.float().norm(dim=1).max(), lost]
    return np.maximum(norms, [float(norm) for norm in found])
