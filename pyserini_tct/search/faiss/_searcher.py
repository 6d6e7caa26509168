# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Search of a Faiss index folder (ours or stock Pyserini's), on Pyserini's interface, with texts and canonical ties."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.index._open import load_index
from pyserini_tct.runs import Hit
from pyserini_tct.search.faiss._folder import Document, Texts, make_direct_map, refuse_other_encoder

SPARE = 16  # hits fetched beyond k, to see whether a tie straddles the cut


class VectorHit(NamedTuple):
    """A hit with its passage's vector, for feedback methods."""

    docid: str
    score: float
    vectors: np.ndarray


class FaissSearcher:
    """Dense search with Pyserini's signature.

    Args:
        index_dir: folder with ``index`` and ``docid``.
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
        index_dir: str | Path,
        query_encoder: Any,
        prebuilt_index_name: str | None = None,
        normalize_distances: bool = False,
        faiss_device: str = 'cpu',
        check_encoder: bool = True,
    ) -> None:
        if faiss_device != 'cpu':
            raise TctError(f'faiss_device {faiss_device!r} is not available with faiss-cpu: use cpu')
        self.index_dir, self.prebuilt_index_name = Path(index_dir), prebuilt_index_name
        self.normalize_distances = normalize_distances
        self.index, self.docids = load_index(self.index_dir)
        self.dimension, self.num_docs = self.index.d, self.index.ntotal
        if isinstance(query_encoder, (str, Path)):
            from pyserini_tct.encode import TctColBertQueryEncoder

            query_encoder = TctColBertQueryEncoder(query_encoder)
        self.query_encoder = query_encoder
        if check_encoder:
            refuse_other_encoder(self.index_dir, self.dimension, query_encoder)
        self._texts: Texts | None = None

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
    ) -> Any:
        """Return ``{qid: hits}`` of several queries; see :meth:`search`.

        Raises:
            TctError: ``queries`` and ``q_ids`` differ in number.
        """
        if len(queries) != len(q_ids):
            raise TctError(f'{len(queries)} queries for {len(q_ids)} query ids: one each is needed')
        return self._search(self._vectors(queries), q_ids, k, threads, return_vector)

    def doc(self, docid: str) -> Document | None:
        """Return the text of a passage, or ``None`` for an unknown docid.

        Raises:
            TctError: the index has no texts.
        """
        if self._texts is None:
            self._texts = Texts(self.index_dir, self.docids, self.prebuilt_index_name)
        return self._texts.doc(docid)

    def _vectors(self, queries: Sequence[str] | np.ndarray) -> np.ndarray:
        if isinstance(queries, np.ndarray):
            vectors = queries
        elif hasattr(self.query_encoder, 'encode_batch'):
            vectors = self.query_encoder.encode_batch(list(queries))
        else:
            vectors = np.stack([self.query_encoder.encode(query) for query in queries])
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise TctError(
                f'query vectors have shape {vectors.shape}, the index {self.index_dir} has dimension {self.dimension}: '
                'use the encoder that made the index'
            )
        if not np.isfinite(vectors).all():
            raise TctError('a query vector holds NaN or infinity: the checkpoint is unsound')
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
        if k < 1:
            raise TctError(f'k = {k}: at least one hit is needed')
        with _env.faiss_threads(threads):
            found = {
                qid: self._ranked(vectors[i : i + 1], *rows, k, remove_dups)
                for i, (qid, rows) in enumerate(zip(q_ids, self._scan(vectors, k), strict=True))
            }
        results: dict[str, Any] = {}
        if return_vector:
            make_direct_map(self.index)
        for qid, ranked in found.items():
            if return_vector:
                results[qid] = [VectorHit(*hit, self.index.reconstruct(row)) for hit, row in ranked]
            else:
                results[qid] = [hit for hit, _ in ranked]
        answer = results['q'] if single else results
        return (vectors, answer) if return_vector else answer

    def _scan(self, vectors: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield scores and rows of each query's best hits, a few more than ``k``."""
        scores, rows = self.index.search(vectors, min(k + SPARE, self.num_docs))
        yield from zip(scores, rows, strict=True)

    def _ranked(
        self, vector: np.ndarray, scores: np.ndarray, rows: np.ndarray, k: int, remove_dups: bool
    ) -> list[tuple[Hit, int]]:
        """Order by score, then docid; search deeper where equal scores straddle the cut, so that docids decide."""
        while True:
            found = zip(self._scaled(scores), rows.tolist(), strict=True)
            best = [(Hit(self.docids[row], score), row) for score, row in found if row >= 0]
            if (np.diff(scores) > -4e-6).any():  # as Faiss gives them, unless scores are equal as written
                best.sort(key=lambda pair: (-round(pair[0].score, 6), pair[0].docid, pair[1]))
            if remove_dups:
                first: dict[str, tuple[Hit, int]] = {}
                for hit, row in best:
                    first.setdefault(hit.docid, (hit, row))
                best = list(first.values())
            all_found = len(rows) >= self.num_docs or rows[-1] < 0  # Faiss fills up with -1 when it finds no more
            if all_found or (len(best) > k and round(best[k - 1][0].score, 6) > round(best[-1][0].score, 6)):
                return best[:k]
            depth = min(4 * len(rows), self.num_docs)
            scores, rows = (part[0] for part in self.index.search(vector, depth))

    def _scaled(self, scores: np.ndarray) -> list[float]:
        return ((1 + scores) / 2 if self.normalize_distances else scores).tolist()


def open_searcher(
    index: str,
    encoder: str | None,
    tokenizer: str | None = None,
    encoded_queries: str | None = None,
    device: str = 'cpu',
    batch_size: int = 64,
    normalize_distances: bool = False,
    check_encoder: bool = True,
) -> FaissSearcher:
    """Open an index folder or one of Pyserini's prebuilt names with an encoder, as the command lines do.

    Raises:
        TctError: index or encoder cannot be had, or they do not fit.
    """
    from pyserini_tct.encode import TctColBertQueryEncoder

    path = Path(index)
    if not path.exists():
        from pyserini_tct import _pyserini

        path = _pyserini.index(index, 'FAISS')
    query_encoder = TctColBertQueryEncoder(
        encoder, tokenizer, encoded_queries, _env.device_of(device), batch_size=batch_size
    )
    return FaissSearcher(
        path, query_encoder, None if path == Path(index) else index, normalize_distances, check_encoder=check_encoder
    )
