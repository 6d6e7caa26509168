# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of queries against passages: MaxSim of late interaction, and the dot product that it is distilled into.

Pure functions from tensors to a matrix ``(queries, passages)``; :func:`standardise` puts those of several models on one
scale, :func:`nearest` searches by the dot product.
"""

from collections.abc import Iterable

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
    padding: float | None = None,
) -> torch.Tensor:
    """Sum over query tokens of the greatest similarity to a passage token.

    Padding is masked, not multiplied by 0: a passage whose real similarities are all negative keeps its negative score.

    Args:
        queries: ``(Q, m, dimension)``.
        passages: ``(P, n, dimension)``.
        query_mask: true for a token that counts, ``(Q, m)``.
        passage_mask: likewise, ``(P, n)``.
        budget: bytes that a block of similarities may take; passages are scored in blocks that fit.
        padding: instead of a mask, the similarity given to every passage position that does not count, and to any
            other whose similarity is exactly 0: the paper's code finds padding by its zeros and gives it -15.

    Returns:
        ``(Q, P)``; a passage without tokens scores :data:`EMPTY_SCORE`, unless ``padding`` is given.

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
        if padding is None:
            similarity = similarity.masked_fill(~mask, float('-inf'))
        else:
            similarity = similarity.masked_fill(~mask | (similarity == 0), padding)
        best = similarity.max(dim=-1).values.float().masked_fill(~query_mask.unsqueeze(-1), 0.0).sum(1)
        columns.append(best.masked_fill(~mask.any(-1), EMPTY_SCORE) if padding is None else best)
    return torch.cat(columns, dim=1)


def dot(queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
    """Return the dot products of ``(Q, dimension)`` and ``(P, dimension)``: ``(Q, P)``, in single precision."""
    return queries.float() @ passages.float().T


def standardise(scores: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Give each query's scores mean 0 and standard deviation 1 over the candidates that count.

    Args:
        scores: ``(Q, P)``.
        counted: true for a candidate that counts, ``(Q, P)``.

    Returns:
        ``(Q, P)``; 0 for a candidate that does not count, and for all of a query that has the same score everywhere
        (or one candidate): it prefers none.

    Example:
        >>> standardise(torch.tensor([[5.0, 1.0, 99.0], [7.0, 7.0, 7.0]]), torch.tensor([[True, True, False]]))
        tensor([[ 1., -1.,  0.],
                [ 0.,  0.,  0.]])
    """
    counted = counted.expand_as(scores)
    number = counted.sum(-1, keepdim=True).clamp(min=1)
    kept = scores.double().masked_fill(~counted, 0.0)
    centred = (kept - kept.sum(-1, keepdim=True) / number).masked_fill(~counted, 0.0)
    deviation = (centred.square().sum(-1, keepdim=True) / number).sqrt()
    flat = deviation <= 1e-6 * kept.abs().amax(-1, keepdim=True)  # rounding, not preference
    return (centred / deviation.masked_fill(flat, 1.0)).masked_fill(flat, 0.0).float()


def nearest(
    queries: torch.Tensor, blocks: Iterable[torch.Tensor], k: int, budget: int = BUDGET
) -> tuple[torch.Tensor, torch.Tensor]:
    """Search passages by dot product, exactly, block after block; only the best so far are kept.

    Args:
        queries: ``(Q, dimension)``.
        blocks: vectors of passages in order, ``(n, dimension)`` each, on any device.
        k: passages a query.
        budget: bytes that a matrix of scores may take; queries are searched in groups that fit.

    Returns:
        Scores and rows ``(Q, k)``, highest score first, equal scores by row; ``-inf`` and -1 where there are fewer.

    Example:
        >>> nearest(torch.eye(2), [torch.tensor([[1.0, 3.0], [2.0, 0.0]])], 1)
        (tensor([[2.],
                [3.]]), tensor([[1],
                [0]]))
    """
    scores = queries.new_full((len(queries), k), float('-inf'), dtype=torch.float32)
    rows = torch.full((len(queries), k), -1, device=queries.device)
    start = 0
    for block in blocks:
        block = block.to(queries.device)
        numbers = torch.arange(start, start + len(block), device=queries.device)
        group = max(1, budget // (4 * (k + len(block))))
        for first in range(0, len(queries), group):
            part = slice(first, first + group)
            found = torch.cat([scores[part], dot(queries[part], block)], dim=1)
            names = torch.cat([rows[part], numbers.expand(len(found), -1)], dim=1)
            scores[part], places = found.topk(k, dim=1)
            rows[part] = names.gather(1, places)
        start += len(block)
    rows, order = rows.sort(dim=1)
    scores, places = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return scores, rows.gather(1, places)
