# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of ranked lists: ``interpolate``, ``reciprocal_rank`` for one query, ``fuse`` for runs, ``tune`` for alpha."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.fusion._hits import HybridHit, interpolate, reciprocal_rank
    from pyserini_tct.fusion._rule import Rule
    from pyserini_tct.fusion._runs import fuse
    from pyserini_tct.fusion._tuning import tune

__all__ = ['HybridHit', 'Rule', 'fuse', 'interpolate', 'reciprocal_rank', 'tune']
_HOMES = {
    'HybridHit': '_hits',
    'Rule': '_rule',
    'fuse': '_runs',
    'interpolate': '_hits',
    'reciprocal_rank': '_hits',
    'tune': '_tuning',
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f'pyserini_tct.fusion.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
