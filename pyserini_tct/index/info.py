# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.info``: what an index is, what a passage takes in it, and what it misses.

Recall is the share of the k exactly best passages that the index finds among its k; the exact ones come from the
vectors that it was made from.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _cli, _env
from pyserini_tct._errors import TctError
from pyserini_tct._manifest import digest, read_manifest
from pyserini_tct.index import _lucene
from pyserini_tct.index._kinds import PARAMETERS

DEPTHS = (10, 100, 1000)
SEED = 42
OTHER = 'name the vectors that it was made from'


def describe(folder: Path) -> dict[str, Any]:
    """Return what an index folder, Faiss or Lucene, says of itself; ``None`` where it does not say.

    Raises:
        TctError: it is no index, or damaged.
    """
    manifest = read_manifest(folder) or {}
    found: dict[str, Any] = {'index': str(folder), 'kind': manifest.get('kind'), 'type': manifest.get('type')}
    if any(folder.glob('segments_*')):
        size = sum(file.stat().st_size for file in folder.iterdir())
        count, dimension = _lucene.verify(folder)
    else:
        from pyserini_tct.index._open import load_index

        index, docids = load_index(folder)
        size, count, dimension = (folder / 'index').stat().st_size, len(docids), index.d
        found |= {'class': type(index).__name__, 'factory': manifest.get('factory'), 'docids': len(set(docids))}
    found['parameters'] = {name: manifest[name] for name in PARAMETERS if name in manifest}
    found |= {'passages': count, 'dimension': dimension or None, 'bytes': size}
    found['bytes_per_passage'] = size / count if count else None
    found['texts'] = (folder / 'texts.jsonl').exists()
    for key in ('encoder_sha256', 'query_length', 'passage_length', 'precision'):
        found[key] = manifest.get(key)
    found['parents'] = manifest.get('inputs', [])
    found['environment'] = manifest.get('environment')
    return found


def recall(folder: Path, vectors: Path, queries: np.ndarray, threads: int = 1) -> dict[str, Any]:
    """Compare an index with exact search of the vectors that it was made from.

    Args:
        folder: index folder, Faiss or Lucene.
        vectors: vector store or flat index folder, of the same passages in the same order.
        queries: ``(Q, dimension)``.
        threads: of both searches.

    Returns:
        ``recall`` by depth (at most the number of passages), and milliseconds a query of the index and of exact search.

    Raises:
        TctError: the vectors are not those of the index.
    """
    import torch

    from pyserini_tct.index import _open
    from pyserini_tct.scoring import nearest

    (source,) = _open.open_sources([vectors])
    docids = [docid for names, _ in source.shards() for docid in names]
    if queries.shape[1] != source.dimension:
        raise TctError(f'the queries have dimension {queries.shape[1]}, {vectors} has {source.dimension}')
    deepest = min(DEPTHS[-1], len(docids))
    with _env.threads(threads):
        search = (_lucene_rows if any(folder.glob('segments_*')) else _faiss_rows)(folder, vectors, source, docids)
        started = time.perf_counter()
        rows = search(queries, deepest)
        searched = time.perf_counter()
        exact, _ = nearest(torch.from_numpy(queries), map(torch.tensor, _open.blocks(source)), deepest)
        scanned = time.perf_counter()
    wanted = np.unique(rows[rows >= 0])
    stored = _open.sample([source], wanted)
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


def _faiss_rows(folder: Path, vectors: Path, source: Any, docids: Sequence[str]) -> Search:
    from pyserini_tct.index._open import load_index

    index, names = load_index(folder)
    if index.d != source.dimension:
        raise TctError(f'{vectors} has dimension {source.dimension}, {folder} has {index.d}: {OTHER}')
    _check_docids(folder, vectors, names, docids)
    return lambda queries, depth: index.search(queries, depth)[1]


def _lucene_rows(folder: Path, vectors: Path, source: Any, docids: Sequence[str]) -> Search:
    from pyserini_tct.index._lucene_vectors import LuceneVectors

    index, row = LuceneVectors(folder), {docid: row for row, docid in enumerate(docids)}

    def search(queries: np.ndarray, depth: int) -> np.ndarray:
        rows = np.full((len(queries), depth), -1)
        for line, hits in zip(rows, index.search(queries, depth), strict=True):
            if unknown := [docid for docid, _ in hits if docid not in row]:
                raise TctError(f'{vectors} has no docid {unknown[0]}, which {folder} has: {OTHER}')
            line[: len(hits)] = [row[docid] for docid, _ in hits]
        return rows

    return search


def _check_docids(folder: Path, vectors: Path, names: Sequence[str], docids: Sequence[str]) -> None:
    if len(names) != len(docids):
        raise TctError(f'{vectors} has {len(docids)} vectors, {folder} has {len(names)}: {OTHER}')
    if list(names) != list(docids):
        raise TctError(f'{vectors} has other docids than {folder}: {OTHER}')


