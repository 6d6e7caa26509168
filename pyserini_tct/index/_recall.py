# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What an index misses: it is compared with exact search of the vectors that it was made from.

Recall is the share of the k exactly best passages that the index finds among its k. Vectors of another model would give
a number, too, so manifests are compared first.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct._manifest import digest, read_manifest
from pyserini_tct.index import _graphs
from pyserini_tct.index._open import ORIGIN, Source, blocks, described, load_index, open_sources, sample

DEPTHS = (10, 100, 1000)
OTHER = 'name the vectors that it was made from'


def recall(folder: Path, vectors: Sequence[Path], queries: np.ndarray, threads: int = 1) -> dict[str, Any]:
    """Compare an index with exact search of the vectors that it was made from.

    Args:
        folder: index folder, Faiss or Lucene.
        vectors: vector stores or flat index folders, of the same passages in the same order.
        queries: ``(Q, dimension)``.
        threads: of both searches.

    Returns:
        ``recall`` by depth (at most the number of passages), and milliseconds a query of the index and of exact search.

    Raises:
        TctError: the vectors are not those of the index.
    """
    import torch

    from pyserini_tct.scoring import nearest

    sources = open_sources(vectors)
    docids = [docid for source in sources for names, _ in source.shards() for docid in names]
    if queries.shape[1] != sources[0].dimension:
        raise TctError(f'the queries have dimension {queries.shape[1]}, {vectors[0]} has {sources[0].dimension}')
    _check_encoder(folder, vectors, sources)
    deepest = min(DEPTHS[-1], len(docids))
    with _env.threads(threads):
        opened = _lucene_rows if any(folder.glob('segments_*')) else _faiss_rows
        search = opened(folder, vectors, sources, docids)
        _check_parents(folder, vectors, sources)
        started = time.perf_counter()
        rows = search(queries, deepest)
        searched = time.perf_counter()
        passages = itertools.chain.from_iterable(map(blocks, sources))
        exact, _ = nearest(torch.from_numpy(queries), map(torch.tensor, passages), deepest)
        scanned = time.perf_counter()
    wanted = np.unique(rows[rows >= 0])
    stored = sample(sources, wanted)
    found: dict[int, float] = {}
    for depth in dict.fromkeys(min(depth, deepest) for depth in DEPTHS):
        shares = []
        for query, line, best in zip(queries, rows, exact.numpy(), strict=True):
            scores = stored[np.searchsorted(wanted, line[:depth][line[:depth] >= 0])] @ query
            least = best[depth - 1]
            shares.append(min(1.0, (scores >= least - 1e-5 * abs(least)).sum() / depth))  # any of equals will do
        found[depth] = float(np.mean(shares))
    milliseconds = {'index': searched - started, 'exact': scanned - searched}
    return {
        'recall': found,
        'queries': len(queries),
        'ms_per_query': {name: 1000 * seconds / len(queries) for name, seconds in milliseconds.items()},
    }


Search = Callable[[np.ndarray, int], np.ndarray]  # queries and depth to rows (Q, depth), -1 where nothing was found


def _faiss_rows(folder: Path, vectors: Sequence[Path], sources: Sequence[Source], docids: Sequence[str]) -> Search:
    index, names = load_index(folder)
    what = ' and '.join(map(str, vectors))
    if index.d != sources[0].dimension:
        raise TctError(f'{what} has dimension {sources[0].dimension}, {folder} has {index.d}: {OTHER}')
    if len(names) != len(docids):
        raise TctError(f'{what} has {len(docids)} vectors, {folder} has {len(names)}: {OTHER}')
    if list(names) != list(docids):
        raise TctError(f'{what} has other docids than {folder}: {OTHER}')
    return lambda queries, depth: _graphs.search(index, queries, depth)[1]


def _lucene_rows(folder: Path, vectors: Sequence[Path], _: Sequence[Source], docids: Sequence[str]) -> Search:
    from pyserini_tct.index._lucene_vectors import LuceneVectors

    index, row = LuceneVectors(folder), {docid: row for row, docid in enumerate(docids)}

    def search(queries: np.ndarray, depth: int) -> np.ndarray:
        rows = np.full((len(queries), depth), -1)
        for line, hits in zip(rows, index.search(queries, depth), strict=True):
            if unknown := [docid for docid, _ in hits if docid not in row]:
                raise TctError(f'{vectors[0]} has no docid {unknown[0]}, which {folder} has: {OTHER}')
            line[: len(hits)] = [row[docid] for docid, _ in hits]
        return rows

    return search


def _check_encoder(folder: Path, vectors: Sequence[Path], sources: Sequence[Source]) -> None:
    """Refuse vectors of another encoder, as far as the manifests say."""
    manifest = read_manifest(folder) or {}
    for path, source in zip(vectors, sources, strict=True):
        for key in ('dimension', *ORIGIN, 'backend'):
            mine, other = manifest.get(key), source.manifest.get(key)
            if mine is not None and other is not None and mine != other:
                raise TctError(
                    f'{path} was made by another encoder than {folder} ({key} {str(other)[:12]}, {str(mine)[:12]}): '
                    f'{OTHER}'
                )


def _check_parents(folder: Path, vectors: Sequence[Path], sources: Sequence[Source]) -> None:
    """Refuse vectors whose checksums are none of the index's; a flat index may be made of the same vectors, too."""
    recorded = [parent['sha256'] for parent in (read_manifest(folder) or {}).get('inputs', [])]
    if not recorded or recorded == [digest(described(path)) for path in vectors]:
        return
    if recorded != [parent['sha256'] for source in sources for parent in source.manifest.get('inputs', [])]:
        raise TctError(
            f'{" and ".join(map(str, vectors))} and what {folder} was made from have different checksums: {OTHER}'
        )


def parents_of(folder: Path) -> list[Path]:
    """Return the vectors that an index was made from, if they lie beside it and are still the same.

    Raises:
        TctError: they are not there.
    """
    files = []
    for parent in (read_manifest(folder) or {}).get('inputs', []):
        file = folder.parent / parent['name']
        if not (file.name.endswith('.manifest.json') and file.is_file() and digest(file) == parent['sha256']):
            break
        files.append(file.with_name(file.name.removesuffix('.manifest.json')))
    else:
        if files:
            return files
    raise TctError(f'the vectors that {folder} was made from are not beside it: name them with --vectors')
