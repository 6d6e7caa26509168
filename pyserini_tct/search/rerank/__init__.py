# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking: ``MaxSimReranker`` and ``python -m pyserini_tct.search.rerank``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.rerank._maxsim import MaxSimReranker

__all__ = ['MaxSimReranker']


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module('pyserini_tct.search.rerank._maxsim'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
