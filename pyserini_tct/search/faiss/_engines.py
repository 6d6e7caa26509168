# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What searches an index: a matrix product where it is flat, else Faiss; several indexes are searched as one."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from pyserini_tct import _cli, _env
from pyserini_tct._errors import TctError
from pyserini_tct.index._finite import looks_at_all
from pyserini_tct.index._graphs import candidates, search
from pyserini_tct.index._open import flat_vectors
from pyserini_tct.search.faiss._exact import SPARE, ExactScan, Found


class Engine(Protocol):
    """A search of vectors by inner product."""

    def __len__(self) -> int: ...

    def nearest(self, queries: np.ndarray, k: int, threads: int = 1) -> Iterator[Found]:
        """Yield scores and rows of each query: at least the ``k`` best and all that tie with the last as written."""
        ...

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of a row as the index has it, ``(dimension,)``."""
        ...


def engine_of(indexes: Sequence[Any]) -> Engine:
    """Return what searches Faiss indexes best, several as one."""
    engines: list[Engine] = []
    for index in indexes:
        vectors = flat_vectors(index)
        engines.append(FaissIndex(index) if vectors is None else FlatIndex(index, vectors))
    return engines[0] if len(engines) == 1 else Shards(engines)


class FlatIndex(ExactScan):
    """A flat index; its vectors stay where Faiss has them."""

    def __init__(self, index: Any, vectors: np.ndarray) -> None:
        super().__init__(vectors)
        self.index = index  # owns the vectors

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of a row."""
        return self.vectors[row]


class FaissIndex:
    """Any other index, searched by Faiss with the parameters that it has; a graph with as many candidates as hits."""

    def __init__(self, index: Any) -> None:
        self.index = index

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def nearest(self, queries: np.ndarray, k: int, threads: int = 1) -> Iterator[Found]:
        """Yield scores and rows; deeper where equal scores straddle the cut, so that docids can decide.

        Raises:
            TctError: a score is not finite.
        """
        partial, least = not looks_at_all(self.index), candidates(self.index)
        if least is not None and least < k:
            _tell(k, least)
        with _env.faiss_threads(threads):
            found = search(self.index, queries, min(k + SPARE, len(self)))
            for i, (scores, rows) in enumerate(zip(*found, strict=True)):
                depth = len(rows)
                while depth < len(self) and rows[-1] >= 0 and not _drops(scores, k):
                    depth = min(4 * depth, len(self))
                    scores, rows = (part[0] for part in search(self.index, queries[i : i + 1], depth))
                filled = rows >= 0  # Faiss fills up with -1 when it finds no more
                if not np.isfinite(scores[filled]).all() or not (filled.all() or partial):
                    lost = rows[filled & ~np.isfinite(scores)]  # Faiss reports some, and passes over others
                    row = int(lost[0] if len(lost) else np.setdiff1d(np.arange(len(self)), rows)[0])
                    raise TctError(f'the vector in row {row} gives a score that is not finite: build the index again')
                yield scores[filled], rows[filled]

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of a row as the index's code gives it."""
        import faiss

        ivf = faiss.try_extract_index_ivf(self.index)
        if ivf is not None and ivf.direct_map.no():
            ivf.make_direct_map()
        return self.index.reconstruct(row)


@functools.cache
def _tell(k: int, least: int) -> None:
    """Say it once, however many graphs and searches there are."""
    _cli.note(f'note: {k} hits need as many candidates: --ef-search is {k}, not {least}')


class Shards:
    """Several indexes, whose rows are counted through; each is searched, and the best of all are taken."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self._starts = np.cumsum([0, *map(len, engines)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def nearest(self, queries: np.ndarray, k: int, threads: int = 1) -> Iterator[Found]:
        """Yield scores and rows, best first."""
        with _env.threads(threads):
            for parts in zip(*(engine.nearest(queries, k, threads) for engine in self.engines), strict=True):
                scores = np.concatenate([scores for scores, _ in parts])
                rows = np.concatenate([rows + start for (_, rows), start in zip(parts, self._starts, strict=False)])
                order = np.argsort(-scores, kind='stable')
                yield scores[order], rows[order]

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of a row."""
        shard = int(np.searchsorted(self._starts, row, side='right')) - 1
        return self.engines[shard].vector(row - int(self._starts[shard]))


def _drops(scores: np.ndarray, k: int) -> bool:
    return len(scores) > k and round(float(scores[k - 1]), 6) > round(float(scores[-1]), 6)


def in_order(scores: np.ndarray, rows: np.ndarray, docids: np.ndarray) -> Found:
    """Order what falls by score as written, then docid, then row: only scores so close that they may be written alike.

    Scores, ``(hits,)``, are highest first.
    """
    close = np.flatnonzero(np.diff(scores) > -4e-6) + 1
    if not len(close):
        return scores, rows
    order = np.arange(len(scores))
    for chain in np.split(close, np.flatnonzero(np.diff(close) > 1) + 1):
        part = slice(chain[0] - 1, chain[-1] + 1)
        written = [-round(score, 6) for score in scores[part].tolist()]
        keys = zip(written, docids[rows[part]].tolist(), rows[part].tolist(), order[part].tolist(), strict=True)
        order[part] = [key[-1] for key in sorted(keys)]
    return scores[order], rows[order]


def distinct(engine: Engine, query: np.ndarray, found: Found, docids: np.ndarray, k: int, threads: int) -> Found:
    """Keep the best of each docid, and search deeper until there are ``k``: shards may overlap.

    Args:
        engine: what found it.
        query: ``(dimension,)``.
        found: at least the ``k`` best scores and rows, in order.
        docids: of all rows.
        k: docids wanted.
        threads: of the search.
    """
    scores, rows = found
    depth = k
    while True:
        names = docids[rows].tolist()
        if len(set(names)) == len(names):
            return scores, rows
        first = {docid: place for place, docid in reversed(list(enumerate(names)))}
        if len(first) >= k or depth >= len(engine):
            kept = sorted(first.values())
            return scores[kept], rows[kept]
        depth = min(4 * depth, len(engine))
        (deeper,) = engine.nearest(query[None], depth, threads)
        scores, rows = in_order(*deeper, docids)
