# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of Faiss index by readable names, their parameters, and the training that some of them need."""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct._errors import TctError

PQ, GRAPH = ('pq_m', 'pq_nbits'), ('m', 'ef_construction', 'ef_search')
# {type: parameters that it has}
TYPES: dict[str, tuple[str, ...]] = {
    'flat': (),
    'fp16': (),
    'sq8': (),
    'pq': PQ,
    'opq': PQ,
    'ivf': ('nlist', 'nprobe'),
    'hnsw': GRAPH,
    'hnswpq': (*GRAPH, *PQ),
    'fastscan': ('pq_m', 'refine'),
}
# {parameter: (flag, name that Faiss's ParameterSpace has for it, or None)}
PARAMETERS: dict[str, tuple[str, str | None]] = {
    'm': ('--M', None),
    'ef_construction': ('--efC', 'efConstruction'),
    'ef_search': ('--ef-search', 'efSearch'),
    'pq_m': ('--pq-m', None),
    'pq_nbits': ('--pq-nbits', None),
    'nlist': ('--nlist', None),
    'nprobe': ('--nprobe', 'nprobe'),
    'refine': ('--refine', 'k_factor_rf'),
}
DEFAULTS = {'m': 16, 'ef_construction': 100, 'ef_search': 64, 'pq_nbits': 8, 'nprobe': 16, 'refine': 10}
NO_GRAPH = re.compile(r'(HNSW0*[01]|IVF0+)(?!\d)')  # Faiss ends the process, or finds nothing
POINTS = 39  # training vectors that Faiss wants for a cell at least; it uses 256 at most


class Kind(NamedTuple):
    """A kind of index: one of :data:`TYPES` with its parameters, or what Faiss's ``index_factory`` calls it."""

    type: str = 'flat'
    parameters: dict[str, int] = {}  # noqa: RUF012 - never changed
    factory: str | None = None

    def complete(self, dimension: int, count: int) -> 'Kind':
        """Return the kind with every parameter and its factory string.

        Args:
            dimension: of the vectors.
            count: passages; an inverted file gets about ``4 sqrt(count)`` cells.

        Raises:
            TctError: a parameter that the type does not have, or that does not fit the vectors.

        Example:
            >>> Kind('ivf').complete(768, 100_000)
            Kind(type='ivf', parameters={'nlist': 1024, 'nprobe': 16}, factory='IVF1024,Flat')
        """
        if self.factory:
            if any(PARAMETERS[name][1] is None for name in self.parameters):
                name = next(name for name in self.parameters if PARAMETERS[name][1] is None)
                raise TctError(f'{PARAMETERS[name][0]} is part of the --factory string: leave one of them out')
            return Kind('factory', self.parameters, self.factory)
        for name in self.parameters:
            if name not in TYPES[self.type]:
                owners = [kind for kind, names in TYPES.items() if name in names]
                raise TctError(f'{PARAMETERS[name][0]} is for --type {" or ".join(owners)}, not for {self.type}')
        defaults = {**DEFAULTS, 'nlist': cells(count), 'pq_m': dimension // (2 if self.type == 'fastscan' else 4)}
        found = {name: self.parameters.get(name, defaults[name]) for name in TYPES[self.type]}
        if found.get('m') == 1:
            raise TctError('--M 1 makes no graph: give at least 2 links a vector')
        if found.get('pq_m') and dimension % found['pq_m']:
            raise TctError(f'--pq-m {found["pq_m"]} does not divide the dimension {dimension}: give one that does')
        code = f'PQ{found.get("pq_m")}x{found.get("pq_nbits")}'
        factory = {
            'flat': 'Flat',
            'fp16': 'SQfp16',
            'sq8': 'SQ8',
            'pq': code,
            'opq': f'OPQ{found.get("pq_m")},{code}',
            'ivf': f'IVF{found.get("nlist")},Flat',
            'hnsw': f'HNSW{found.get("m")},Flat',
            'hnswpq': f'HNSW{found.get("m")},{code}',
            'fastscan': f'PQ{found.get("pq_m")}x4fs,RFlat',
        }[self.type]
        return Kind(self.type, found, factory)

    def make(self, dimension: int) -> Any:
        """Return an empty index of a complete kind, its search parameters set, so that stock Pyserini has them too.

        Raises:
            TctError: Faiss knows no such kind, or a parameter does not fit it.
        """
        import faiss

        if self.type == 'hnswpq':  # the factory's has no inner product
            m, nbits, links = (self.parameters[name] for name in ('pq_m', 'pq_nbits', 'm'))
            index = attempt(
                faiss.IndexHNSWPQ, str(self.factory), dimension, m, links, nbits, faiss.METRIC_INNER_PRODUCT
            )
        else:
            index = make_factory(str(self.factory), dimension)
        inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index
        if isinstance(inner, faiss.IndexPQ):
            # it takes seconds, for codes that only a search by Hamming distance uses
            inner.do_polysemous_training = False  # type: ignore[attr-defined, unused-ignore]
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise TctError(f'Faiss ranks {self.factory!r} by distance, not by inner product: choose another kind')
        set_parameters(index, self.parameters, f'the kind {self.factory}')
        return index


def cells(count: int) -> int:
    """Return about ``4 sqrt(count)`` cells of an inverted file, a power of 2, each with vectors to train on.

    >>> cells(40_000)
    512
    """
    return 2 ** max(0, math.floor(math.log2(max(1, min(4 * math.sqrt(count), count / POINTS)))))


def make_factory(factory: str, dimension: int) -> Any:
    """Return the empty inner-product index of a factory string.

    Raises:
        TctError: Faiss knows no such kind.
    """
    import faiss

    if found := NO_GRAPH.search(factory):
        raise TctError(f'{found[0]} in {factory!r} has too few links or cells: give HNSW at least 2, IVF at least 1')
    return attempt(faiss.index_factory, factory, dimension, factory, faiss.METRIC_INNER_PRODUCT)


def set_parameters(index: Any, parameters: dict[str, int], what: str) -> None:
    """Set search and build parameters on an index, also where it is wrapped in others.

    Raises:
        TctError: the index has no such parameter.
    """
    import faiss

    for name, value in parameters.items():
        flag, faiss_name = PARAMETERS[name]
        if faiss_name is None:
            continue
        try:
            faiss.ParameterSpace().set_index_parameter(index, faiss_name, value)
        except RuntimeError as error:
            raise TctError(f'{flag} has no effect on {what}: leave it out') from error


def training_rows(index: Any, count: int, seed: int) -> np.ndarray:
    """Return the rows to train on, in order: a seeded sample without repetition, ``(rows,)``."""
    import faiss

    ivf = faiss.try_extract_index_ivf(index)
    wanted = min(count, 256 * max(256, ivf.nlist if ivf is not None else 0))
    return np.sort(np.random.default_rng(seed).choice(count, wanted, replace=False))


def attempt(method: Callable[..., Any], factory: str, *words: Any) -> Any:
    """Call Faiss, and tell its exceptions in one sentence."""
    try:
        return method(*words)
    except RuntimeError as error:
        # what is behind "Error in FUNCTION at FILE:LINE: Error: 'CONDITION' failed: ", or the condition
        cause = re.sub(r"^Error in .* at \S+:\d+: |Error: '.*' failed: ", '', str(error).strip().splitlines()[-1])[:160]
        raise TctError(
            f'Faiss cannot build {factory!r} of these vectors ({cause}): try IVF256,SQ8, HNSW32 or Flat'
        ) from error
