# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Can a condition run on this machine? Its requirements and its data in, one reason or none out.

Asked before anything is started, so that a missing index or network is a row of its own and no failed command.
"""

import functools
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

from pyserini_tct import prebuilt
from pyserini_tct.prebuilt import _hub, _registry
from pyserini_tct.prebuilt._install import place
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
    lacking = [('index', name) for name in requires.indexes if not (_at_hand(name) or cached_index(name))]
    lacking += [('encoder', name) for name in requires.encoders if not (_at_hand(name) or cached_encoder(name))]
    for kind, name in lacking:
        if not online(_server(name)):
            yield f'the {kind} {name} is not on this machine and there is no network to fetch it: connect once'
    folder = _registry.cache_home() if lacking else work
    if requires.disk and (lacking or not requires.indexes) and (free := _free(folder)) < requires.disk:
        yield f'{requires.disk / 1e9:g} GB of disk are needed, {folder} has {free / 1e9:.1f} GB left: free some'
    if requires.memory and (memory := _memory()) and memory < requires.memory:
        yield f'{requires.memory / 1e9:g} GB of memory are needed, this machine has {memory / 1e9:.1f} GB'


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent of `module` is missing
        return False


def _server(name: str) -> str:
    """Return who offers what has this name: the server of its archive, else the hub or its mirror."""
    entry = prebuilt.find(name)
    if entry is not None and entry.urls and not entry.hub:
        return '/'.join(entry.urls[0].split('/')[:3])
    return os.environ.get('HF_ENDPOINT') or HUB


@functools.cache
def online(server: str) -> bool:
    """Tell whether a server answers; a proxy is used as elsewhere, and ``HF_HUB_OFFLINE`` is obeyed."""
    if os.environ.get('HF_HUB_OFFLINE', '').upper() in ('1', 'ON', 'YES', 'TRUE'):
        return False
    if not server.startswith(('http://', 'https://')):
        return False
    try:
        request = urllib.request.Request(server, method='HEAD')  # noqa: S310 - http and https only
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _at_hand(name: str) -> bool:
    """Tell whether a name is a folder, or stands for something that is made on this machine."""
    entry = prebuilt.find(name)
    return Path(name).is_dir() or (entry is not None and bool(entry.build))


def cached_index(name: str) -> Path | None:
    """Return the folder of an index by its name, if it is on this machine: ours, or Pyserini's others by their form."""
    entry = prebuilt.find(name)
    if entry is not None:
        return place(entry)
    form = re.compile(rf'[^.]+\.{re.escape(name)}(\.[0-9a-f]+)+')  # kind.NAME.date.commit.MD5, not NAME.other
    folders = (_registry.cache_home() / 'indexes').glob('*')
    return next((folder for folder in sorted(folders) if form.fullmatch(folder.name)), None)


def cached_encoder(name: str) -> Path | None:
    """Return the folder of a checkpoint by its name, if all of it is on this machine."""
    entry = prebuilt.find(name, 'encoder')
    if entry is not None:
        return place(entry)
    return _hub.cached(name) if re.fullmatch(r'\w[\w.-]*/\w[\w.-]*', name) else None


def fetched(command: str) -> dict[str, str]:
    """Return which state of an index or a checkpoint the names in a command mean, where one is here."""
    found = {}
    for flag, name in itertools.pairwise(_words(command)):
        entry = prebuilt.find(name)
        folder = place(entry) if entry else cached_index(name) if flag == '--index' else cached_encoder(name)
        if folder and not (entry and entry.path):
            found[name] = folder.name  # has the archive's MD5 in it, or is the commit
    return found


def paths_in(command: str) -> list[str]:
    """Return the files and folders that a command names itself: absolute paths, and those of names the user added."""
    found = []
    for word in _words(command):
        entry = prebuilt.find(word)
        if entry is not None and entry.path:
            found += [entry.path, *([str(Path(entry.path).with_suffix('.tsv'))] if entry.kind == 'queries' else [])]
        elif word.startswith('/'):
            found.append(word)
    return found


def _words(command: str) -> list[str]:
    """Return the words of a command, ``--flag=value`` as two."""
    return [part for word in shlex.split(command) for part in (word.split('=', 1) if word.startswith('--') else [word])]


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
