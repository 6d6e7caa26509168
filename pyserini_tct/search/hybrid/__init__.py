# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Hybrid search: ``HybridSearcher`` and ``python -m pyserini_tct.search.hybrid``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.hybrid._searcher import HybridSearcher

__all__ = ['HybridSearcher']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.search.hybrid._searcher'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
