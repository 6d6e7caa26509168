# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A student as a teacher: a late-interaction model with one vector a text, whose MaxSim is the dot product."""

from collections.abc import Sequence

import torch

from pyserini_tct.collection import Passage
from pyserini_tct.models import packed
from pyserini_tct.models.colbert import Scorer, TokenVectors
from pyserini_tct.models.student import Student
from pyserini_tct.scoring import dot


class BiEncoder(torch.nn.Module):
    """A student with the face of a ColBERT.

    Args:
        student: the network. Its dot products are the logits of its own training, so its scale is 1.
    """

    logit_scale = 1.0

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student, self.sha256 = student, student.sha256
        self.tokenizer, self.settings = student.tokenizer, student.settings

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.student.device

    @property
    def scorer(self) -> Scorer:
        """From one vector a text to dot products; it holds no weights."""
        return _score

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        """Return the vectors of queries, ``(queries, 1, dimension)``."""
        return self._vectors(self.tokenizer.queries(texts, self.settings.query_length))

    def encode_passages(self, passages: Sequence[Passage]) -> TokenVectors:
        """Return the vectors of passages, ``(passages, 1, dimension)``."""
        return self._vectors(self.tokenizer.passages(passages, self.settings.passage_length))

    def forward(self, queries: Sequence[str], passages: Sequence[Passage]) -> torch.Tensor:
        """Return the dot product of each query with each passage, ``(queries, passages)``."""
        return self.student.scores(queries, passages)

    def _vectors(self, rows: list[list[int]]) -> TokenVectors:
        states = packed.hidden_states(self.student.bert, [rows])
        vectors = packed.mean(states, [len(row) for row in rows]).unsqueeze(1)
        return TokenVectors(vectors, torch.ones(vectors.shape[:2], dtype=torch.bool, device=vectors.device))


def _score(queries: TokenVectors, passages: TokenVectors) -> torch.Tensor:
    with torch.autocast(queries.vectors.device.type, enabled=False):
        return dot(queries.vectors[:, 0], passages.vectors[:, 0])
