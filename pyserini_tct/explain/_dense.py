# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A student's dot product as a sum over tokens: exact, since each vector is the mean of its token vectors."""

from collections.abc import Sequence
from typing import Any

from pyserini_tct.collection import Passage
from pyserini_tct.models.student import Student, pad
from pyserini_tct.text import PREFIX_LENGTH

import torch  # isort: skip


def explain_dense(student: Student, query: str, passage: Passage, passage_length: int | None = None) -> dict[str, Any]:
    """Split the dot product of a query and a passage among their tokens.

    With token vectors ``q_j`` (m of them) and ``t_i`` (n) after the prefix, the score is the sum of
    ``q_j . t_i / (m n)`` over all pairs; a token's contribution is the sum over its row or column.

    Args:
        student: the model.
        query: text.
        passage: title before text.
        passage_length: most ids of the passage; ``None`` takes the checkpoint's.

    Returns:
        ``score``; ``query`` and ``passage``, lists of ``token`` and ``contribution``, each of which sums to the score;
        ``pairs``, the matrix ``(query tokens, passage tokens)``. A passage without a token has no contributions and
        the score 0.
    """
    tokenizer, settings = student.tokenizer, student.settings
    q_ids = tokenizer.queries([query], settings.query_length)[0]
    p_ids = tokenizer.passages([passage], passage_length or settings.passage_length)[0]
    q, p = _token_vectors(student, q_ids), _token_vectors(student, p_ids)
    pairs = (q @ p.T) / max(1, len(q) * len(p))
    pieces = {number: piece for piece, number in tokenizer.vocab.items()}

    def listed(ids: Sequence[int], values: torch.Tensor) -> list[dict[str, Any]]:
        tokens = [pieces[number] for number in ids[PREFIX_LENGTH:]]
        return [{'token': t, 'contribution': c} for t, c in zip(tokens, values.tolist(), strict=True)]

    return {
        'score': float(pairs.sum()),
        'query': listed(q_ids, pairs.sum(1)),
        'passage': listed(p_ids, pairs.sum(0)),
        'pairs': pairs.tolist(),
    }


@torch.inference_mode()
def _token_vectors(student: Student, ids: Sequence[int]) -> torch.Tensor:
    """Return the last layer after the prefix, float64 ``(tokens, dimension)``."""
    tokens, mask = pad([ids], student.tokenizer.pad_id)
    hidden = student.bert(tokens.to(student.device), mask.to(student.device))
    return hidden[0, PREFIX_LENGTH:].double().cpu()
