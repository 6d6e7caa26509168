# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What was made, from what, and in how many seconds: a step whose inputs are as before is not taken again.

``made.json`` in the output folder keeps, by name, the digest of everything that a result depends on (the command, the
contents of what it reads, the steps before it, the versions of the packages), and what is known of it.
"""

import functools
import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _env, _files, _jvm
from pyserini_tct._errors import TctError
from pyserini_tct._stages import call
from pyserini_tct.collection import IRDS
from pyserini_tct.compare._plan import Plan, Step

STAMP, LOG = 'made.json', 'log.txt'


class Ledger:
    """The record of an output folder.

    Args:
        folder: of an earlier comparison, or a new or empty one.
        overwrite: forget everything that was made there.

    Raises:
        TctError: the folder holds something else.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.folder, self.path = folder, folder / STAMP
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not self.path.exists())):
            raise TctError(f'{folder} is not empty and no earlier comparison: choose another --output')
        if overwrite:
            _atomic.remove(folder)
        self.made: dict[str, dict[str, Any]] = _files.read_json(self.path) if self.path.exists() else {}
        _atomic.write_json(self.path, self.made)

    def keep(self, name: str, key: str, make: Callable[[bool], dict[str, Any]]) -> dict[str, Any]:
        """Return what is known of a result, from the last time if its key is the same; else make it now.

        Args:
            name: of the result.
            key: see :func:`keys_of`.
            make: is told whether an earlier process began with the same key and did not finish.
        """
        known = self.made.get(name, {})
        if known.get('key') != key:
            self._write(name, {'begun': key})  # a killed process leaves nothing that looks done
            self._write(name, {'key': key, **make(known.get('begun') == key)})
        return self.made[name]

    def _write(self, name: str, entry: dict[str, Any]) -> None:
        self.made[name] = entry
        _atomic.write_json(self.path, self.made)

    def take(self, plan: Plan, keys: Mapping[str, str]) -> None:
        """Take the steps of a plan that were not taken yet, with a line of progress each."""
        for number, (name, step) in enumerate(plan.steps.items(), 1):
            label = f'[{number}/{len(plan.steps)}] {name}'
            if not step.stage.output.exists():
                self.made.pop(name, None)
            done = self.made.get(name, {}).get('key') == keys[name]
            found = self.keep(name, keys[name], functools.partial(self._make, step))
            _cli.note(f'{label}: ' + ('as before' if done else f'{found["seconds"]:.1f} s ({step.stage.output})'))

    def _make(self, step: Step, begun: bool) -> dict[str, Any]:
        output = step.stage.output
        unfinished = [] if begun else [output.with_name(f'{output.name}.partial')]  # of vectors: encoding goes on there
        for path in (output, _atomic.manifest_path(output), *unfinished):
            _atomic.remove(path)
        output.parent.mkdir(parents=True, exist_ok=True)
        _load()
        return {'seconds': call(step.stage, self.folder / LOG)}


@functools.cache
def _load() -> None:
    """Import the models' code and start Java, so that no step's seconds contain that."""
    _jvm.autoclass('io.anserini.index.IndexCollection')
    importlib.import_module('pyserini_tct.models.student')


def keys_of(plan: Plan) -> dict[str, str]:
    """Return the digest of what each step of a plan depends on: contents, not places."""
    keys: dict[str, str] = {}
    digests = {source: source_digest(source) for step in plan.steps.values() for source in step.sources}
    made = {str(step.stage.output): name for name, step in plan.steps.items()}
    for name, step in plan.steps.items():
        named = made | {source: digests[source] for source in step.sources}
        words = [named.get(word.removeprefix('@'), word) for word in step.stage.words]
        keys[name] = digest([step.stage.module, words, {use: keys[use] for use in step.uses}, _env.versions()])
    return keys


def digest(content: Mapping[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of what can be written as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def source_digest(source: str) -> str:
    """Return the digest of a file, a folder or a model by name; a data set of ir_datasets is known by its name.

    Raises:
        TctError: there is no such model.
    """
    if source.startswith(IRDS):
        return source
    path = Path(source)
    if not path.exists():
        from pyserini_tct.models import _weights

        path = _weights.resolve(source)
    return _files.sha256(path)
