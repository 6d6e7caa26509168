# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Doc2query: predicted queries, filtered or not, appended to passages; ``python -m pyserini_tct.expand``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.expand._append import expand_corpus

__all__ = ['expand_corpus']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.expand._append'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
