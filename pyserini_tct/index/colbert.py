# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.colbert``: the token vectors of a corpus to an index that ColBERT search reads.

The folder holds a Faiss index of all token vectors, in which each query token finds its nearest, and the token vectors
themselves, by which the passages found are scored exactly.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyserini_tct import _atomic, _cli, _env, _faiss_file, _manifest
from pyserini_tct._errors import TctError
from pyserini_tct.index._kinds import attempt, cells, make_factory

INDEX = 'index'
BLOCK = 1 << 16  # token vectors added at once


class Built(NamedTuple):
    """What was built: passages, their tokens, the kind of index, and bytes of all that a search needs."""

    passages: int
    tokens: int
    factory: str
    nbytes: int


def default_factory(tokens: int) -> str:
    """Return an inverted file of 8-bit codes with about ``4 sqrt(tokens)`` cells, a power of 2.

    >>> default_factory(40_000)
    'IVF512,SQ8'
    """
    return f'IVF{cells(tokens)},SQ8'


def build_colbert(
    store_path: Path, output: Path, factory: str | None = None, threads: int = 1, overwrite: bool = False
) -> Built:
    """Build the index of ColBERT's two stages.

    Args:
        store_path: folder written by ``encode.tokens``.
        output: new index folder; it appears whole or not at all, and shares the token vectors by hard links.
        factory: what Faiss's ``index_factory`` calls a kind of index; ``None``: see :func:`default_factory`.
        threads: Faiss threads; one gives the same bytes each time.
        overwrite: replace an existing folder.

    Raises:
        TctError: the store is missing, damaged or without tokens, Faiss knows no such kind, or the output exists.
    """
    import faiss
    import numpy as np

    from pyserini_tct.models import tokens
    from pyserini_tct.vectors import share, verify_file

    _atomic.check_free(output, overwrite, 'colbert-index', [store_path])
    store = tokens.PassageTokens(store_path)
    verify_file(store_path / tokens.VECTORS, store.manifest['files'][tokens.VECTORS])
    total, dimension = store.vectors.shape
    if not total:
        raise TctError(f'{store_path} has no token that counts: there is nothing to index')
    factory = factory or default_factory(total)
    with _env.faiss_threads(threads):
        index = make_factory(factory, dimension)
        if not index.is_trained:
            ivf = faiss.try_extract_index_ivf(index)
            wanted = min(total, 256 * max(256, ivf.nlist if ivf is not None else 0))
            rows = np.linspace(0, total - 1, wanted).astype(np.int64)
            attempt(index.train, factory, np.asarray(store.vectors[rows], np.float32))
        for start in range(0, total, BLOCK):
            index.add(np.asarray(store.vectors[start : start + BLOCK], np.float32))
    keys = (*tokens.ORIGIN, 'dtype', 'precision', 'count', 'tokens', 'files')
    content = {'factory': factory, 'metric': 'inner product', **{key: store.manifest[key] for key in keys}}
    manifest = _manifest.describe('colbert-index', content, [_atomic.manifest_path(store_path)])
    with _atomic.atomic_folder(output, manifest) as partial:
        manifest[_faiss_file.RECORD] = _faiss_file.write_index(index, partial / INDEX)
        share(store_path, partial, tokens.FILES)
    return Built(len(store), total, factory, sum(file.stat().st_size for file in output.iterdir()))


def main(argv: Sequence[str]) -> None:
    """Parse the flags and build."""
    parser = _cli.Parser('pyserini_tct.index.colbert', 'Build the index of a two-stage ColBERT search.')
    add = parser.add_argument
    add('--input', required=True, type=Path, help='token vectors, from pyserini_tct.encode.tokens')
    add('--output', required=True, type=Path, help='new index folder')
    add(
        '--factory', help='kind of Faiss index: IVF1024,SQ8, HNSW32, Flat, ... (IVF, its cells by the number of tokens)'
    )
    add('--threads', type=_cli.positive, default=1, help='one gives the same bytes each time')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    built = build_colbert(args.input, args.output, args.factory, args.threads, args.overwrite)
    print(
        f'{args.output}: {built.factory} of {built.tokens} token vectors, {built.passages} passages, '
        f'{built.nbytes / 1024:.0f} KiB, {built.nbytes / built.passages:.0f} bytes a passage'
    )


if __name__ == '__main__':
    _cli.run(main)
