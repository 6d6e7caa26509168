# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of index side by side: bytes a passage, seconds to build, milliseconds a query, recall of exact search.

``python -m benchmarks indexes`` takes 100,000 real texts (see :mod:`benchmarks.real`) where ``TCT_DATA`` names the
collections, else made-up vectors of 768 dimensions. ``--vectors STORE --queries NAME.npy`` takes others. With
``--work`` vectors and rows are kept, so that a killed run goes on; ``--page docs/indexes.md`` puts the tables there.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, real
from pyserini_tct import _atomic
from pyserini_tct.index._kinds import Kind, set_parameters
from pyserini_tct.index.faiss import build_index
from pyserini_tct.search.faiss import FaissSearcher

# What is built, and the search parameters it is searched with beside its own.
KINDS: dict[str, tuple[Kind | str, dict[str, dict[str, int]]]] = {
    'flat': (Kind(), {}),
    'fp16': (Kind('fp16'), {}),
    'sq8': (Kind('sq8'), {}),
    'fastscan': (Kind('fastscan'), {}),
    'ivf': (Kind('ivf'), {'ivf, nprobe 64': {'nprobe': 64}}),
    'pq': (Kind('pq'), {}),
    'hnsw': (Kind('hnsw'), {'hnsw, ef-search 256': {'ef_search': 256}}),
    'hnswpq': (Kind('hnswpq'), {}),
    'opq': (Kind('opq'), {}),
    'Lucene flat': ('flat', {}),
    'Lucene hnsw': ('hnsw', {}),
}
DEPTHS = (10, 100, 1000)
PASSAGES, DIMENSION, QUERIES, THREADS, SINGLES = 100_000, 768, 200, 2, 50
INTRINSIC = 64  # dimensions that made-up vectors really have, beside noise
HEAD = '| index | bytes/passage | build s | ms/query | recall@10 | @100 | @1000 |\n|---|---:|---:|---:|---:|---:|---:|'


def made_up() -> tuple[np.ndarray, np.ndarray]:
    """Return passage and query vectors near a subspace, as a model's are."""
    chance = np.random.default_rng(0)
    basis = chance.standard_normal((INTRINSIC, DIMENSION)) / np.sqrt(INTRINSIC)

    def vectors(count: int) -> np.ndarray:
        noise = 0.3 * chance.standard_normal((count, DIMENSION))
        return (chance.standard_normal((count, INTRINSIC)) @ basis + noise).astype(np.float32)

    return np.concatenate([vectors(PASSAGES // 10) for _ in range(10)]), vectors(QUERIES)


def write_flat(vectors: np.ndarray, folder: Path) -> None:
    """Write a flat index folder as stock Pyserini does."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'docid').write_text(''.join(f'{8_000_000 + row}\n' for row in range(len(vectors))))
    faiss.write_index(index, str(folder / 'index'))


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


def rows(source: Path, queries: np.ndarray, work: Path, kept: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each kind's name and line of the table; ``kept`` has the lines that are there already."""
    encoder, exact = Encoded(np.ascontiguousarray(queries, np.float32)), []
    for name, (kind, variants) in KINDS.items():
        if exact and {name, *variants} <= {*kept}:
            yield from ((known, kept[known]) for known in (name, *variants))
            continue
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            searcher, count, used = _built(kind, source, work / 'index', encoder)
        built = time.perf_counter() - started
        for label, parameters in ((name, {}), *variants.items()):
            if parameters:
                set_parameters(searcher.index, parameters, label)
            found, milliseconds = measure(searcher, len(queries))
            exact = exact or found
            pairs = [zip(best, docids, strict=True) for best, docids in zip(exact, found, strict=True)]
            shares = [np.mean([len(best & docids) / len(best) for best, docids in depth]) for depth in pairs]
            recalls = ' | '.join(f'{share:.4f}' for share in shares)
            yield label, f'| {label} | {used / count:,.0f} | {built:.1f} | {milliseconds:.2f} | {recalls} |'
        del searcher


def _built(kind: Kind | str, source: Path, target: Path, encoder: Encoded) -> tuple[Any, int, int]:
    """Build an index, and return its searcher, its passages and its bytes."""
    if isinstance(kind, Kind):
        count, _ = build_index([source], target, kind, texts=False, overwrite=True, threads=THREADS)
        return FaissSearcher(target, encoder), count, (target / 'index').stat().st_size
    from pyserini_tct.index._lucene_vectors import build_vectors
    from pyserini_tct.search.lucene._dense import LuceneDenseSearcher

    target = target.with_name(f'lucene-{kind}')
    count = build_vectors(source, target, kind, threads=THREADS, overwrite=True)
    searcher = LuceneDenseSearcher(target, encoder, ef_search=100)
    return searcher, count, sum(file.stat().st_size for file in target.iterdir())


def _sources(args: argparse.Namespace, work: Path) -> dict[str, tuple[Path, np.ndarray]]:
    """Return vectors and queries by what they are called."""
    if args.vectors:
        return {'given': (args.vectors, np.load(args.queries)[:QUERIES])}
    folder = real.data()
    pairs = real.vectors(folder, work / 'blocks') if folder else {DIMENSION: made_up()}
    found = {}
    for width, (passages, queries) in pairs.items():
        source = work / f'flat-{width}{"" if folder else "-made-up"}'
        if not (source / 'index').exists():
            write_flat(passages, source)
        found[f'{len(passages)} x {width}' + ('' if folder else ', made up')] = source, queries
    return found


def main(argv: list[str] | None = None) -> None:
    """Build every kind and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--vectors', type=Path)
    parser.add_argument('--queries', type=Path)
    parser.add_argument('--work', type=Path, help='folder that keeps vectors and rows')
    parser.add_argument(
        '--page', type=Path, help='file whose lines between <!-- NAME --> and <!-- end --> are replaced'
    )
    args = parser.parse_args([] if argv is None else argv)
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        kept_file = work / 'rows.json'
        for name, (source, queries) in _sources(args, work).items():
            print(f'\n{name}, {THREADS} threads, load {os.getloadavg()[0]:.1f}\n\n{HEAD}')
            kept: dict[str, dict[str, str]] = json.loads(kept_file.read_text()) if kept_file.exists() else {}
            lines = kept.setdefault(name, {})
            table = []
            for label, line in rows(source, queries, work, lines):
                print(line, flush=True)
                lines[label] = line
                table.append(line)
                _atomic.write_json(kept_file, kept)
            if args.page:
                place = f'{machine.name()}, {THREADS} threads.\n'
                _replace(args.page, name, '\n'.join([place, HEAD, *table]))


def _replace(page: Path, name: str, table: str) -> None:
    text = page.read_text(encoding='utf-8')
    before, found, rest = text.partition(f'<!-- {name} -->\n')
    if not found:
        raise SystemExit(f'{page} has no line <!-- {name} -->: the table has no place there')
    with _atomic.atomic_file(page) as out:
        out.write(f'{before}<!-- {name} -->\n{table}\n<!-- end -->{rest.partition("<!-- end -->")[2]}')


if __name__ == '__main__':
    import sys

    main(sys.argv[1:])
