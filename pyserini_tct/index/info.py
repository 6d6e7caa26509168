# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.info``: what an index is, what a passage takes in it, and what it misses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError
from pyserini_tct._manifest import read_manifest
from pyserini_tct.index import _lucene
from pyserini_tct.index._kinds import PARAMETERS

SEED = 42


def describe(folder: Path) -> dict[str, Any]:
    """Return what an index folder, Faiss or Lucene, says of itself; ``None`` where it does not say.

    Raises:
        TctError: it is no index, or damaged.
    """
    manifest = read_manifest(folder) or {}
    found: dict[str, Any] = {'index': str(folder), 'kind': manifest.get('kind'), 'type': manifest.get('type')}
    read: dict[str, int] = {}
    if any(folder.glob('segments_*')):
        size = sum(file.stat().st_size for file in folder.iterdir())
        count, dimension = _lucene.verify(folder)
    else:
        from pyserini_tct.index._open import load_index
        from pyserini_tct.index._parameters import parameters_of, type_of

        index, docids = load_index(folder)
        size, count, dimension = (folder / 'index').stat().st_size, len(docids), index.d
        found |= {'class': type(index).__name__, 'factory': manifest.get('factory'), 'docids': len(set(docids))}
        found['type'] = manifest.get('type') or type_of(index)
        read = parameters_of(index)
    known = {**read, **manifest}
    found['parameters'] = {name: known[name] for name in PARAMETERS if name in known}
    found |= {'passages': count, 'dimension': dimension or None, 'bytes': size}
    found['bytes_per_passage'] = size / count if count else None
    found['texts'] = (folder / 'texts.jsonl').exists()
    for key in ('encoder_sha256', 'query_length', 'passage_length', 'precision'):
        found[key] = manifest.get(key)
    found['parents'] = manifest.get('inputs', [])
    found['environment'] = manifest.get('environment')
    return found


def queries_of(args: Any, vectors: Sequence[Path], manifest: dict[str, Any]) -> tuple[np.ndarray, str]:
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
    sources = open_sources(vectors)
    count = sum(map(len, sources))
    rows = np.random.default_rng(SEED).choice(count, min(args.sample, count), replace=False)
    return sample(sources, np.sort(rows)), 'passages of the index, which find themselves: real queries find less'


def main(argv: Sequence[str]) -> None:
    """Parse the flags and print."""
    parser = _cli.Parser('pyserini_tct.index.info', 'What an index is, what a passage takes in it, what it misses.')
    add = parser.add_argument
    add('index', type=Path, help='index folder, Faiss or Lucene')
    add('--recall', action='store_true', help='compare with exact search at depths 10, 100 and 1000')
    text = 'what the index was made from, in that order (left out: what its manifest names, beside it)'
    add('--vectors', type=Path, nargs='+', help=text)
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
        from pyserini_tct.index._recall import parents_of, recall

        vectors = args.vectors or parents_of(args.index)
        queries, origin = queries_of(args, vectors, found)
        found |= {**recall(args.index, vectors, queries, args.threads), 'queries_from': origin}
    if args.output:
        _atomic.write_json(args.output, found)
    print(json.dumps(found, indent=2, ensure_ascii=False) if args.json else _text(found))


def _text(found: dict[str, Any]) -> str:
    parameters = ', '.join(f'{PARAMETERS[name][0]} {value}' for name, value in found['parameters'].items())
    per = f', {found["bytes_per_passage"]:.1f} bytes a passage' if found['passages'] else ''
    dimension = f', dimension {found["dimension"]}' if found['dimension'] else ''
    kind = found.get('factory') or found.get('class') or found['kind'] or 'Lucene index without a manifest'
    lengths = [
        f'{name} of {found[key]} tokens'
        for name, key in (('queries', 'query_length'), ('passages', 'passage_length'))
        if found[key] is not None
    ]
    made = [(found['encoder_sha256'] or 'unknown')[:12], *lengths, f'texts {"yes" if found["texts"] else "no"}']
    lines = [
        f'{found["index"]}: '
        + (f'{found["type"]} ({kind})' if found['type'] else kind)
        + (f' with {parameters}' if parameters else ''),
        f'passages   {found["passages"] or "unknown"}{dimension}, {found["bytes"]} bytes{per}',
        f'encoder    {", ".join(made)}',
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
