# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Search of a Faiss index folder (ours or stock Pyserini's), on Pyserini's interface, with texts and canonical ties."""

import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.runs import Ranking
from pyserini_tct.search.faiss._engines import distinct, engine_of, in_order
from pyserini_tct.search.faiss._folder import (
    Document,
    Texts,
    folders_of,
    load_shards,
    refuse_not_finite,
    refuse_other_encoder,
)


class VectorHit(NamedTuple):
    """A hit with its passage's vector, for feedback methods."""

    docid: str
    score: float
    vectors: np.ndarray


class FaissSearcher:
    """Dense search with Pyserini's signature.

    Args:
        index_dir: folder with ``index`` and ``docid``, or several, which are searched as one.
        query_encoder: an encoder object (ours or Pyserini's), or the folder or hub name of a student.
        prebuilt_index_name: name in Pyserini's registry, if it is one; gives :meth:`doc` its texts.
        normalize_distances: report ``(1 + score) / 2``, as Pyserini does; it has a meaning for unit vectors only.
        faiss_device: ``cpu``; Faiss on a GPU is not offered by ``faiss-cpu``.
        check_encoder: refuse an encoder other than the index's, where the index's manifest names one.

    Raises:
        TctError: the index is missing or truncated, its ``docid`` has another length, or the encoder does not fit.

    Example:
        >>> searcher = FaissSearcher('index', 'tct_colbert-mine')        # doctest: +SKIP
        >>> [hit.docid for hit in searcher.search('lobster roll', 3)]   # doctest: +SKIP
    """

    def __init__(
        self,
        index_dir: str | Path | Sequence[str | Path],
        query_encoder: Any,
        prebuilt_index_name: str | None = None,
        normalize_distances: bool = False,
        faiss_device: str = 'cpu',
        check_encoder: bool = True,
    ) -> None:
        if faiss_device != 'cpu':
            raise TctError(f'faiss_device {faiss_device!r} is not available with faiss-cpu: use cpu')
        folders = [Path(folder) for folder in ([index_dir] if isinstance(index_dir, (str, Path)) else index_dir)]
        self.index_dir, self.prebuilt_index_name = folders[0], prebuilt_index_name
        self.normalize_distances = normalize_distances
        self.indexes, self.docids = load_shards(folders)
        self.index, self._folders = self.indexes[0], folders
        self._engine = engine_of(self.indexes)
        self._names = np.array(self.docids, object)
        self.dimension, self.num_docs = self.index.d, len(self.docids)
        self.encoding = 0.0  # seconds so far
        if isinstance(query_encoder, (str, Path)):
            from pyserini_tct.encode import TctColBertQueryEncoder

            query_encoder = TctColBertQueryEncoder(query_encoder)
        self.query_encoder = query_encoder
        if check_encoder:
            for folder in folders:
                refuse_other_encoder(folder, self.dimension, query_encoder)
        self._texts: list[Texts] = []

    @classmethod
    def from_prebuilt_index(
        cls, prebuilt_index_name: str, query_encoder: Any, normalize_distances: bool = False, faiss_device: str = 'cpu'
    ) -> 'FaissSearcher':
        """Open one of Pyserini's prebuilt indexes, downloaded on first use.

        Raises:
            TctError: unknown name, or no network.
        """
        from pyserini_tct import _pyserini

        return cls(
            _pyserini.index(prebuilt_index_name, 'FAISS'),
            query_encoder,
            prebuilt_index_name,
            normalize_distances,
            faiss_device,
        )

    def search(
        self,
        query: str | np.ndarray,
        k: int = 10,
        threads: int = 1,
        remove_dups: bool = False,
        return_vector: bool = False,
    ) -> Any:
        """Return the ``k`` best hits of one query, ties by docid.

        Args:
            query: text, or a vector ``(1, dimension)`` or ``(dimension,)``.
            k: number of hits; more than the index has returns all.
            threads: Faiss threads.
            remove_dups: drop repeated docids (an index may hold several vectors of one).
            return_vector: return ``(query vector, hits with vectors)`` instead.
        """
        vector = self._vectors([query] if isinstance(query, str) else np.atleast_2d(np.asarray(query, np.float32)))
        if len(vector) != 1:
            raise TctError(f'{len(vector)} query vectors: search takes one, batch_search several')
        return self._search(vector, ['q'], k, threads, return_vector, remove_dups, single=True)

    def batch_search(
        self,
        queries: Sequence[str] | np.ndarray,
        q_ids: Sequence[str],
        k: int = 10,
        threads: int = 1,
        return_vector: bool = False,
        remove_dups: bool = False,
    ) -> Any:
        """Return ``{qid: hits}`` of several queries; see :meth:`search`.

        Raises:
            TctError: ``queries`` and ``q_ids`` differ in number.
        """
        if len(queries) != len(q_ids):
            raise TctError(f'{len(queries)} queries for {len(q_ids)} query ids: one each is needed')
        return self._search(self._vectors(queries, q_ids), q_ids, k, threads, return_vector, remove_dups)

    def doc(self, docid: str) -> Document | None:
        """Return the text of a passage, or ``None`` for an unknown docid.

        Raises:
            TctError: the index has no texts.
        """
        if not self._texts:
            start = 0
            for folder, index in zip(self._folders, self.indexes, strict=True):
                docids = self.docids[start : start + index.ntotal]
                self._texts.append(Texts(folder, docids, self.prebuilt_index_name))
                start += index.ntotal
        return next((found for texts in self._texts if (found := texts.doc(docid)) is not None), None)

    @functools.cached_property
    def distinct_docs(self) -> int:
        """Passages, each docid counted once."""
        return len(set(self.docids))

    def _vectors(self, queries: Sequence[str] | np.ndarray, q_ids: Sequence[str] = ()) -> np.ndarray:
        started = time.perf_counter()
        if isinstance(queries, np.ndarray):
            vectors = queries
        elif hasattr(self.query_encoder, 'encode_batch'):
            vectors = self.query_encoder.encode_batch(list(queries))
        else:
            vectors = np.stack([self.query_encoder.encode(query) for query in queries])
        self.encoding += time.perf_counter() - started
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise TctError(
                f'query vectors have shape {vectors.shape}, the index {self.index_dir} has dimension {self.dimension}: '
                'use the encoder that made the index'
            )
        refuse_not_finite(vectors, queries, q_ids, self.query_encoder)
        return vectors

    def _search(
        self,
        vectors: np.ndarray,
        q_ids: Sequence[str],
        k: int,
        threads: int,
        return_vector: bool,
        remove_dups: bool = False,
        single: bool = False,
    ) -> Any:
        results: dict[str, Any] = {}
        with _env.no_collector():
            for qid, (rows, scores) in zip(q_ids, self._ranked(vectors, k, threads, remove_dups), strict=True):
                hits = Ranking(self._names[rows].tolist(), scores)
                if return_vector:
                    stored = map(self._engine.vector, rows.tolist())
                    results[qid] = [VectorHit(*hit, vector) for hit, vector in zip(hits, stored, strict=True)]
                else:
                    results[qid] = list(hits)
        answer = results['q'] if single else results
        return (vectors, answer) if return_vector else answer

    def rankings(
        self, queries: Sequence[str] | np.ndarray, q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, Ranking]:
        """Return what :meth:`batch_search` does, each docid once and without an object for each hit."""
        ranked = zip(q_ids, self._ranked(self._vectors(queries, q_ids), k, threads, remove_dups=True), strict=True)
        return {qid: Ranking(self._names[rows].tolist(), scores) for qid, (rows, scores) in ranked}

    def _ranked(
        self, vectors: np.ndarray, k: int, threads: int, remove_dups: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and scores ``(hits,)`` of each query, by score as written, then docid."""
        if k < 1:
            raise TctError(f'k = {k}: at least one hit is needed')
        depth = min(k, self.num_docs)
        for vector, (scores, rows) in zip(vectors, self._engine.nearest(vectors, depth, threads), strict=True):
            scores, rows = in_order(scores, rows, self._names)
            if remove_dups:
                scores, rows = distinct(self._engine, vector, (scores, rows), self._names, k, threads)
            scores, rows = scores[:k], rows[:k]
            yield rows, (1 + scores) / 2 if self.normalize_distances else scores


def open_searcher(
    index: str | Path | Sequence[str],
    encoder: str | None,
    tokenizer: str | None = None,
    encoded_queries: str | None = None,
    device: str = 'cpu',
    batch_size: int = 64,
    normalize_distances: bool = False,
    check_encoder: bool = True,
    **computing: Any,
) -> FaissSearcher:
    """Open index folders or Pyserini's prebuilt names, searched as one, with an encoder, as the command lines do.

    Raises:
        TctError: index or encoder cannot be had, or they do not fit.
    """
    from pyserini_tct.encode import TctColBertQueryEncoder

    names = [str(index)] if isinstance(index, (str, Path)) else list(index)
    paths = folders_of(names, computing.get('backend') if encoder and check_encoder else None)
    query_encoder = TctColBertQueryEncoder(
        encoder, tokenizer, encoded_queries, _env.device_of(device), batch_size=batch_size, **computing
    )
    prebuilt = None if len(paths) > 1 or paths == [Path(names[0])] else names[0]
    return FaissSearcher(paths, query_encoder, prebuilt, normalize_distances, check_encoder=check_encoder)
