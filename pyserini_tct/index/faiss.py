# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.faiss``: a vector store to a Faiss index folder that stock Pyserini reads.

The folder holds Pyserini's ``index`` and ``docid``, and the texts of the passages; the manifest beside it says which
encoder and which lengths made the vectors, so that a searcher can refuse queries of another one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError


def build_flat(store_path: Path, output: Path, texts: bool = True, overwrite: bool = False) -> int:
    """Build an exact inner-product index.

    Args:
        store_path: folder written by ``encode``.
        output: new index folder; it appears whole or not at all.
        texts: put the texts in the folder too, as hard links where the file system allows.
        overwrite: replace an existing folder.

    Returns:
        Passages indexed.

    Raises:
        TctError: the store is missing, unfinished or damaged, or the output exists.
    """
    import faiss

    from pyserini_tct.vectors import VectorStore, share_texts

    _atomic.check_free(output, overwrite, 'faiss-index', [store_path])
    store = VectorStore(store_path)
    index = faiss.IndexFlatIP(store.dimension)
    keys = ('encoder_sha256', 'tokenizer_sha256', 'query_length', 'passage_length', 'pooling', 'dimension', 'count')
    content = {key: store.manifest[key] for key in (*keys, 'backend', 'precision')}
    manifest = _manifest.describe(
        'faiss-index', {'type': 'flat', 'metric': 'inner product', **content}, [_atomic.manifest_path(store_path)]
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
    parser.add_argument('--no-texts', action='store_true', help='leave the texts of the passages out')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    count = build_flat(args.input, args.output, not args.no_texts, args.overwrite)
    size = (args.output / 'index').stat().st_size
    print(f'{args.output}: flat index of {count} passages, {size / 1024:.0f} KiB, {size / count:.0f} bytes a passage')


if __name__ == '__main__':
    _cli.run(main)
