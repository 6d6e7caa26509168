# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of ranked lists: ``interpolate``, and ``tune`` for its alpha."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.fusion._interpolation import interpolate
    from pyserini_tct.fusion._tuning import tune

__all__ = ['interpolate', 'tune']
_HOMES = {'interpolate': 'pyserini_tct.fusion._interpolation', 'tune': 'pyserini_tct.fusion._tuning'}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
