# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The cells of an ablation, one after the other: train, evaluate, write ``cells/NAME.json``; what is there stays.

A cell's training and its evaluation are processes of their own, so that their peak memory is theirs alone and a kill
loses one of them at most.
"""

import hashlib
import json
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pyserini_tct import _atomic, _env, _files
from pyserini_tct._errors import TctError
from pyserini_tct.ablate._child import measured
from pyserini_tct.ablate._grid import Cell
from pyserini_tct.ablate._training import Training

PLAN = 'plan.json'
STEP = re.compile(r'([\d.]+) s a step')


def claim(root: Path, settings: dict[str, Any]) -> None:
    """Make the folder ours: new, or an ablation with the same settings and inputs; other cells may be added.

    Raises:
        TctError: it holds something else, or an ablation with other settings or inputs.
    """
    path = root / PLAN
    if not path.exists():
        if root.exists() and any(root.iterdir()):
            raise TctError(f'{root} is not empty and no earlier ablation: choose another --output')
        _atomic.write_json(path, {'settings': settings, 'cells': []})
    before, now = _flat(_files.read_json(path)['settings']), _flat(settings)
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if changed:
        was, found = (str(side.get(changed[0], 'not there'))[:60] for side in (before, now))
        raise TctError(
            f'{root} holds an ablation with another {changed[0]} ({was}, now {found}): give the same settings and '
            'data, or another --output'
        )


def _flat(value: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in json.loads(json.dumps(value)).items():
        found |= _flat(inner, f'{prefix}{key} ') if isinstance(inner, dict) else {f'{prefix}{key}': inner}
    return found


def write_plan(root: Path, plan: dict[str, Any], cells: Sequence[Cell]) -> dict[str, Any]:
    """Write down settings, data and cells, together with the cells of earlier calls; return all of it."""
    known = sorted({*cells_of(_files.read_json(root / PLAN)), *cells}, key=lambda cell: cell.place)
    plan = {**plan, 'cells': [cell._asdict() for cell in known]}
    plan['fingerprint'] = hashlib.sha256(json.dumps(plan['settings'], sort_keys=True).encode()).hexdigest()[:16]
    _atomic.write_json(root / PLAN, plan)
    return plan


def cells_of(plan: dict[str, Any]) -> list[Cell]:
    """Return the cells of a plan, in the order of the table."""
    return [Cell(**cell) for cell in plan['cells']]


def load_cell(root: Path, plan: dict[str, Any], cell: Cell) -> dict[str, Any] | None:
    """Return what a cell's file says, ``None`` where it is missing.

    Raises:
        TctError: it was made with other settings or inputs, or is damaged.
    """
    path = root / 'cells' / f'{cell.name}.json'
    if not path.exists():
        return None
    content = _read(path)
    if content.get('fingerprint') != plan['fingerprint']:
        raise TctError(f'{path} was made with other settings or data than {root / PLAN}: remove it')
    return content


def _read(path: Path) -> dict[str, Any]:
    """Read a file that a call of this command wrote, and that another call can write again."""
    try:
        return _files.read_json(path)
    except TctError as error:
        raise TctError(f'{path} is damaged: remove it, and the same command makes it again') from error


def run(root: Path, plan: dict[str, Any], cells: Sequence[Cell], training: Training, discard: bool = False) -> None:
    """Run the cells that are not there yet.

    Args:
        root: the ablation's folder.
        plan: see :func:`write_plan`.
        cells: a teacher before its students.
        training: the settings.
        discard: remove a student's checkpoint after its evaluation.

    Raises:
        TctError: a training or an evaluation failed; the cells before it are kept.
    """
    left = [cell for cell in cells if load_cell(root, plan, cell) is None]
    with tqdm(total=len(left), desc='cells', unit='cell', disable=None) as progress:
        for cell in left:
            progress.set_postfix_str(cell.name)
            started = time.perf_counter()
            # Another session that shares the folder may be at the same cell, a teacher for instance.
            with _atomic.lock(root / 'cells' / cell.name, f'{cell.name}: waiting for another process to finish it'):
                if load_cell(root, plan, cell) is None:
                    _run_cell(root, plan, cell, training)
            if discard and cell.kind == 'student':
                _atomic.remove(root / 'models' / cell.model)
            content = load_cell(root, plan, cell) or {}
            means = ', '.join(f'{name} {value:.4f}' for name, value in (content['mean'] or {}).items())
            progress.write(f'{cell.name}: {means or "done"} ({time.perf_counter() - started:.0f} s)', file=sys.stderr)
            progress.update()


def _run_cell(root: Path, plan: dict[str, Any], cell: Cell, training: Training) -> None:
    log = root / 'logs' / f'{cell.name}.txt'
    trained = _train(root, cell, training, log)
    output = root / 'cells' / f'.{cell.name}.scores.json'
    few, seeds = plan['evaluate_seeds'], cell.seed
    which = 'all' if few is None or seeds is None or seeds < few else 'trained'
    words = [str(root / PLAN), cell.kind, str(root / 'models' / cell.model), str(output), which]
    record = root / 'cells' / f'.{cell.name}.evaluation.json'
    taken = measured(record, log, 'pyserini_tct.ablate._evaluate', words)
    scores = _files.read_json(output)
    means = {
        name: {measure: sum(values.values()) / len(values) for measure, values in by_measure.items()}
        for name, by_measure in scores.items()
    }
    own = [entry['name'] for entry in plan['collections'] if entry['trained']]
    complete = all(name in means for name in own)
    content = {
        'name': cell.name,
        'row': cell.row,
        **cell._asdict(),
        'baseline': cell.baseline,
        'fingerprint': plan['fingerprint'],
        'command': training.line(cell),
        'settings': training.config(cell).record() if cell.kind in ('student', 'teacher') else None,
        'mean': {m: sum(means[name][m] for name in own) / len(own) for m in plan['measures']} if complete else None,
        'means': means,
        'training': trained,
        'evaluation': {key: value for key, value in taken.items() if key != 'printed'},
        'environment': {**_env.versions(), 'platform': platform.platform()},
        'per_query': scores,
    }
    _atomic.write_json(root / 'cells' / f'{cell.name}.json', content)
    for file in (output, record):
        _atomic.remove(file)


def _train(root: Path, cell: Cell, training: Training, log: Path) -> dict[str, Any] | None:
    """Make a cell's model unless it is there; return what that took, ``None`` where nothing is trained."""
    command = training.command(cell)
    if command is None:
        return None
    folder = root / 'models' / cell.model
    record = folder.with_name(folder.name + '.training.json')
    if not (folder.is_dir() and record.exists()):
        teacher = cell.teacher and root / 'models' / cell.teacher.model
        if teacher and not teacher.is_dir():
            raise TctError(f'{teacher} is missing: remove cells/{teacher.name}.json too, and it is trained again')
        _atomic.remove(record)
        resumed = (folder.with_name(folder.name + '.partial') / 'last').is_dir()
        words = [*command[1], *(['--overwrite'] if folder.is_dir() else [])]
        taken = measured(record, log, command[0], words)
        _atomic.write_json(record, {**taken, 'resumed': resumed})
    taken = _read(record)
    if cell.kind == 'untrained':
        return None
    step = STEP.search(taken.pop('printed'))
    first = _first_step(folder)
    return {
        **taken,
        'seconds': None if taken['resumed'] else taken['seconds'],  # of the last part alone
        'seconds_per_step': float(step[1]) if step else None,
        'steps': training.config(cell).steps,
        'target_entropy': first.get('teacher_entropy'),
        'no_preference': first.get('no_preference'),
    }


def _first_step(folder: Path) -> dict[str, Any]:
    log = folder.with_name(folder.name + '.log.jsonl')
    line = next((text for _, text in _files.numbered_lines(log)), '{}')
    found: dict[str, Any] = json.loads(line)
    return found
