# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of the pinned state: taken when pins are accepted, kept beside the file, compared when a row drifts."""

import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct._atomic import atomic_file, remove, write_json
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct.regress import _drift
from pyserini_tct.regress._command import execute, names_in
from pyserini_tct.regress._judge import Judged
from pyserini_tct.regress._places import word_of
from pyserini_tct.regress._records import Condition, Evaluation, Spec
from pyserini_tct.regress._resources import chain
from pyserini_tct.regress._steps import Digests, environment

FORMAT = 1


def path_of(spec: Spec, condition: Condition, part: Evaluation) -> Path:
    """Return where the fingerprint of one set of queries stands: in a folder named like the regression file."""
    return spec.path.with_suffix('') / f'{condition.name}.{part.topic_key}.fingerprint.json'


def take(
    spec: Spec,
    condition: Condition,
    part: Evaluation,
    judged: Judged,
    commands: Sequence[Sequence[str]],
    work: Path,
    known: _drift.Fingerprint | None = None,
) -> _drift.Fingerprint:
    """Take the fingerprint of what has just run.

    Args:
        spec, condition, part: what was run.
        judged: its run and scores.
        commands: executed words of the condition and of the artefacts that it uses.
        work: folder of the regression.
        known: an earlier fingerprint, whose queries and passages are looked at again.

    Raises:
        TctError: the process that looks at encoder and indexes failed.
    """
    found = {**of_inputs(spec, condition, part), **_drift.of_run(judged.run, judged.scores)}
    output = work / f'fingerprint.{condition.name}.{part.topic_key}.json'
    request = output.with_name(output.name + '.request')
    topics = word_of(spec.topics[part.topic_key].topics)
    write_json(request, {'commands': commands, 'topics': topics, 'known': known})
    remove(output)
    words = [sys.executable, '-m', 'pyserini_tct.regress._fingerprint', str(request), str(output)]
    undone = execute(words, output)
    if undone:
        raise TctError(f'no fingerprint could be taken: {undone}')
    return {**found, **read_json(output)}


def of_inputs(spec: Spec, condition: Condition, part: Evaluation) -> _drift.Fingerprint:
    """Return the checksums of all that goes in, the commands, the seeds and the versions."""
    digests, artefacts = Digests(), chain(spec, condition)
    inputs = {f'command of {artefact.name}': artefact.command for artefact in artefacts}
    inputs[f'command of {condition.name}'] = condition.command
    used = {name for command in inputs.values() for name in names_in(command)}
    inputs |= {f'seed {name}': str(seed) for name, seed in spec.seeds.items() if name in used}
    places = {name: place for name, place in spec.data.items() if name in used}
    places['topics'] = spec.topics[part.topic_key].topics
    places['qrels'] = spec.topics[part.eval_key].qrels
    inputs |= {name: digests(word_of(place)) for name, place in places.items()}
    state = environment(condition.requires.modules)
    system = f'{platform.system()} {platform.machine()}'
    versions = {**state['versions'], 'system': system, 'code of this package': state['code_sha256'][:12]}
    return {'format': FORMAT, 'inputs': inputs, 'versions': versions}


def load(path: Path) -> _drift.Fingerprint | None:
    """Return a pinned fingerprint, ``None`` if there is none that this release reads."""
    if not path.is_file():
        return None
    found = read_json(path)
    return found if found.get('format') == FORMAT else None


def write(path: Path, fingerprint: _drift.Fingerprint) -> None:
    """Write a fingerprint, a line for each value of a stage, so that a difference can be read."""
    with atomic_file(path) as out:
        lines = []
        for stage, values in fingerprint.items():
            if isinstance(values, dict):
                inner = ',\n'.join(f'    {json.dumps(key)}: {_line(value)}' for key, value in values.items())
                lines.append(f'  {json.dumps(stage)}: {{\n{inner}\n  }}')
            else:
                lines.append(f'  {json.dumps(stage)}: {json.dumps(values)}')
        out.write('{\n' + ',\n'.join(lines) + '\n}\n')


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(',', ':'))


def explain(pinned: _drift.Fingerprint, found: _drift.Fingerprint) -> str:
    """Say which stage moved first."""
    stages = _drift.looked_at(pinned, found)
    return _drift.sentence(_drift.moves(pinned, found), stages, _drift.context(pinned, found))