def parent_of(folder: Path) -> Path:
    """Return the vectors that an index was made from, if they lie beside it and are still the same.

    Raises:
        TctError: they are not there.
    """
    inputs = (read_manifest(folder) or {}).get('inputs', [])
    if len(inputs) == 1:
        file = folder.parent / inputs[0]['name']
        if file.is_file() and file.name.endswith('.manifest.json') and digest(file) == inputs[0]['sha256']:
            return file.with_name(file.name.removesuffix('.manifest.json'))
    raise TctError(f'the vectors that {folder} was made from are not beside it: name them with --vectors')


def queries_of(args: Any, vectors: Path, manifest: dict[str, Any]) -> tuple[np.ndarray, str]:
    """Return query vectors ``(Q, dimension)`` as the flags say, and where they are from.

    Raises:
        TctError: bad topics, or an encoder other than the index's.
    """
    from pyserini_tct.index._open import open_sources, sample

    if args.topics:
        from pyserini_tct.models import student
        from pyserini_tct.topics import read_topics

        model = student.load(args.encoder)
        if manifest.get('encoder_sha256', model.sha256) != model.sha256:
            raise TctError(f'{args.index} was made with another encoder than {args.encoder}: name that one')
        texts = list(read_topics(args.topics).values())[: args.sample]
        return model.embed(model.tokenizer.queries(texts, model.settings.query_length)), str(args.topics)
    sources = open_sources([vectors])
    count = len(sources[0])
    rows = np.random.default_rng(SEED).choice(count, min(args.sample, count), replace=False)
    return sample(sources, np.sort(rows)), 'passages of the index, which find themselves: real queries find less'


def main(argv: Sequence[str]) -> None:
    """Parse the flags and print."""
    parser = _cli.Parser('pyserini_tct.index.info', 'What an index is, what a passage takes in it, what it misses.')
    add = parser.add_argument
    add('index', type=Path, help='index folder, Faiss or Lucene')
    add('--recall', action='store_true', help='compare with exact search at depths 10, 100 and 1000')
    add('--vectors', type=Path, help='what the index was made from (left out: what its manifest names, beside it)')
    add('--topics', help='queries of the comparison; left out: a sample of the passages')
    add('--encoder', help='student that encodes the topics')
    add('--sample', type=_cli.positive, default=100, help='queries compared')
    add('--threads', type=_cli.positive, default=1, help='search threads')
    add('--output', type=Path, help='also write it as a JSON file')
    add('--json', action='store_true', help='print JSON')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    if bool(args.topics) != bool(args.encoder):
        raise TctError('--topics and --encoder go together: name the student that made the index')
    if args.output:
        _atomic.check_free(args.output, args.overwrite, inputs=[args.index, args.topics])
    if not args.index.is_dir():
        raise TctError(f'{args.index} is no index folder: make it with python -m pyserini_tct.index.faiss')
    found = describe(args.index)
    if args.recall or args.topics or args.vectors:
        if found['dimension'] is None:
            raise TctError(f'{args.index} is no index of vectors, or has no manifest: leave --recall out')
        vectors = args.vectors or parent_of(args.index)
        queries, origin = queries_of(args, vectors, found)
        found |= {**recall(args.index, vectors, queries, args.threads), 'queries_from': origin}
    if args.output:
        _atomic.write_json(args.output, found)
    print(json.dumps(found, indent=2, ensure_ascii=False) if args.json else _text(found))


def _text(found: dict[str, Any]) -> str:
    parameters = ', '.join(f'{PARAMETERS[name][0]} {value}' for name, value in found['parameters'].items())
    per = f', {found["bytes_per_passage"]:.1f} bytes a passage' if found['passages'] else ''
    kind = found.get('factory') or found.get('class') or found['kind'] or 'Lucene index without a manifest'
    lines = [
        f'{found["index"]}: {found["type"] or kind} ({kind})' + (f' with {parameters}' if parameters else ''),
        f'passages   {found["passages"]}, dimension {found["dimension"]}, {found["bytes"]} bytes{per}',
        f'encoder    {(found["encoder_sha256"] or "unknown")[:12]}, queries of {found["query_length"]} tokens, '
        f'passages of {found["passage_length"]}, texts {"yes" if found["texts"] else "no"}',
        *(f'made from  {parent["name"]} ({parent["sha256"][:12]})' for parent in found['parents']),
    ]
    if 'recall' in found:
        shares = ', '.join(f'@{depth} {share:.4f}' for depth, share in found['recall'].items())
        spent = found['ms_per_query']
        lines += [
            f'recall     {shares}, of exact search; {found["queries"]} queries: {found["queries_from"]}',
            f'time       {spent["index"]:.2f} ms a query, exact search {spent["exact"]:.2f}',
        ]
    return '\n'.join(lines)


if __name__ == '__main__':
    _cli.run(main)
