# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.faiss``: vectors to a Faiss index folder that stock Pyserini reads.

The folder holds Pyserini's ``index`` and ``docid``, and the texts of the passages; the manifest beside it says which
encoder and which lengths made the vectors, so that a searcher can refuse queries of another one.
"""

import itertools
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _cli, _env, _faiss_file, _manifest
from pyserini_tct._errors import TctError
from pyserini_tct.index._kinds import DEFAULTS, PARAMETERS, TYPES, Kind, attempt, training_rows

SEED = 42


def build_index(
    inputs: Sequence[Path],
    output: Path,
    kind: Kind = Kind(),  # noqa: B008 - immutable
    texts: bool = True,
    overwrite: bool = False,
    threads: int = 1,
    seed: int = SEED,
) -> tuple[int, Kind]:
    """Build an inner-product index of one or several sets of vectors, one after the other.

    A flat index is streamed to its file; other kinds are trained on a sample and grow in memory, block by block.

    Args:
        inputs: folders written by ``encode``, or flat index folders of stock Pyserini.
        output: new index folder; it appears whole or not at all.
        kind: see :class:`pyserini_tct.index._kinds.Kind`.
        texts: put the texts in the folder too, as hard links where the file system allows.
        overwrite: replace an existing folder.
        threads: Faiss threads; one gives the same bytes each time.
        seed: of the sample that is trained on.

    Returns:
        Passages indexed, and the kind with all its parameters.

    Raises:
        TctError: an input is missing, unfinished or damaged, they do not belong together, the kind does not fit them,
            or the output exists.
    """
    from pyserini_tct.index import _open

    _atomic.check_free(output, overwrite, 'faiss-index', inputs)
    sources = _open.open_sources(inputs)
    count, dimension = sum(map(len, sources)), sources[0].dimension
    kind = kind.complete(dimension, count)
    content = _open.common(sources)
    manifest = _manifest.describe(
        'faiss-index',
        {'type': kind.type, **kind.parameters, 'factory': kind.factory, 'metric': 'inner product', **content,
         'count': count},
        [_open.described(path) for path in inputs],
    )  # fmt: skip
    with _env.faiss_threads(threads), _atomic.atomic_folder(output, manifest) as partial:
        index = kind.make(dimension)
        if not index.is_trained:
            if kind.type != 'factory':
                _check_training(kind, count)
            attempt(index.train, str(kind.factory), _open.sample(sources, training_rows(index, count, seed)))
            manifest['seed'] = seed
        if kind.factory == 'Flat':
            _stream_flat(index, sources, partial / 'index')
        else:
            for source in sources:
                for vectors in _open.blocks(source, verify=True):
                    attempt(index.add, str(kind.factory), vectors)
            _check_finite(index, str(kind.factory), sources)
            _faiss_file.write_index(index, partial / 'index')
        manifest[_faiss_file.RECORD] = (partial / 'index').stat().st_size
        with open(partial / 'docid', 'w', encoding='utf-8', newline='\n') as docid_file:
            for source in sources:
                for docids, _ in source.shards():
                    docid_file.writelines(f'{docid}\n' for docid in docids)
        if texts:
            _copy_texts([source.folder for source in sources], partial)
    return count, kind


def build_flat(store_path: Path, output: Path, texts: bool = True, overwrite: bool = False) -> int:
    """Build an exact index of one vector store; see :func:`build_index`. Return the number of passages."""
    return build_index([store_path], output, texts=texts, overwrite=overwrite)[0]


def _check_training(kind: Kind, count: int) -> None:
    bits = 4 if kind.type == 'fastscan' else kind.parameters.get('pq_nbits', 0)
    wanted = max(2**bits if bits else 0, kind.parameters.get('nlist', 0))
    if count < wanted:
        raise TctError(f'{kind.type} is trained on at least {wanted} vectors, here are {count}: use --type flat')


def _check_finite(index: Any, factory: str, sources: Sequence[Any]) -> None:
    """Refuse what became infinite on its way into the index: half precision ends at 65504."""
    from pyserini_tct.index._finite import not_finite

    row = not_finite(index)
    if row is not None:
        docids = itertools.chain.from_iterable(docids for source in sources for docids, _ in source.shards())
        docid = next(itertools.islice(docids, row, None))
        raise TctError(f'the vector of {docid} is too large for the kind {factory}: choose --type flat')


def _stream_flat(empty: Any, sources: Sequence[Any], path: Path) -> None:
    """Write a flat index without holding it: Faiss's head of an empty one with the count filled in, then the vectors.

    The head is fourcc (4 bytes), dimension (4), count (8), ..., length of the vectors in floats (8).
    """
    import faiss

    from pyserini_tct.index import _open

    count = sum(map(len, sources))
    head = bytes(faiss.serialize_index(empty))
    with open(path, 'wb') as out:
        out.write(head[:8] + struct.pack('<q', count) + head[16:-8] + struct.pack('<Q', count * empty.d))
        for source in sources:
            for vectors in _open.blocks(source, verify=True):
                out.write(np.ascontiguousarray(vectors, '<f4').data)
    index = _faiss_file.read_index(path.parent, path.name)
    if (index.ntotal, index.d) != (count, empty.d):
        raise TctError(f'{path} could not be written: this release of Faiss has another form of flat index')


def _copy_texts(folders: Sequence[Path], target: Path) -> None:
    from pyserini_tct.vectors import TEXTS, share_texts, write_offsets

    without = [folder for folder in folders if not (folder / TEXTS).exists()]
    if without:
        _cli.note(f'note: {without[0]} has no texts, so the index has none')
    elif len(folders) == 1:
        share_texts(folders[0], target)
    else:
        with open(target / TEXTS, 'wb') as out:
            for folder in folders:
                with open(folder / TEXTS, 'rb') as texts:
                    shutil.copyfileobj(texts, out)
        write_offsets(target)


def main(argv: Sequence[str]) -> None:
    """Parse the flags and build."""
    parser = _cli.Parser('pyserini_tct.index.faiss', 'Build a Faiss index folder from vectors.')
    add = parser.add_argument
    text = 'vector stores, from pyserini_tct.encode, or flat index folders; several become one index'
    add('--input', required=True, nargs='+', type=Path, help=text)
    add('--output', required=True, type=Path, help='new index folder')
    add('--type', choices=TYPES, help='kind of index: flat is exact, the others are smaller or faster (flat)')
    add('--factory', help="instead of --type: what Faiss's index_factory calls it, such as IVF1024,SQ8")
    add('--hnsw', action='store_true', help='--type hnsw, with --pq hnswpq')
    add('--pq', action='store_true', help='--type pq')
    for name, about in (
        ('m', 'links a vector of a graph'),
        ('ef_construction', 'candidates kept while a graph is built'),
        ('ef_search', 'candidates kept while a graph is searched'),
        ('pq_m', 'bytes a vector (of 8 bits each); left out: a quarter of the dimension, half of it for fastscan'),
        ('pq_nbits', 'bits a code'),
        ('nlist', 'cells of an inverted file; left out: about 4 sqrt(passages)'),
        ('nprobe', 'cells that a search visits'),
        ('refine', 'of k * refine candidates the exact scores decide (fastscan)'),
    ):
        default = f' ({DEFAULTS[name]})' if name in DEFAULTS else ''
        add(PARAMETERS[name][0], dest=name, type=_cli.positive, help=about + default)
    add('--dim', type=_cli.positive, help="dimension, as in Pyserini's command; it is checked, not needed")
    add('--threads', type=_cli.positive, default=1, help='one gives the same bytes each time')
    add('--seed', type=int, default=SEED, help='of the sample that is trained on')
    add('--no-texts', action='store_true', help='leave the texts of the passages out')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    given = {name: value for name in PARAMETERS if (value := getattr(args, name)) is not None}
    short = {(True, False): 'hnsw', (False, True): 'pq', (True, True): 'hnswpq'}.get((args.hnsw, args.pq))
    if sum(map(bool, (args.type, args.factory, short))) > 1:
        raise TctError('--type, --factory and --hnsw or --pq all name a kind of index: give one of them')
    if args.dim:
        _check_dimension(args.input, args.dim)
    kind = Kind(args.type or short or 'flat', given, args.factory)
    count, kind = build_index(args.input, args.output, kind, not args.no_texts, args.overwrite, args.threads, args.seed)
    size = (args.output / 'index').stat().st_size
    name = str(kind.factory) if kind.type == 'factory' else 'HNSW' if kind.type == 'hnsw' else kind.type
    print(f'{args.output}: {name} index of {count} passages, {size / 1024:.0f} KiB, {size / count:.0f} bytes a passage')
    if kind.type == 'hnswpq':
        _cli.note(
            "note: by inner products Faiss's graph over codes finds far less than pq or fastscan do, whatever "
            '--ef-search is: look at index.info --recall'
        )


def _check_dimension(inputs: Sequence[Path], dimension: int) -> None:
    from pyserini_tct.index import _open

    found = _open.open_sources(inputs)[0].dimension
    if found != dimension:
        raise TctError(f'{inputs[0]} has dimension {found}, --dim says {dimension}: leave --dim out')


if __name__ == '__main__':
    _cli.run(main)
