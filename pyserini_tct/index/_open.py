# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Reading Faiss index folders, and vectors to index: from our stores, or from the flat folders of stock Pyserini."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError
from pyserini_tct._faiss_file import read_index
from pyserini_tct._manifest import read_manifest
from pyserini_tct.index._finite import not_finite
from pyserini_tct.vectors import VectorStore, existing, read_docids

SCANNED = 1 << 29  # bytes of an index that are looked through for NaN when it is opened
ORIGIN = ('encoder_sha256', 'tokenizer_sha256', 'query_length', 'passage_length', 'pooling')
KEPT = (*ORIGIN, 'dimension', 'backend', 'precision')
BLOCK = 1 << 15  # vectors read at once


def load_index(folder: Path) -> tuple[Any, list[str]]:
    """Read ``index`` (see :func:`pyserini_tct._faiss_file.read_index`) and ``docid`` of an index folder.

    Raises:
        TctError: a file is missing or truncated, or the two differ in length.
    """
    import faiss

    if not folder.is_dir():
        raise TctError(f'{folder} is no index folder: make it with python -m pyserini_tct.index.faiss')
    file = existing(folder / 'index')
    docids = read_docids(folder / 'docid')
    index = read_index(folder)
    if index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise TctError(
            f'{file} ranks by distance, not by inner product: build it with python -m pyserini_tct.index.faiss'
        )
    if index.ntotal != len(docids):
        raise TctError(f'{folder} has {index.ntotal} vectors but {len(docids)} docids: build the index again')
    if not docids:
        raise TctError(f'{folder} holds no vectors: build the index again')
    bad = not_finite(index, SCANNED)
    if bad is not None:
        raise TctError(f'{file}: the vector of {docids[bad]} holds NaN or infinity: build it again')
    return index, docids


def flat_vectors(index: Any) -> np.ndarray | None:
    """Return the vectors of a flat index where they lie, ``(passages, dimension)``; ``None`` for another kind."""
    import faiss

    if not isinstance(index, faiss.IndexFlat):
        return None
    return faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)


class FlatFolder:
    """A flat index folder read as vectors, on the interface of :class:`pyserini_tct.vectors.VectorStore`.

    Raises:
        TctError: it is damaged, or the index is not flat.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index, self.docids = load_index(folder)
        vectors = flat_vectors(self.index)
        if vectors is None:
            raise TctError(f'{folder} holds no flat index, whose vectors could be read: name the vector store')
        self._vectors = vectors
        self.dimension: int = self.index.d
        self.manifest: dict[str, Any] = {**(read_manifest(folder) or {}), 'dimension': self.dimension}

    def __len__(self) -> int:
        return len(self.docids)

    def shards(self, verify: bool = False) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield docids and vectors ``(passages, dimension)``, all at once; ``verify``: look for NaN in all of them."""
        if verify:
            for start in range(0, len(self), BLOCK):
                finite = np.isfinite(self._vectors[start : start + BLOCK]).all(axis=1)
                if not finite.all():
                    docid = self.docids[start + int(finite.argmin())]
                    raise TctError(f'{self.folder}: the vector of {docid} holds NaN or infinity: build it again')
        yield self.docids, self._vectors


Source = VectorStore | FlatFolder


def open_sources(paths: Sequence[Path]) -> list[Source]:
    """Open vector stores, or flat index folders, that belong together.

    Raises:
        TctError: one is missing or damaged, or they are of different encoders or backends.
    """
    opened: list[Source] = [
        FlatFolder(path) if (path / 'index').is_file() and (path / 'docid').is_file() else VectorStore(path)
        for path in paths
    ]
    first = opened[0]
    for path, source in zip(paths, opened, strict=True):
        for key in ('dimension', *ORIGIN):
            mine, other = (part.manifest.get(key) for part in (first, source))
            if mine != other:
                raise TctError(
                    f'{paths[0]} and {path} were made by different encoders ({key} {str(mine)[:12]}, '
                    f'{str(other)[:12]}): index them apart'
                )
        backends = [part.manifest.get('backend') for part in (first, source)]
        if None not in backends and backends[0] != backends[1]:
            raise TctError(
                f'{paths[0]} was encoded with --backend {backends[0]}, {path} with {backends[1]}: encode one of them '
                'again, since their vectors differ'
            )
    return opened


def common(sources: Sequence[Source]) -> dict[str, Any]:
    """Return what an index keeps of the manifests of its sources, where they agree."""
    first, *others = (source.manifest for source in sources)
    return {key: first[key] for key in KEPT if key in first and all(other.get(key) == first[key] for other in others)}


def described(path: Path) -> Path:
    """Return what stands for a source in a manifest: its own manifest, or the index file where it has none."""
    manifest = _atomic.manifest_path(path)
    return manifest if manifest.exists() else path / 'index'


def blocks(source: Source, verify: bool = False) -> Iterator[np.ndarray]:
    """Yield the vectors of a source in order as single floats, ``(at most BLOCK, dimension)``."""
    for _, vectors in source.shards(verify):
        for start in range(0, len(vectors), BLOCK):
            yield np.asarray(vectors[start : start + BLOCK], np.float32)


def sample(sources: Sequence[Source], rows: np.ndarray) -> np.ndarray:
    """Return the vectors of some rows, counted over all sources and in ascending order, ``(rows, dimension)``."""
    parts, start = [], 0
    for source in sources:
        for _, vectors in source.shards():
            here = rows[(rows >= start) & (rows < start + len(vectors))] - start
            parts.append(np.asarray(vectors[here], np.float32))
            start += len(vectors)
    return np.concatenate(parts)
