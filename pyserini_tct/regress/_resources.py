# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Can a condition run on this machine? Its requirements and its data in, one reason or none out.

Asked before anything is started, so that a missing index or network is a row of its own and no failed command.
"""

import functools
import glob
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from pyserini_tct.regress._command import names_in
from pyserini_tct.regress._places import why_missing
from pyserini_tct.regress._records import Artefact, Condition, Evaluation, Requires, Spec

HUB = 'https://huggingface.co'


def chain(spec: Spec, condition: Condition) -> list[Artefact]:
    """Return the artefacts that a condition uses, directly or through others, in the order in which they are built."""
    used = set(condition.uses)
    for artefact in reversed(spec.artefacts):
        if artefact.name in used:
            used.update(artefact.uses)
    return [artefact for artefact in spec.artefacts if artefact.name in used]


def why_not(spec: Spec, condition: Condition, part: Evaluation, work: Path) -> str | None:
    """Return why one set of queries cannot run under a condition, or ``None``.

    Args:
        spec: the regression file.
        condition, part: of that file.
        work: folder whose disk is looked at.
    """
    commands = [condition.command, *(artefact.command for artefact in chain(spec, condition))]
    used = {name for command in commands for name in names_in(command)}
    places = [location for name, location in spec.data.items() if name in used]
    places += [spec.topics[part.topic_key].topics, spec.topics[part.eval_key].qrels]
    absent = next((reason for place in places if (reason := why_missing(place))), None)
    return absent or next(_unmet(condition.requires, work), None)


def _unmet(requires: Requires, work: Path) -> Iterator[str]:
    for module in requires.modules:
        if not _installed(module):
            yield f'the Python module {module} is not installed'
    lacking = [('index', name) for name in requires.indexes if not (Path(name).is_dir() or cached_index(name))]
    lacking += [('encoder', name) for name in requires.encoders if not (Path(name).is_dir() or cached_encoder(name))]
    for kind, name in lacking:
        if not online():
            yield f'the {kind} {name} is not on this machine and there is no network to fetch it: connect once'
    folder = cache() if lacking else work
    if requires.disk and (lacking or not requires.indexes) and (free := _free(folder)) < requires.disk:
        yield f'{requires.disk / 1e9:g} GB of disk are needed, {folder} has {free / 1e9:.1f} GB left: free some'
    if requires.memory and (memory := _memory()) and memory < requires.memory:
        yield f'{requires.memory / 1e9:g} GB of memory are needed, this machine has {memory / 1e9:.1f} GB'


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent of `module` is missing
        return False


@functools.cache
def online() -> bool:
    """Tell whether the hub answers; a proxy is used as elsewhere, and ``HF_HUB_OFFLINE`` is obeyed."""
    if os.environ.get('HF_HUB_OFFLINE', '').upper() in ('1', 'ON', 'YES', 'TRUE'):
        return False
    try:
        with urllib.request.urlopen(urllib.request.Request(HUB, method='HEAD'), timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def cache() -> Path:
    """Return the folder of Pyserini's downloads."""
    return Path(os.environ.get('PYSERINI_CACHE') or Path.home() / '.cache' / 'pyserini')


def cached_index(name: str) -> Path | None:
    """Return the folder of a prebuilt index in Pyserini's cache, if it is there."""
    return next(iter(sorted((cache() / 'indexes').glob(f'*.{glob.escape(name)}.*'))), None)


def cached_encoder(name: str) -> Path | None:
    """Return the configuration of a checkpoint in the hub's cache, if it is there."""
    if not re.fullmatch(r'[\w][\w.-]*/[\w][\w.-]*', name):
        return None
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(name, 'config.json')
    return Path(file) if isinstance(file, str) else None


def fetched(command: str) -> dict[str, str]:
    """Return which state of a prebuilt index or of a hub checkpoint a command's flags name, where one is here."""
    words = shlex.split(command)
    found = {}
    for flag, name in itertools.pairwise(words):
        if flag == '--index' and (folder := cached_index(name)):
            found[name] = folder.name  # has the archive's MD5 in it
        if flag in ('--encoder', '--backbone') and (file := cached_encoder(name)):
            found[name] = file.parent.name  # the commit
    return found


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _memory() -> int | None:
    """Return the bytes of memory that the machine has, ``None`` where the system does not tell."""
    try:
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, ValueError, OSError):
        return None
