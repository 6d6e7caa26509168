# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that a training run needs to go on: weights, optimiser state, step, best score; written in one step.

``NAME.partial/last`` holds it; it is replaced whole, so a kill or a full disk leaves the one before.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pyserini_tct import _atomic, _files
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.models import _weights

ADJUSTABLE = ('lr', 'warmup', 'clip', 'temperature', 'precision')


def claim(partial: Path, fingerprint: dict[str, Any], overwrite: bool) -> None:
    """Write down whose unfinished run this is, before anything is mined, cached or trained; refuse another one's.

    What does not change the data or the network may differ from the run that is gone on with: it is what one has to
    change after a loss that was not finite.
    """
    path = partial / 'settings.json'
    for name in ('last', 'best'):
        _atomic.restore(partial / name)
    before = _files.read_json(path) if path.exists() else {}
    changed = [key for key in {**fingerprint, **before} if before.get(key) != fingerprint.get(key)]
    fixed = [key for key in changed if key not in ADJUSTABLE]
    begun = (partial / 'last').is_dir()
    if begun and fixed and not overwrite:
        was, now = before.get(fixed[0]), fingerprint.get(fixed[0])
        raise TctError(
            f'{partial} was left by a run with another {fixed[0]} ({was}, now {now}): give the same settings, or '
            'add --overwrite'
        )
    if fixed or (changed and not begun):
        _atomic.remove(partial)
    elif changed:
        note(f'note: going on with another {", ".join(changed)}')
    _atomic.write_json(path, fingerprint)


def save(
    folder: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
    also: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write a checkpoint of a run; the folder is replaced in one step.

    Args:
        folder: where.
        model: the network trained.
        optimizer: AdamW; its moments go into a file of their own.
        state: JSON: step, settings, best score.
        also: writes what else the run needs into the folder.

    Raises:
        TctError: the disk is full; the checkpoint before is still there.
    """
    names = {id(weight): name for name, weight in model.named_parameters()}
    moments = {}
    for group in optimizer.param_groups:
        for weight in group['params']:
            for key, value in optimizer.state.get(weight, {}).items():
                moments[f'{key}:{names[id(weight)]}'] = value
    try:
        with _atomic.atomic_folder(folder) as partial:
            write_weights(model, partial)
            _weights.write(moments, partial / 'optimizer.safetensors')
            also(partial)
            (partial / 'state.json').write_text(json.dumps(state, indent=2), encoding='utf-8')
    except Exception as error:
        if isinstance(error, OSError) or 'space' in str(error).lower():
            raise TctError(
                f'{folder} could not be saved ({error}); the checkpoint before it is kept: make room and run the same '
                'command again'
            ) from error
        raise


def write_weights(model: torch.nn.Module, folder: Path) -> None:
    """Write the weights alone into an existing folder."""
    _weights.write(dict(model.state_dict()), folder / 'model.safetensors')


def read_weights(model: torch.nn.Module, folder: Path) -> None:
    """Read back what :func:`write_weights` wrote."""
    model.load_state_dict(_weights.read(folder / 'model.safetensors'))


def load(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Read a checkpoint back into the model and the optimiser; return its state.

    Raises:
        TctError: it is damaged.
    """
    state = _files.read_json(folder / 'state.json')
    read_weights(model, folder)
    moments = _weights.read(folder / 'optimizer.safetensors')
    parameters = dict(model.named_parameters())
    for key, value in moments.items():
        kind, name = key.split(':', 1)
        weight = parameters[name]
        optimizer.state[weight][kind] = value.to(weight.device)  # `step` too: the fused AdamW reads it on the device
    return state
