# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes: settings of a training run in a YAML file, shipped with the package or one's own.

A recipe says what it is (``about``), where its values come from (``source``) and whether it was run (``status``);
``settings`` hold for every model, a section named after a model for that model alone. Flags win over both.
"""

import dataclasses
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct._yaml import Entry, load
from pyserini_tct.train._checks import CHOICES
from pyserini_tct.train._config import LISTS, TrainConfig

FOLDER = Path(__file__).with_name('recipes')
ABOUT = ('about', 'source', 'status')
FIELDS = {field.name: field.type for field in dataclasses.fields(TrainConfig) if field.name not in ('model', 'output')}


def read_recipe(name: str | Path, model: str) -> dict[str, Any]:
    """Return the settings that a recipe has for a model.

    Args:
        name: of a recipe that ships with the package, or a YAML file; paths in it are relative to where one works.
        model: see :class:`TrainConfig`.

    Raises:
        TctError: there is no such recipe, or something in it is unknown or of another type; file and line are named.

    Example:
        >>> read_recipe('tct-v1', 'colbert')['logit_scale']
        384.0
    """
    top = _open(_find(str(name)))
    sections = [section for section in ('settings', model) if section in top]
    return {key: value for section in sections for key, value in _settings(top[section]).items()}


def list_recipes() -> str:
    """Return the recipes that ship with the package, with what they are and whether they were run."""
    found = {name: _open(file) for name, file in _shipped().items()}
    width = max(map(len, found))
    lines = [f'{name:{width}}  {top["about"].text()} ({top["status"].text()})' for name, top in found.items()]
    return '\n'.join(lines)


def _shipped() -> dict[str, Path]:
    return {file.stem: file for file in sorted(FOLDER.glob('*.yaml'), key=lambda file: file.stem)}


def _find(name: str) -> Path:
    if Path(name).is_file():
        return Path(name)
    shipped = _shipped()
    if name not in shipped:
        raise TctError(f'{name} is neither a file nor a recipe that ships with the package ({", ".join(shipped)})')
    return shipped[name]


def _open(path: Path) -> dict[str, Entry]:
    top = load(path, 'a recipe').table((*ABOUT, 'settings'), CHOICES['model'])
    for name in ABOUT:
        top[name].text()
    return top


def _settings(section: Entry) -> dict[str, Any]:
    return {key: _value(entry, key) for key, entry in section.table((), FIELDS).items()}


def _value(entry: Entry, key: str) -> Any:
    if key in LISTS:
        entries = entry.items() if entry.node.id == 'sequence' else [entry]
        return tuple(one.number() if key == 'teacher_weights' else one.text() for one in entries)
    kind = FIELDS[key]
    if kind is bool:
        return entry.truth()
    if kind is int:
        return entry.whole()
    return entry.number() if 'float' in str(kind) else entry.text()
