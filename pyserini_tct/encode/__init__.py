# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Texts to vectors: ``python -m pyserini_tct.encode`` and the encoders on Pyserini's interfaces."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.encode._encoders import TctColBertDocumentEncoder, TctColBertQueryEncoder

__all__ = ['TctColBertDocumentEncoder', 'TctColBertQueryEncoder']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.encode._encoders'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
