# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Selecting the best of many values and ordering them: as a full sort does."""

import numpy as np
import pytest
import torch

from pyserini_tct.search.faiss import _select
from pyserini_tct.search.faiss._engines import in_order


@pytest.mark.parametrize('kind', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('shift', [0, -50])
def test_the_best_of_groups_lose_nothing(kind, shift):
    """All queries above 0 or not, values often equal, a last group that is not full, one value that is not finite."""
    chance = np.random.default_rng(4)
    for size, width, count, odd in [(1000, 8, 20, 0), (999, 16, 3, 0), (50, 1, 60, 0), (997, 4, 9, np.nan)]:
        products = torch.full((-(-size // width) * width, 5), -np.inf, dtype=kind)
        products[:size] = torch.from_numpy(chance.integers(0, 90, (size, 5)) + shift)
        if odd:
            products[17, 2] = odd
        values, rows = _select.top(products, size, width, count)
        every = products[:size].float().numpy().T
        np.testing.assert_array_equal(values, np.take_along_axis(every, rows, 1))
        np.testing.assert_array_equal(np.sort(values, 1), np.sort(every, 1)[:, -count:])
        assert all(len(set(line)) == min(count, size) for line in rows.tolist())


def test_only_close_scores_are_sorted_again():
    """As a full sort by score as written, then docid, then row."""
    chance = np.random.default_rng(5)
    docids = np.array([f'p{row % 40}' for row in range(90)], object)
    for step in (1e-7, 1e-6, 1e-5):
        rows = chance.permutation(90)
        scores = (9 - np.cumsum(chance.integers(0, 4, 90)) * step).astype(np.float32)
        found = in_order(scores, rows, docids)
        keys = sorted(zip((-round(float(score), 6) for score in scores), docids[rows], rows.tolist(), strict=True))
        assert found[1].tolist() == [key[-1] for key in keys]
        assert dict(zip(*found[::-1], strict=True)) == dict(zip(rows, scores, strict=True))
