# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of index side by side: bytes a passage, seconds to build, milliseconds a query, recall of exact search.

``python -m benchmarks.indexes`` takes 100,000 made-up vectors of 768 dimensions; ``--vectors STORE --queries NAME.npy``
takes real ones. The table is Markdown.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct.index._kinds import Kind
from pyserini_tct.index.faiss import build_index
from pyserini_tct.search.faiss import FaissSearcher

KINDS = {
    'flat': Kind(),
    'fp16': Kind('fp16'),
    'sq8': Kind('sq8'),
    'pq': Kind('pq'),
    'opq': Kind('opq'),
    'ivf': Kind('ivf'),
    'ivf, nprobe 64': Kind('ivf', {'nprobe': 64}),
    'hnsw': Kind('hnsw'),
    'hnsw, ef-search 256': Kind('hnsw', {'ef_search': 256}),
    'hnswpq': Kind('hnswpq'),
    'fastscan': Kind('fastscan'),
}
LUCENE = ('flat', 'hnsw')
DEPTHS = (10, 100, 1000)
PASSAGES, DIMENSION, QUERIES, THREADS, SINGLES = 100_000, 768, 200, 2, 50
INTRINSIC = 64  # dimensions that made-up vectors really have, beside noise


def made_up(folder: Path) -> np.ndarray:
    """Write a flat index of vectors near a subspace, as a model's are, and return queries ``(QUERIES, DIMENSION)``."""
    import faiss

    chance = np.random.default_rng(0)
    basis = chance.standard_normal((INTRINSIC, DIMENSION)) / np.sqrt(INTRINSIC)

    def vectors(count: int) -> np.ndarray:
        noise = 0.3 * chance.standard_normal((count, DIMENSION))
        return (chance.standard_normal((count, INTRINSIC)) @ basis + noise).astype(np.float32)

    index = faiss.IndexFlatIP(DIMENSION)
    for _ in range(10):
        index.add(vectors(PASSAGES // 10))
    folder.mkdir()
    faiss.write_index(index, str(folder / 'index'))
    (folder / 'docid').write_text(''.join(f'{8_000_000 + row}\n' for row in range(PASSAGES)))
    return vectors(QUERIES)


class Encoded:
    """A query encoder whose texts are numbers of vectors that are there already."""

    def __init__(self, queries: np.ndarray) -> None:
        self.queries = queries

    def encode_batch(self, texts: list[str]) -> np.ndarray:
        """Return the vectors, ``(texts, dimension)``."""
        return self.queries[[int(text) for text in texts]]


def measure(searcher: Any, count: int) -> tuple[list[list[set[str]]], float]:
    """Return the docids of each depth's search by query, and the median milliseconds of a single query, k = 10."""
    texts = [str(i) for i in range(count)]
    found = [searcher.batch_search(texts, texts, depth, THREADS) for depth in DEPTHS]
    seconds = []
    for text in texts[:SINGLES]:
        started = time.perf_counter()
        searcher.search(text, 10)
        seconds.append(time.perf_counter() - started)
    docids = [[{hit.docid for hit in hits[text]} for text in texts] for hits in found]
    return docids, 1000 * statistics.median(seconds)


def main(argv: list[str] | None = None) -> None:
    """Build every kind in a temporary folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--vectors', type=Path)
    parser.add_argument('--queries', type=Path)
    args = parser.parse_args([] if argv is None else argv)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = args.vectors or work / 'made-up'
        queries = np.load(args.queries)[:QUERIES] if args.vectors else made_up(source)
        encoder, exact = Encoded(np.ascontiguousarray(queries, np.float32)), []
        print('| index | bytes/passage | build s | ms/query | recall@10 | @100 | @1000 |')
        print('|---|---|---|---|---|---|---|')
        for name, kind in [*KINDS.items(), *((f'Lucene {name}', name) for name in LUCENE)]:
            target, started = work / 'index', time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                searcher, count, used = _built(kind, source, target, encoder)
            built = time.perf_counter() - started
            found, milliseconds = measure(searcher, len(queries))
            exact = exact or found
            pairs = [zip(best, docids, strict=True) for best, docids in zip(exact, found, strict=True)]
            shares = [np.mean([len(best & docids) / len(best) for best, docids in depth]) for depth in pairs]
            recalls = ' | '.join(f'{share:.4f}' for share in shares)
            print(f'| {name} | {used / count:,.0f} | {built:.1f} | {milliseconds:.2f} | {recalls} |', flush=True)
            del searcher


def _built(kind: Kind | str, source: Path, target: Path, encoder: Encoded) -> tuple[Any, int, int]:
    """Build an index, and return its searcher, its passages and its bytes."""
    if isinstance(kind, Kind):
        count, _ = build_index([source], target, kind, texts=False, overwrite=True, threads=THREADS)
        return FaissSearcher(target, encoder), count, (target / 'index').stat().st_size
    from pyserini_tct.index._lucene_vectors import build_vectors
    from pyserini_tct.search.lucene._dense import LuceneDenseSearcher

    target = target.with_name(f'lucene-{kind}')
    count = build_vectors(source, target, kind, threads=THREADS)
    searcher = LuceneDenseSearcher(target, encoder, ef_search=100)
    return searcher, count, sum(file.stat().st_size for file in target.iterdir())


if __name__ == '__main__':
    import sys

    main(sys.argv[1:])
