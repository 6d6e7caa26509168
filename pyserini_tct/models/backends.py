# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What runs a student's network: torch (the default everywhere), ONNX Runtime or OpenVINO, both on the CPU.

The network is exported once for each checkpoint, configuration and exporter into the user's cache; before it is used
its vectors are compared with torch's. Tokens, batches and files are the same for all of them.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _disk, _env, _files
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.models import fast
from pyserini_tct.models.student import Student, mean_pooling, pad

BACKENDS = ('torch', 'onnx', 'openvino')
PRECISIONS = ('fp32', 'bf16', 'auto')
LEAST_COSINE = {'fp32': 0.9999, 'bf16': 0.999}
MOST_ERROR = {'fp32': 0.015, 'bf16': 0.05}  # of a vector's length; what the least cosine allows, and a little more
MODEL, CHECKSUM = 'model.onnx', 'model.onnx.sha256'
OPSET = 17
Run = Callable[[np.ndarray, np.ndarray], np.ndarray]


def use(student: Student, backend: str = 'torch', precision: str = 'fp32') -> str:
    """Have ``student.embed`` run on a backend.

    Args:
        student: on the CPU, but for ``torch``.
        backend: one of ``BACKENDS``.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the machine has it, and never with ``onnx``.

    Returns:
        The precision, ``fp32`` or ``bf16``.

    Raises:
        TctError: an unknown or a missing backend, one that cannot do what was asked, or one whose vectors are not
            torch's.
    """
    import torch

    device = student.device.type
    if backend not in BACKENDS or precision not in PRECISIONS:
        raise TctError(
            f'backend {backend!r} with precision {precision!r} is unknown: use one of {", ".join(BACKENDS)} and one of '
            f'{", ".join(PRECISIONS)}'
        )
    if backend == 'onnx':
        if precision == 'bf16':
            raise TctError('the backend onnx computes in fp32: leave out bf16, or take the backend torch or openvino')
        precision = 'fp32'
    precision = _env.precision_of(precision, device)
    if precision == 'bf16' and not _env.has_bf16(device):
        if backend == 'openvino':  # it would compute in fp32 without a word, and the manifest would say bf16
            raise TctError('this CPU has no bf16: take --precision fp32 or auto')
        note(f'note: this {device} has no bf16 in hardware, fp32 is faster')
    if backend == 'torch':
        student.runner = _torch(student, precision)
        return precision
    if device != 'cpu':
        raise TctError(f'the backend {backend} runs on the CPU: use --device cpu, or the backend torch')
    opened = _RUNTIMES[backend](backend, student, precision)
    _compare(student, opened, backend, precision)
    student.runner = lambda ids, mask: torch.from_numpy(opened(ids.numpy(), mask.numpy()))
    return precision


