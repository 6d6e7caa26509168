# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A vector store to Anserini's index of dense vectors, flat or HNSW, which stock Pyserini reads.

Lucene keeps (1 + product) / 2 as its score, and 0 for products below -1: where the vectors give such, a note says so.
"""

import json
from pathlib import Path

import numpy as np

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError

TYPES = {'flat': 'Flat', 'hnsw': 'Hnsw'}
LOOKED_AT = 1000  # passages whose products are looked at


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
    from pyserini_tct.index.lucene import count_documents

    _atomic.check_free(output, overwrite, 'lucene-vectors', [store_path])
    (source,) = _open.open_sources([store_path])
    _warn_of_negatives(next(_open.blocks(source))[:LOOKED_AT])
    _jvm.prepare(heap)
    graph = {'m': m, 'ef_construction': ef_construction} if kind == 'hnsw' else {}
    with _atomic.workspace(output) as work:
        lines, target = work / 'vectors', work / 'index'
        lines.mkdir()
        for number, (docids, vectors) in enumerate(source.shards(verify=True)):
            with open(lines / f'{number:05d}.jsonl', 'w', encoding='utf-8', newline='\n') as out:
                for docid, vector in zip(docids, vectors, strict=True):
                    # Anserini wants `docid`, other readers of such files `id`.
                    out.write(json.dumps({'id': docid, 'docid': docid, 'vector': vector.tolist()}) + '\n')
        _jvm.autoclass(f'io.anserini.index.Index{TYPES[kind]}DenseVectors').main(
            [
                *('-collection', 'JsonDenseVectorCollection', '-generator', 'DenseVectorDocumentGenerator'),
                *('-input', str(lines), '-index', str(target), '-threads', str(threads)),
                *(('-M', str(m), '-efC', str(ef_construction)) if graph else ()),
            ]
        )
        indexed = count_documents(target)
        if indexed != len(source):
            raise TctError(
                f'{store_path} has {len(source)} vectors but Anserini indexed {indexed}: '
                'see what it printed above, or is the disk full?'
            )
        content = {key: source.manifest[key] for key in _open.KEPT if key in source.manifest}
        manifest = _manifest.describe(
            'lucene-vectors', {'type': kind, **graph, **content, 'count': indexed}, [_open.described(store_path)]
        )
        _atomic.publish(target, output, manifest)
    return indexed


def _warn_of_negatives(vectors: np.ndarray) -> None:
    least = float(np.min(vectors @ vectors.T))
    if least < -1:
        _cli.note(
            f'note: passages have inner products down to {least:.1f}; Lucene gives products below -1 no score of their '
            'own, so such hits tie at -1'
        )
