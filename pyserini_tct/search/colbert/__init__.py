# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Two-stage ColBERT search: ``ColbertSearcher`` and ``python -m pyserini_tct.search.colbert``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.colbert._searcher import ColbertSearcher

__all__ = ['ColbertSearcher']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.search.colbert._searcher'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
