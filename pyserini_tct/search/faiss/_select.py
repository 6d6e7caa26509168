# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The best of many values: few are above a bound that the best of groups of them give.

Small arrays are numpy's here: torch would wake its threads up for each, which takes longer than the work.
"""

import numpy as np
import torch

Values = tuple[np.ndarray, np.ndarray]  # values and their rows, both (Q, n)


def top(products: torch.Tensor, size: int, width: int, count: int) -> Values:
    """Return the ``count`` best values of each query, all where there are fewer, and their rows: ``(Q, count)``.

    Args:
        products: ``(rows, Q)``, ``rows`` a multiple of ``width``, with ``-inf`` from row ``size`` on.
        size: passages.
        width: rows a group; a group's rows lie far apart, since neighbours are often alike.
        count: values wanted a query.
    """
    number = products.shape[1]
    tops = products.view(width, -1, number).amax(0).T.float().numpy()
    if width == 1 or not np.isfinite(tops).all():
        found = products[:size].T.float().topk(min(count, size), sorted=False)
        return found.values.numpy(), found.indices.numpy()
    least = torch.from_numpy(np.partition(tops, -count, 1)[:, -count].copy()).to(products.dtype)
    if (least > 0).all():  # numbers above 0 are in the order of their bits, which numpy compares ten times as fast
        bits = torch.int16 if products.dtype == torch.bfloat16 else torch.int32
        reached = products.view(bits).numpy() >= least.view(bits).numpy()
    else:
        reached = (products >= least).numpy()
    places = np.flatnonzero(reached)
    queries = (places % number).astype(np.min_scalar_type(number))
    places = places[np.argsort(queries, kind='stable')]
    sizes = np.bincount(queries, minlength=number)
    filled = np.arange(sizes.max()) < sizes[:, None]
    values, rows = np.full(filled.shape, -np.inf, np.float32), np.zeros(filled.shape, np.int64)
    values[filled] = products.view(-1)[torch.from_numpy(places)].float().numpy()
    rows[filled] = places // number
    return best(values, rows, count)


def nearest(parts: list[Values], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the ``count`` best values of all parts, and the least of these values, in double floats."""
    values, rows = (np.concatenate(column, 1) for column in zip(*parts, strict=True))
    values, rows = best(values, rows, count)
    return rows, values.min(1).astype(np.float64)


def best(values: np.ndarray, rows: np.ndarray, count: int) -> Values:
    """Return the ``count`` best values of each query and their rows, in any order; all where there are fewer."""
    if values.shape[1] <= count:
        return values, rows
    places = np.argpartition(values, -count, 1)[:, -count:]
    return np.take_along_axis(values, places, 1), np.take_along_axis(rows, places, 1)
