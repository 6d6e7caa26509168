# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of queries against passages: MaxSim of late interaction, and the dot product that it is distilled into.

Pure functions from tensors to a matrix ``(queries, passages)``.
"""

import torch

EMPTY_SCORE = (
    -1e4
)  # of a passage without a token: below any sum of similarities, and finite, so that no loss becomes NaN
BUDGET = 256 << 20  # bytes of the largest similarity block


def maxsim(
    queries: torch.Tensor,
    passages: torch.Tensor,
    query_mask: torch.Tensor,
    passage_mask: torch.Tensor,
    budget: int = BUDGET,
) -> torch.Tensor:
    """Sum over query tokens of the greatest similarity to a passage token.

    Padding is masked, not multiplied by 0: a passage whose real similarities are all negative keeps its negative score.

    Args:
        queries: ``(Q, m, dimension)``.
        passages: ``(P, n, dimension)``.
        query_mask: true for a token that counts, ``(Q, m)``.
        passage_mask: likewise, ``(P, n)``.
        budget: bytes that a block of similarities may take; passages are scored in blocks that fit.

    Returns:
        ``(Q, P)``; a passage without tokens scores :data:`EMPTY_SCORE`.

    Source: ColBERT (arXiv 2004.12832), equation 3; arXiv 2010.11386, equation 2.

    Example:
        >>> q, d = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[0.5, -1.0], [9.0, 9.0]]])
        >>> maxsim(q, d, torch.tensor([[True, True]]), torch.tensor([[True, False]]))
        tensor([[-0.5000]])
    """
    (count, m, _), (total, n, _) = queries.shape, passages.shape
    block = max(1, budget // max(1, count * m * n * queries.element_size()))
    query_mask, passage_mask = query_mask.bool(), passage_mask.bool()
    columns = []
    for start in range(0, total, block):
        part, mask = passages[start : start + block], passage_mask[start : start + block]
        similarity = (queries.reshape(count * m, -1) @ part.reshape(len(part) * n, -1).T).view(count, m, len(part), n)
        best = similarity.masked_fill(~mask, float('-inf')).max(dim=-1).values.float()
        best = best.masked_fill(~query_mask.unsqueeze(-1), 0.0)
        columns.append(best.sum(1).masked_fill(~mask.any(-1), EMPTY_SCORE))
    return torch.cat(columns, dim=1)


def dot(queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
    """Return the dot products of ``(Q, dimension)`` and ``(P, dimension)``: ``(Q, P)``, in single precision."""
    return queries.float() @ passages.float().T
