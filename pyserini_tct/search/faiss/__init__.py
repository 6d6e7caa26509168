# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dense search: ``FaissSearcher`` and ``python -m pyserini_tct.search.faiss``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.faiss._searcher import FaissSearcher

__all__ = ['FaissSearcher']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.search.faiss._searcher'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
