# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.faiss``: a vector store to a Faiss index folder that stock Pyserini reads.

The folder holds Pyserini's ``index`` and ``docid``, and the texts of the passages; the manifest beside it says which
encoder and which lengths made the vectors, so that a searcher can refuse queries of another one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError


class Hnsw(NamedTuple):
    """Parameters of an HNSW graph: links a vector, and candidates kept while it is built."""

    m: int = 16
    ef_construction: int = 100


def build_flat(
    store_path: Path, output: Path, texts: bool = True, overwrite: bool = False, hnsw: Hnsw | None = None
) -> int:
    """Build an inner-product index: an exact one, or an HNSW graph over the flat vectors.

    Args:
        store_path: folder written by ``encode``.
        output: new index folder; it appears whole or not at all.
        texts: put the texts in the folder too, as hard links where the file system allows.
        overwrite: replace an existing folder.
        hnsw: parameters of the graph; ``None``: exact search.

    Returns:
        Passages indexed.

    Raises:
        TctError: the store is missing, unfinished or damaged, or the output exists.
    """
    import faiss

    from pyserini_tct.vectors import VectorStore, share_texts

    _atomic.check_free(output, overwrite, 'faiss-index', [store_path])
    store = VectorStore(store_path)
    index: Any = faiss.IndexFlatIP(store.dimension)
    kind: dict[str, Any] = {'type': 'flat'}
    if hnsw:
        index = faiss.IndexHNSWFlat(store.dimension, hnsw.m, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = hnsw.ef_construction
        kind = {'type': 'hnsw', **hnsw._asdict()}
    keys = ('encoder_sha256', 'tokenizer_sha256', 'query_length', 'passage_length', 'pooling', 'dimension', 'count')
    content = {key: store.manifest[key] for key in (*keys, 'backend', 'precision')}
    manifest = _manifest.describe(
        'faiss-index', {**kind, 'metric': 'inner product', **content}, [_atomic.manifest_path(store_path)]
    )
    with _atomic.atomic_folder(output, manifest) as partial:
        with open(partial / 'docid', 'w', encoding='utf-8', newline='\n') as docid_file:
            for docids, vectors in store.shards(verify=True):
                index.add(vectors.astype('float32', copy=False))
                docid_file.writelines(f'{docid}\n' for docid in docids)
        write_index(index, partial / 'index')
        if texts:
            share_texts(store_path, partial)
    return index.ntotal


def write_index(index: Any, path: Path) -> None:
    """Write a Faiss index and read its head back: on a full disk Faiss can end without an error.

    Raises:
        TctError: it could not be written whole.
    """
    import faiss

    try:
        faiss.write_index(index, str(path))
        faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise TctError(f'{path} could not be written: is the disk full?') from error


def main(argv: Sequence[str]) -> None:
    """Parse the flags and build."""
    parser = _cli.Parser('pyserini_tct.index.faiss', 'Build a Faiss index folder from a vector store.')
    parser.add_argument('--input', required=True, type=Path, help='vector store, from pyserini_tct.encode')
    parser.add_argument('--output', required=True, type=Path, help='new index folder')
    parser.add_argument('--hnsw', action='store_true', help='a graph that is searched approximately, not a flat index')
    parser.add_argument('--M', dest='m', type=_cli.positive, help=f'links a vector of the graph ({Hnsw().m})')
    text = f'candidates kept while the graph is built ({Hnsw().ef_construction})'
    parser.add_argument('--efC', dest='ef_construction', type=_cli.positive, help=text)
    parser.add_argument('--no-texts', action='store_true', help='leave the texts of the passages out')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    given = {name: value for name in Hnsw._fields if (value := getattr(args, name)) is not None}
    if given and not args.hnsw:
        raise TctError('--M and --efC are for --hnsw: add it or leave them out')
    if args.m == 1:
        raise TctError('--M 1 makes no graph: give at least 2 links a vector')
    hnsw = Hnsw(**given) if args.hnsw else None
    count = build_flat(args.input, args.output, not args.no_texts, args.overwrite, hnsw)
    size = (args.output / 'index').stat().st_size
    kind = 'HNSW' if hnsw else 'flat'
    print(f'{args.output}: {kind} index of {count} passages, {size / 1024:.0f} KiB, {size / count:.0f} bytes a passage')


if __name__ == '__main__':
    _cli.run(main)
