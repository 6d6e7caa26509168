# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The process's environment: thread policy, devices, optional packages.

Import this module before torch: OpenMP reads its waiting policy once, when torch loads it.
"""

import importlib
import os
import platform
from importlib import metadata
from types import ModuleType

from pyserini_tct._errors import TctError

# Threads that spin while they wait make torch 3-4 times slower as soon as another process wants a core.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'true')

PACKAGES = ('pyserini-tct', 'pyserini', 'torch', 'transformers', 'tokenizers', 'faiss-cpu', 'pyjnius', 'numpy')


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Raises:
        TctError: the package is missing; the sentence has the ``pip install`` that brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise TctError(
            f"{purpose} needs the package {error.name}, which is not installed: pip install 'pyserini-tct[{extra}]'"
        ) from error


def device_of(name: str | None) -> str:
    """Resolve a device name; ``None`` and ``auto`` mean the first GPU if there is one, else the CPU.

    Raises:
        TctError: the named device does not exist here.
    """
    import torch

    if name in (None, 'auto'):
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    assert name is not None  # for the type checker: `auto` and None returned above
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TctError(f'device {name!r} is unknown: use cpu, cuda:0 or auto') from error
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise TctError(f'device {name!r} is not available on this machine: use --device cpu')
    return name


def versions() -> dict[str, str | None]:
    """Return the installed version of each package that a score depends on (``None``: not installed)."""
    found: dict[str, str | None] = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found
