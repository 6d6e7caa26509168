# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The process's environment: thread policy, devices, optional packages.

Import this module before torch: OpenMP reads its waiting policy once, when torch loads it.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

from pyserini_tct._errors import TctError

# Threads that spin while they wait make torch 3-4 times slower as soon as another process wants a core.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'true')
# Training makes products of ever new sizes in bf16, and oneDNN would keep the code of the last 1024: 0.2 GB more.
os.environ.setdefault('ONEDNN_PRIMITIVE_CACHE_CAPACITY', '64')

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
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

    if name is None or name == 'auto':
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TctError(f'device {name!r} is unknown: use cpu, cuda:0 or auto') from error
    if device.type not in ('cpu', 'cuda'):
        raise TctError(f'device {name!r} is not supported: use cpu, cuda:0 or auto')
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise TctError(f'device {name!r} is not available on this machine: use --device cpu')
    return name


def has_bf16(device: str) -> bool:
    """Tell whether bf16 matrix products run in hardware on a device (``cpu``, ``cuda`` or ``cuda:0``)."""
    import torch

    if device.split(':')[0] == 'cuda':
        return torch.cuda.is_bf16_supported()
    capabilities: dict[str, Any] = getattr(torch.cpu, 'get_capabilities', dict)()  # older releases of torch cannot tell
    return any(bool(capabilities.get(name)) for name in ('avx512_bf16', 'amx_bf16', 'arm_bf16'))


def precision_of(name: str, device: str) -> str:
    """Resolve ``auto`` to ``bf16`` where the device has it, else to ``fp32``."""
    return name if name != 'auto' else 'bf16' if has_bf16(device) else 'fp32'


def autocast(device: str, precision: str) -> Any:
    """Return a context in which torch computes in ``bf16``, or one that changes nothing for ``fp32``."""
    import torch

    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == 'bf16')


def keep_freed_memory() -> None:
    """Have glibc keep large freed blocks for the next step, instead of handing them back and faulting them in again.

    Without effect where the C library is another one.
    """
    libc = ctypes.CDLL(None) if sys.platform == 'linux' else None
    if hasattr(libc, 'mallopt'):
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)  # type: ignore[union-attr]
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # type: ignore[union-attr]


@contextlib.contextmanager
def no_collector() -> Iterator[None]:
    """Keep Python's garbage collector off while the block runs: many new objects have it look through all there are."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextlib.contextmanager
def faiss_threads(count: int) -> Iterator[None]:
    """Give Faiss ``count`` threads while the block runs; the setting is OpenMP's, so torch would keep it otherwise."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Give torch and Faiss ``count`` threads while the block runs."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with faiss_threads(count):
            yield
    finally:
        torch.set_num_threads(before)


def versions() -> dict[str, str | None]:
    """Return the installed version of each package that a score depends on (``None``: not installed)."""
    found: dict[str, str | None] = {'python': platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found
