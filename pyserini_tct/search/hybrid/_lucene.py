# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Sides of a hybrid search that Anserini or Pyserini search: dense Lucene vectors, impact indexes, feedback over BM25.

The dense side takes Anserini's HNSW and flat indexes alike, with a query encoder in Python.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, rank
from pyserini_tct.search.faiss._folder import refuse_other_encoder

EF_SEARCH = 100  # Pyserini's default


class LuceneDenseSearcher:
    """Search of an Anserini index of dense vectors with a query encoder.

    Scores are inner products, as of ``search.faiss``: Lucene's ``(1 + product) / 2`` undone; Lucene has no score for a
    product below -1, which is -1 here.

    Args:
        index_dir: Lucene index folder, HNSW or flat.
        query_encoder: an object with ``encode_batch``.
        ef_search: candidates that HNSW keeps; at least the number of hits is taken.
        normalize_distances: report ``(1 + product) / 2``, as Lucene does.
        check_encoder: refuse an encoder other than the index's, where the index's manifest names one.

    Raises:
        TctError: no Lucene index is there, or the encoder does not fit.
    """

    def __init__(
        self,
        index_dir: str | Path,
        query_encoder: Any,
        ef_search: int | None = None,
        normalize_distances: bool = False,
        check_encoder: bool = True,
    ) -> None:
        self.index_dir, self.query_encoder = Path(index_dir), query_encoder
        self.ef_search, self.normalize_distances = ef_search or EF_SEARCH, normalize_distances
        if not any(self.index_dir.glob('segments_*')):
            raise TctError(f'{index_dir} is no Lucene index: give the folder that Anserini made')
        student = getattr(query_encoder, 'student', None)
        if check_encoder and student is not None:
            refuse_other_encoder(self.index_dir, student.dimension, query_encoder)
        self._args = _jvm.autoclass('io.anserini.search.HnswDenseSearcher$Args')()
        self._args.index = str(index_dir)
        self._args.efSearch = self.ef_search
        self._object = self._java(_jvm.autoclass('io.anserini.search.HnswDenseSearcher'), self._args)

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """Return the ``k`` best hits of one query, ties by docid."""
        return self.batch_search([query], ['q'], k)['q']

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        self._args.efSearch = max(self.ef_search, k)  # Lucene returns no more hits than that
        texts, ids = (_jvm.autoclass('java.util.ArrayList')() for _ in range(2))
        for vector, qid in zip(self.query_encoder.encode_batch(list(queries)), q_ids, strict=True):
            texts.add(json.dumps(vector.tolist()))
            ids.add(qid)
        found: dict[str, list[Hit]] = {qid: [] for qid in q_ids}
        for entry in self._java(self._object.batch_search, texts, ids, k, threads).entrySet().toArray():
            hits = ((hit.docid, float(hit.score)) for hit in entry.getValue())
            scaled = hits if self.normalize_distances else ((docid, 2 * score - 1) for docid, score in hits)
            found[entry.getKey()] = rank(scaled)
        return found

    def _java(self, method: Any, *words: Any) -> Any:
        try:
            return method(*words)
        except Exception as error:  # jnius.JavaException
            cause = (str(error).splitlines() or ['no message'])[0][:160]
            raise TctError(
                f'{self.index_dir} cannot be searched as an index of dense vectors ({cause}): '
                'name one of the encoder that made it'
            ) from error


class ImpactSearcher:
    """Pyserini's ``LuceneImpactSearcher`` with hits in canonical order.

    Args:
        index_dir: Lucene index folder of impact scores.
        encoder: ``None`` (each word counts once for each time it occurs), a JSONL file of queries encoded before
            (``contents``, ``vector``), or a folder or hub name with ``unicoil``, ``splade`` or ``slim`` in it.
        min_idf: words with an inverse document frequency of at most that are left out.

    Raises:
        TctError: no Lucene index is there, or the encoder cannot be had.
    """

    def __init__(self, index_dir: str | Path, encoder: str | None, min_idf: float = 0) -> None:
        from pyserini_tct import _pyserini

        if not any(Path(index_dir).glob('segments_*')):
            raise TctError(f'{index_dir} is no Lucene index: give the folder that Anserini made')
        self.index_dir = index_dir
        self._searcher = _pyserini.impact_searcher(str(index_dir), encoder, min_idf)

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """Return the ``k`` best hits of one query, ties by docid."""
        return self.batch_search([query], ['q'], k)['q']

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        try:
            found = self._searcher.batch_search(list(queries), list(q_ids), k, threads)
        except KeyError as error:
            raise TctError(f'the query {error} is not among the encoded queries: encode it as well') from error
        except Exception as error:  # jnius.JavaException
            cause = (str(error).splitlines() or ['no message'])[0][:160]
            raise TctError(f'{self.index_dir} cannot be searched as an impact index ({cause})') from error
        return {qid: rank((hit.docid, float(hit.score)) for hit in found.get(qid, [])) for qid in q_ids}