def _torch(student: Student, precision: str) -> Callable[[Any, Any], Any] | None:
    """Return what runs a student by torch: prepared weights on a CPU, else the network itself (``None`` in fp32)."""
    import torch

    device = student.device.type
    dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
    hardware = precision == 'fp32' or _env.has_bf16(device)
    if device == 'cpu' and hardware and fast.available(student.bert, dtype):
        network = fast.FastBert(student.bert, dtype)
        return lambda ids, mask: mean_pooling(network(ids, mask), mask)
    if precision == 'fp32':
        return None

    def run(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        with _env.autocast(device, precision):
            return student(ids, mask)

    return run


def _onnxruntime(backend: str, student: Student, precision: str) -> Run:
    import torch

    runtime = _env.need('onnxruntime', 'onnx', 'the backend onnx')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    file = exported(student, backend)
    session = _opened(file, lambda: runtime.InferenceSession(str(file), options, providers=['CPUExecutionProvider']))
    return lambda ids, mask: session.run(None, {'input_ids': ids, 'attention_mask': mask})[0]


def _openvino(backend: str, student: Student, precision: str) -> Run:
    import torch

    core = _env.need('openvino', 'openvino', 'the backend openvino').Core()
    settings = {
        'INFERENCE_PRECISION_HINT': {'fp32': 'f32', 'bf16': 'bf16'}[precision],
        'INFERENCE_NUM_THREADS': torch.get_num_threads(),
    }
    file = exported(student, backend)
    model = _opened(file, lambda: core.compile_model(core.read_model(str(file)), 'CPU', settings))
    return lambda ids, mask: model({'input_ids': ids, 'attention_mask': mask})[0].copy()


_RUNTIMES: dict[str, Callable[[str, Student, str], Run]] = {'onnx': _onnxruntime, 'openvino': _openvino}


def _opened(file: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # each runtime has exceptions of its own
        cause = str(error).strip().splitlines()[0][:200]
        raise TctError(f'{file} cannot be loaded ({cause}): remove the folder, it is exported again') from error


def exported(student: Student, backend: str) -> Path:
    """Return the ONNX file of a student in the user's cache; export it if it is not there.

    Raises:
        TctError: the package ``onnx``, which exporting needs, is missing, or exporting fails.
    """
    import torch

    from pyserini_tct.prebuilt._registry import cache_home

    made_from = {
        'weights': student.sha256,
        'config': student.bert.config.content(),
        'torch': torch.__version__,
        'opset': OPSET,
    }
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True, default=str).encode()).hexdigest()
    folder = cache_home() / 'tct-onnx' / key[:32]
    if not _is_sound(folder):
        _env.need('onnx', backend, 'exporting a model')
        with _disk.writing_cache(folder), _atomic.lock(folder, f'another process exports {folder}, waiting'):
            if not _is_sound(folder):
                if folder.exists():
                    note(f'{folder / MODEL} has no checksum beside it, or another one: it is exported again')
                note(f'exporting the model to {folder}')
                with _atomic.atomic_folder(folder) as partial:
                    _export(student, partial / MODEL, backend)
                    (partial / CHECKSUM).write_text(_files.sha256(partial / MODEL) + '\n', encoding='utf-8')
    return folder / MODEL


def _is_sound(folder: Path) -> bool:
    """Tell whether an exported model is there, with the checksum that was written beside it."""
    files = folder / MODEL, folder / CHECKSUM
    return all(file.is_file() for file in files) and _files.sha256(files[0]).encode() == files[1].read_bytes().strip()


def _export(student: Student, file: Path, backend: str) -> None:
    import torch

    ids = torch.tensor([[0] * 7, [1] * 7])
    axes = {0: 'texts', 1: 'tokens'}
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                student,
                (ids, torch.ones_like(ids)),
                str(file),
                dynamo=False,
                opset_version=OPSET,
                input_names=['input_ids', 'attention_mask'],
                output_names=['vectors'],
                dynamic_axes={'input_ids': axes, 'attention_mask': axes, 'vectors': {0: 'texts'}},
            )
    except OSError:  # a full disk, say, which has a sentence of its own
        raise
    except Exception as error:  # the exporter has exceptions of its own
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise TctError(f'the student cannot be exported for {backend} ({cause}): use the backend torch') from error
    finally:
        logger.setLevel(level)


def _compare(student: Student, run: Run, backend: str, precision: str) -> None:
    """Raise :class:`TctError` unless a backend gives torch's vectors for texts of several lengths in one batch."""
    import torch

    words = student.bert.config.vocab_size
    rows = student.tokenizer.queries(['what is a lobster roll'], student.settings.query_length)
    for length in (5, 9, 33, student.settings.passage_length):
        rows = [*rows, [*rows[0][:4], *(7919 * place * length % words for place in range(4, length))]]
    ids, mask = pad(rows, student.tokenizer.pad_id)
    with torch.inference_mode():
        wanted = student(ids, mask).numpy()
    found = run(ids.numpy(), mask.numpy())
    lengths, others = np.linalg.norm(wanted, axis=1), np.linalg.norm(found, axis=1)
    worst = float(np.min((wanted * found).sum(1) / np.maximum(lengths * others, 1e-30)))
    error = float(np.max(np.linalg.norm(found - wanted, axis=1) / np.maximum(lengths, 1e-30)))
    if not (
        worst >= LEAST_COSINE[precision] and error <= MOST_ERROR[precision]
    ):  # scores are dot products, not cosines
        raise TctError(
            f'the backend {backend} gives other vectors than torch: the least cosine is {worst:.6f}, '
            f'{LEAST_COSINE[precision]} is needed in {precision}, and they differ by up to {error:.2g} of their '
            f'length, {MOST_ERROR[precision]} is allowed; use the backend torch'
        )
