# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ready-made models, indexes and encoded queries by name: ``find`` says what a name is, ``locate`` where it is here."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.prebuilt._install import locate
    from pyserini_tct.prebuilt._registry import Entry, entries, find

__all__ = ['Entry', 'entries', 'find', 'locate']


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = '_install' if name == 'locate' else '_registry'
        return getattr(importlib.import_module(f'pyserini_tct.prebuilt.{module}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
