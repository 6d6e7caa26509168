# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: judgments and runs in, effectiveness out; the measures themselves come from ir_measures.

Importing the package loads nothing else; names are resolved when they are used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.eval._measures import DEFAULT_MEASURES, Scores, evaluate, parse_measures, provider_of

__all__ = ['DEFAULT_MEASURES', 'Scores', 'evaluate', 'parse_measures', 'provider_of']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.eval._measures'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
