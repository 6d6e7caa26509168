# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Teachers: one call from queries and passages to a matrix of scores; a loss never knows who the teacher is.

A file a kind: ``late`` (ColBERT, live and cached), ``bi`` (a student), ``cross`` (a cross-encoder), ``ensemble``,
``stored`` (scores in a file). A new kind is a class that meets ``base.Teacher`` in a file here, and one line in
``factory.KINDS``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.models.teachers.base import Teacher
    from pyserini_tct.models.teachers.factory import open_teacher

__all__ = ['Teacher', 'open_teacher']
_HOMES = {'Teacher': 'pyserini_tct.models.teachers.base', 'open_teacher': 'pyserini_tct.models.teachers.factory'}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
