# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A way round one import of Pyserini 1.6, which builds an OpenAI client and so fails without a key (Pyserini #2519).

A placeholder key is set only while that one module executes, whoever imports it.
"""

import functools
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

OPENAI, KEY = 'pyserini.encode._openai', 'OPENAI_API_KEY'


def install() -> None:
    """Put the finder first among the importers; a second call changes nothing."""
    if not any(isinstance(finder, OpenAiFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, OpenAiFinder())


class OpenAiFinder(MetaPathFinder):
    """Finds that one module and wraps its execution."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == OPENAI else None
        if spec is not None and spec.loader is not None:
            setattr(spec.loader, 'exec_module', functools.partial(exec_with_key, spec.loader.exec_module))  # noqa: B010
        return spec


def exec_with_key(exec_module: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Execute a module with a key in the environment, and leave the environment as it was."""
    before = os.environ.pop(KEY, None)
    os.environ[KEY] = before or 'placeholder'
    try:
        exec_module(module)
    finally:
        del os.environ[KEY]
        if before is not None:
            os.environ[KEY] = before
