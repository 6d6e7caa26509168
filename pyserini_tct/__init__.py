# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""TCT-ColBERT for Pyserini and Anserini: train, encode, index, search, evaluate, regress.

Importing the package loads neither torch nor a JVM; names are resolved when they are used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder

__version__ = '0.1.0'
__all__ = ['TctColBertDocumentEncoder', 'TctColBertQueryEncoder', '__version__']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.encode'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
