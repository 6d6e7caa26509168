# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Why a passage has its score: the parts of MaxSim, of a student's dot product and of BM25, which add up to it."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.explain._bm25 import explain_bm25
    from pyserini_tct.explain._dense import explain_dense
    from pyserini_tct.explain._maxsim import explain_maxsim

_HOMES = {'explain_bm25': '_bm25', 'explain_dense': '_dense', 'explain_maxsim': '_maxsim'}
__all__ = ['explain_bm25', 'explain_dense', 'explain_maxsim']


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f'pyserini_tct.explain.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
