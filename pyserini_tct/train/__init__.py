# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Training: ``python -m pyserini_tct.train``, or ``train(TrainConfig(...))``."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.train._config import TrainConfig
    from pyserini_tct.train._loop import train
    from pyserini_tct.train._paper import paper_faithful
    from pyserini_tct.train._recipes import read_recipe

__all__ = ['TrainConfig', 'paper_faithful', 'read_recipe', 'train']
_HOMES = {
    'TrainConfig': 'pyserini_tct.train._config',
    'paper_faithful': 'pyserini_tct.train._paper',
    'read_recipe': 'pyserini_tct.train._recipes',
    'train': 'pyserini_tct.train._loop',
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
