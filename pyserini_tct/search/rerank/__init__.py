# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking: three re-rankers and ``python -m pyserini_tct.search.rerank``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.search.rerank._cross import CrossReranker
    from pyserini_tct.search.rerank._maxsim import MaxSimReranker, StoredReranker

__all__ = ['CrossReranker', 'MaxSimReranker', 'StoredReranker']
_HOMES = {'CrossReranker': '_cross', 'MaxSimReranker': '_maxsim', 'StoredReranker': '_maxsim'}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f'pyserini_tct.search.rerank.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
