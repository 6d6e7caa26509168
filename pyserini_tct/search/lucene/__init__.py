# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""BM25 search: ``BM25Searcher`` and ``python -m pyserini_tct.search.lucene``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.lucene._searcher import BM25Searcher

__all__ = ['BM25Searcher']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.search.lucene._searcher'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
