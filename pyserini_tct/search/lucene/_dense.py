# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Search of Anserini's indexes of dense vectors, HNSW and flat alike, with a query encoder in Python."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _cli, _env, _jvm
from pyserini_tct._manifest import read_manifest
from pyserini_tct.index._lucene_vectors import EF_SEARCH, LuceneVectors
from pyserini_tct.runs import Hit, rank
from pyserini_tct.search import _arguments
from pyserini_tct.search.faiss._folder import refuse_not_finite, refuse_other_encoder


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
        self.encoding = 0.0  # seconds so far
        manifest = read_manifest(self.index_dir) or {}
        self._told = manifest.get('type') == 'flat'  # which has no candidates
        if check_encoder:
            refuse_other_encoder(self.index_dir, manifest.get('dimension'), query_encoder)
        self._index = LuceneVectors(self.index_dir)

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """Return the ``k`` best hits of one query, ties by docid."""
        return self.batch_search([query], ['q'], k)['q']

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        started = time.perf_counter()
        vectors = self.query_encoder.encode_batch(list(queries))
        self.encoding += time.perf_counter() - started
        refuse_not_finite(vectors, queries, q_ids, self.query_encoder)
        if k > self.ef_search and not self._told:
            self._told = True
            _cli.note(f'note: {k} hits need as many candidates: --ef-search is {k}, not {self.ef_search}')
        found = self._index.search(vectors, k, self.ef_search, threads)
        if self.normalize_distances:
            return {qid: rank(hits) for qid, hits in zip(q_ids, found, strict=True)}
        return {
            qid: rank((docid, 2 * score - 1) for docid, score in hits) for qid, hits in zip(q_ids, found, strict=True)
        }


def open_dense(args: argparse.Namespace, batch_size: int) -> LuceneDenseSearcher:
    """Open an index of vectors as the command lines do.

    Raises:
        TctError: index or encoder cannot be had, or they do not fit.
    """
    from pyserini_tct.encode import TctColBertQueryEncoder

    _jvm.prepare(getattr(args, 'heap', None))
    encoder = TctColBertQueryEncoder(
        args.encoder,
        args.tokenizer,
        args.encoded_queries,
        _env.device_of(args.device),
        batch_size=batch_size,
        **_arguments.computing(args),
    )
    return LuceneDenseSearcher(args.index, encoder, args.ef_search, args.normalize_distances, not args.any_encoder)
