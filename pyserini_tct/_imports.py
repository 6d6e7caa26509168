# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ways round two modules of Pyserini that fail while they are imported, whoever imports them.

Pyserini 1.6 builds an OpenAI client and so fails without a key (Pyserini #2519): it gets one that opens nothing.
Pyserini 2.4 looks two prebuilt indexes up on GitHub and so fails without a network: without one they get no URL.
"""

import functools
import io
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

OPENAI, KEY = 'pyserini.encode._openai', 'OPENAI_API_KEY'
INDEXES = 'pyserini.prebuilt_index_info'
MOST_NAMES = 50


def install() -> None:
    """Put the finder first among the importers; a second call changes nothing."""
    if not any(isinstance(finder, MendingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MendingFinder())


class MendingFinder(MetaPathFinder):
    """Finds those modules and wraps their execution."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        mend = {OPENAI: exec_with_key, INDEXES: exec_without_network}.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if mend else None
        if spec is not None and spec.loader is not None and mend:
            setattr(spec.loader, 'exec_module', functools.partial(mend, spec.loader.exec_module))  # noqa: B010
        return spec


def exec_with_key(exec_module: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Execute a module with a key in the environment, and leave the environment as it was."""
    before = os.environ.pop(KEY, None)
    os.environ[KEY] = before or 'opens-nothing'
    try:
        exec_module(module)
    finally:
        del os.environ[KEY]
        if before is not None:
            os.environ[KEY] = before


def exec_without_network(exec_module: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Execute a module; if it fails for want of a network, again with an empty entry for each name that it looks up.

    What was looked up is forgotten afterwards, so that later look-ups ask the network again.
    """
    urlopen, names = urllib.request.urlopen, list[str]()
    try:
        exec_module(module)
        return
    except (urllib.error.URLError, TimeoutError) as error:
        cause: Exception = error
    fields: dict[str, Any] = {'description': None, 'filename': None, 'urls': [], 'md5': None, 'size': None}
    urllib.request.urlopen = lambda *_, **__: io.BytesIO(json.dumps([{'name': n, **fields} for n in names]).encode())
    try:
        for _ in range(MOST_NAMES):
            try:
                exec_module(module)
                break
            except KeyError as error:
                names.append(error.args[0])
        else:
            raise cause
    finally:
        urllib.request.urlopen = urlopen
    for value in vars(module).values():
        if hasattr(value, '_info'):
            value._info = None
    setattr(module, 'urlopen', urlopen)  # noqa: B010
