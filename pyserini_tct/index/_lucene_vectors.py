# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Anserini's index of dense vectors, flat or HNSW, which stock Pyserini reads: made of a vector store, and searched.

Lucene keeps (1 + product) / 2 as its score, and 0 for products below -1: where the vectors give such, a note says so.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _cli, _env, _manifest
from pyserini_tct._errors import TctError
from pyserini_tct.index import _lucene

TYPES = {'flat': 'Flat', 'hnsw': 'Hnsw'}
PASSAGES = 1 << 16  # of a parquet file at most
LOOKED_AT = 1000  # passages whose products are looked at
EF_SEARCH = 100  # Pyserini's default


class LuceneVectors:
    """An Anserini index of dense vectors, HNSW and flat alike, opened for search.

    Args:
        folder: index folder.

    Raises:
        TctError: no Lucene index of vectors is there, it is damaged, or there is no usable Java.
    """

    def __init__(self, folder: Path) -> None:
        from pyserini_tct import _jvm

        if not any(folder.glob('segments_*')):
            raise TctError(f'{folder} is no Lucene index: give the folder that Anserini made')
        _jvm.prepare()
        self.dimension = _lucene.vector_dimension(folder)
        if not self.dimension:
            raise TctError(f'{folder} holds no dense vectors: name one of `index.lucene --dense`')
        self.folder, self._autoclass = folder, _jvm.autoclass
        self._args = _jvm.autoclass('io.anserini.search.HnswDenseSearcher$Args')()
        self._args.index = str(folder)
        self._object = self._java(_jvm.autoclass('io.anserini.search.HnswDenseSearcher'), self._args)

    def search(
        self, vectors: np.ndarray, k: int, ef_search: int = EF_SEARCH, threads: int = 1
    ) -> list[list[tuple[str, float]]]:
        """Return docids and Lucene's scores, ``(1 + product) / 2``, for each query vector ``(Q, dimension)``.

        HNSW keeps ``ef_search`` candidates, or ``k`` where that is more: Lucene returns no more hits than it keeps.

        Raises:
            TctError: the index holds vectors of another dimension, or Lucene failed.
        """
        if vectors.shape[1] != self.dimension:
            raise TctError(
                f'{self.folder} has vectors of dimension {self.dimension}, the queries have {vectors.shape[1]}: '
                'give the encoder that made it'
            )
        self._args.efSearch = max(ef_search, k)
        texts, numbers = (self._autoclass('java.util.ArrayList')() for _ in range(2))
        for number, vector in enumerate(vectors):
            texts.add(json.dumps(vector.tolist()))
            numbers.add(str(number))
        entries = self._java(self._object.batch_search, texts, numbers, k, threads).entrySet().toArray()
        found = {int(entry.getKey()): entry.getValue() for entry in entries}
        if len(found) < len(vectors):  # Anserini prints what a query threw, and goes on
            raise _lucene.damaged(self.folder, RuntimeError(f'{len(vectors) - len(found)} queries failed in Lucene'))
        return [[(hit.docid, float(hit.score)) for hit in found[number]] for number in range(len(vectors))]

    def _java(self, method: Any, *words: Any) -> Any:
        try:
            return method(*words)
        except Exception as error:  # jnius.JavaException
            raise _lucene.damaged(self.folder, error) from error


def build_vectors(
    store_path: Path,
    output: Path,
    kind: str = 'hnsw',
    m: int = 16,
    ef_construction: int = 100,
    threads: int = 1,
    overwrite: bool = False,
    heap: str | None = None,
) -> int:
    """Index a vector store by Anserini.

    Args:
        store_path: folder written by ``encode``, or a flat Faiss index folder.
        output: new index folder; it appears whole or not at all.
        kind: ``flat`` (exact) or ``hnsw``.
        m, ef_construction: links a vector and candidates kept while the graph is built (``hnsw``).
        threads: indexing threads; one gives the same graph each time.
        overwrite: replace an existing folder.
        heap: most memory of the Java heap, such as ``8g``.

    Returns:
        Passages indexed.

    Raises:
        TctError: bad vectors, an output that exists, no usable Java, or Anserini indexed another number of passages.
    """
    from pyserini_tct import _jvm
    from pyserini_tct.index import _open

    _atomic.check_free(output, overwrite, 'lucene-vectors', [store_path])
    (source,) = _open.open_sources([store_path])
    _warn_of_negatives(next(_open.blocks(source))[:LOOKED_AT])
    _jvm.prepare(heap)
    graph = {'m': m, 'ef_construction': ef_construction} if kind == 'hnsw' else {}
    with _atomic.workspace(output) as work:
        parquet, target = work / 'vectors', work / 'index'
        parquet.mkdir()
        number = itertools.count()
        for docids, vectors in source.shards(verify=True):
            for start in range(0, len(docids), PASSAGES):
                part = slice(start, start + PASSAGES)
                _write_parquet(parquet / f'{next(number):05d}.parquet', docids[part], vectors[part])
        _jvm.autoclass(f'io.anserini.index.Index{TYPES[kind]}DenseVectors').main(
            [
                *('-collection', 'ParquetDenseVectorCollection', '-generator', 'DenseVectorDocumentGenerator'),
                *('-input', str(parquet), '-index', str(target), '-threads', str(threads)),
                *(('-M', str(m), '-efC', str(ef_construction)) if graph else ()),
            ]
        )
        indexed = _lucene.count_documents(target)
        if indexed != len(source):
            raise TctError(
                f'{store_path} has {len(source)} vectors but Anserini indexed {indexed}: '
                'see what it printed above, or is the disk full?'
            )
        content = _open.common([source])
        manifest = _manifest.describe(
            'lucene-vectors', {'type': kind, **graph, **content, 'count': indexed}, [_open.described(store_path)]
        )
        _atomic.publish(target, output, manifest)
    return indexed


def _write_parquet(path: Path, docids: Sequence[str], vectors: np.ndarray) -> None:
    """Write vectors ``(passages, dimension)`` as columns ``docid`` and ``vector``, which Anserini reads."""
    pyarrow, parquet = (_env.need(name, 'datasets', str(path)) for name in ('pyarrow', 'pyarrow.parquet'))

    flat = pyarrow.array(np.ascontiguousarray(vectors, np.float32).ravel())
    bounds = pyarrow.array(np.arange(len(docids) + 1, dtype=np.int32) * vectors.shape[1])
    table = pyarrow.table({'docid': list(docids), 'vector': pyarrow.ListArray.from_arrays(bounds, flat)})
    parquet.write_table(table, path)


def _warn_of_negatives(vectors: np.ndarray) -> None:
    least = float(np.min(vectors @ vectors.T))
    if least < -1:
        _cli.note(
            f'note: passages have inner products down to {least:.1f}; Lucene gives products below -1 no score of their '
            'own, so such hits tie at -1'
        )
