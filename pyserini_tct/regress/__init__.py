# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Regressions: a YAML of commands and pinned scores in, a matrix and an exit code out.

Importing the package loads nothing else; names are resolved when they are used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.regress._matrix import Row, exit_code, matrix
    from pyserini_tct.regress._ranks import Miss, rank_misses
    from pyserini_tct.regress._records import Spec
    from pyserini_tct.regress._runner import run_spec
    from pyserini_tct.regress._spec import load_spec
    from pyserini_tct.regress._work import work_folder

_HOMES = {
    'Miss': '_ranks',
    'rank_misses': '_ranks',
    'Row': '_matrix',
    'exit_code': '_matrix',
    'matrix': '_matrix',
    'Spec': '_records',
    'load_spec': '_spec',
    'run_spec': '_runner',
    'work_folder': '_work',
}
__all__ = ['Miss', 'Row', 'Spec', 'exit_code', 'load_spec', 'matrix', 'rank_misses', 'run_spec', 'work_folder']


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f'pyserini_tct.regress.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
