# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by a ColBERT's MaxSim, from token vectors that are computed once and read from disk."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert, score
from pyserini_tct.models.tokens import TokenStore, write_token_store
from pyserini_tct.runs import Hit, rank

GAP = 1e-3  # between the last passage re-ranked and those below it, which keep their order


class MaxSimReranker:
    """Score passages anew with a ColBERT.

    Args:
        model: the ColBERT.
        passages: every passage that may have to be scored.
        folder: new folder for their token vectors.
        precision: of the encoder, ``fp32`` or ``bf16``; MaxSim is always fp32.
        reuse: take the folder as it is, if it is there: it was made with the same model and passages.

    Attributes:
        store: the token vectors.
    """

    def __init__(
        self, model: ColBert, passages: Iterable[Passage], folder: Path, precision: str = 'fp32', reuse: bool = False
    ) -> None:
        self.model, self.precision = model.eval(), precision
        # In order of length, so that a block holds passages of like length and little padding is encoded.
        ordered = sorted(passages, key=lambda passage: len(passage.contents))
        self._rows = {passage.docid: row for row, passage in enumerate(ordered)}
        if not (reuse and folder.is_dir()):
            with _env.autocast(model.device.type, precision):
                write_token_store(folder, len(ordered), lambda a, b: model.encode_passages(ordered[a:b]), 'tokens')
        self.store = TokenStore(folder)

    @torch.no_grad()
    def rerank(self, query: str, docids: Sequence[str]) -> list[Hit]:
        """Return the passages by MaxSim, ties by docid.

        Raises:
            TctError: a docid is not among the passages.
        """
        unknown = next((docid for docid in docids if docid not in self._rows), None)
        if unknown is not None:
            raise TctError(f'passage {unknown} has no text here: name the corpus that the run was made from')
        if not docids:
            return []
        with _env.autocast(self.model.device.type, self.precision):
            tokens = self.model.encode_queries([query])
        found = score(tokens, self.store.rows([self._rows[docid] for docid in docids], self.model.device))[0]
        return rank(zip(docids, found.cpu().numpy().astype(np.float64).tolist(), strict=True))

    def rerank_run(self, run: Mapping[str, float], query: str, depth: int) -> list[Hit]:
        """Re-rank the best ``depth`` passages of a list; the others keep their order below them."""
        ranked = rank(run)
        head = self.rerank(query, [hit.docid for hit in ranked[:depth]])
        floor = head[-1].score if head else 0.0
        return head + [Hit(hit.docid, floor - GAP * (i + 1)) for i, hit in enumerate(ranked[depth:])]


def needed(run: Mapping[str, Mapping[str, float]], depth: int) -> set[str]:
    """Return the docids among the best ``depth`` of any query."""
    return {hit.docid for scores in run.values() for hit in rank(scores, depth)}
