# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of ranked lists: ``interpolate``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.fusion._interpolation import interpolate

__all__ = ['interpolate']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.fusion._interpolation'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
