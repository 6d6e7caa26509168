# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""ColBERT from end to end: passages that own the nearest tokens of each query token, then exact MaxSim over them.

Source: ColBERT (arXiv 2004.12832), section 3.6.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct._faiss_file import read_index
from pyserini_tct.index import _graphs
from pyserini_tct.models import colbert
from pyserini_tct.models.colbert import ColBert, TokenVectors
from pyserini_tct.models.tokens import PassageTokens
from pyserini_tct.runs import Hit, rank
from pyserini_tct.search.rerank._maxsim import encode_queries, maxsim_of

NPROBE, CANDIDATES = 10, 1024


class ColbertSearcher:
    """Search of a ColBERT index, on the interface of the other searchers.

    Args:
        index_dir: folder written by ``index.colbert``.
        encoder: the ColBERT that made its token vectors, or its folder or hub name.
        candidates: nearest token vectors that each query token takes from the index; their passages are scored.
        nprobe: cells that an IVF index looks into; ``None``: 10.
        ef_search: candidates that an HNSW index keeps while it searches; at least ``candidates`` are.
        precision: of the query encoder, ``fp32`` or ``bf16``; MaxSim is always fp32.

    Attributes:
        searched, scored: queries that were searched so far, and the passages that were scored for them.

    Raises:
        TctError: the index is missing, damaged or of another ColBERT, or has no use for ``nprobe`` or ``ef_search``.
    """

    def __init__(
        self,
        index_dir: str | Path,
        encoder: ColBert | str | Path,
        candidates: int = CANDIDATES,
        nprobe: int | None = None,
        ef_search: int | None = None,
        precision: str = 'fp32',
    ) -> None:
        if candidates < 1:
            raise TctError(f'{candidates} candidates: each query token needs at least one')
        self.store = PassageTokens(Path(index_dir), 'colbert-index')
        self.model = encoder.eval() if isinstance(encoder, ColBert) else colbert.load(encoder)
        self.store.check_model(self.model)
        self.index = _read(Path(index_dir), self.store.vectors.shape)
        _tune(self.index, nprobe, ef_search)
        self.candidates, self.precision, self.num_docs = candidates, precision, len(self.store)
        self.searched = self.scored = 0

    def search(self, query: str, k: int = 10, threads: int = 1) -> list[Hit]:
        """Return the ``k`` best hits of one query, ties by docid; fewer where fewer passages were found."""
        return self.batch_search([query], ['q'], k, threads)['q']

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`.

        Raises:
            TctError: ``k`` is not positive, or ``queries`` and ``q_ids`` differ in number.
        """
        if k < 1:
            raise TctError(f'k = {k}: at least one hit is needed')
        if len(queries) != len(q_ids):
            raise TctError(f'{len(queries)} queries for {len(q_ids)} query ids: one each is needed')
        tokens = encode_queries(self.model, queries, self.precision)
        found = {}
        for i, (qid, rows) in enumerate(zip(q_ids, self.candidate_rows(tokens, threads), strict=True)):
            one = TokenVectors(tokens.vectors[i : i + 1], tokens.counted[i : i + 1])
            found[qid] = self.scored_hits(one, rows, k)
            self.searched, self.scored = self.searched + 1, self.scored + len(rows)
        return found

    def scored_hits(self, query: TokenVectors, rows: Sequence[int], k: int) -> list[Hit]:
        """Return the ``k`` best of some passages for one query, by exact MaxSim."""
        scores = maxsim_of(self.model, self.store, query, rows).astype(np.float64).tolist()
        return rank(zip([self.store.docids[row] for row in rows], scores, strict=True), k)

    def candidate_rows(self, tokens: TokenVectors, threads: int = 1) -> list[list[int]]:
        """Return the rows of the passages that own the nearest tokens of each query, in ascending order."""
        counted = tokens.counted.cpu()
        with _env.faiss_threads(threads):
            wanted = min(self.candidates, self.index.ntotal)
            _, near = _graphs.search(self.index, tokens.vectors.float().cpu()[counted].numpy(), wanted)
        ends = np.cumsum(counted.sum(1).numpy())[:-1]
        owners = np.searchsorted(self.store.offsets, near, side='right') - 1
        owners[near < 0] = -1  # Faiss fills up with -1 when it finds no more
        return [[row for row in np.unique(part).tolist() if row >= 0] for part in np.split(owners, ends)]


def _read(folder: Path, shape: tuple[int, ...]) -> Any:
    index = read_index(folder)
    if (index.ntotal, index.d) != shape:
        raise TctError(
            f'{folder} has {index.ntotal} vectors of {index.d} dimensions, the token vectors beside it are {shape[0]} '
            f'of {shape[1]}: build the index again'
        )
    return index


def _tune(index: Any, nprobe: int | None, ef_search: int | None) -> None:
    import faiss

    ivf = faiss.try_extract_index_ivf(index)
    if ivf is not None:
        ivf.nprobe = min(nprobe or NPROBE, ivf.nlist)
    elif nprobe:
        raise TctError('--nprobe is for IVF, and this is another kind of index: leave it out')
    if ef_search:
        if not hasattr(index, 'hnsw'):
            raise TctError('--ef-search is for HNSW, and this is another kind of index: leave it out')
        index.hnsw.efSearch = ef_search
