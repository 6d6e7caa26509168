# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What each name is: the entries that ship in ``prebuilt/*.json``, and those that this user added.

The user's entries are in ``~/.config/pyserini_tct/prebuilt.json`` (``XDG_CONFIG_HOME`` is honoured), in the same form.
"""

import dataclasses
import difflib
import functools
import hashlib
import os
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir, read_json, sha256

FILES = ('encoders.json', 'indexes.json', 'queries.json')
# kind: its folder in Pyserini's cache, and what it is called
KINDS = {
    'encoder': ('encoders', 'model'),
    'faiss': ('indexes', 'Faiss index'),
    'bm25': ('indexes', 'BM25 index'),
    'queries': ('queries', 'set of encoded queries'),
}

NOT_IN = {False: ('path', 'files'), True: ('build',)}  # fields that only an added, or only a shipped, entry has


@dataclasses.dataclass(frozen=True)
class Entry:
    """One name; ``None`` is what is not known.

    Args:
        name: as in ``--index``, ``--encoder`` or ``--encoded-queries``.
        kind: ``encoder``, ``faiss``, ``bm25`` or ``queries``.
        description: one line.
        urls: of a ``.tar.gz`` or ``.tar`` archive, tried in order; of a model, its page on the hub.
        filename: of the archive, where it is not the end of the URL.
        md5: of the archive.
        bytes: of the archive.
        documents: passages of an index.
        queries: of a set of encoded queries.
        dimension: of the vectors.
        encoder: name of the model that made the vectors.
        texts: name of the BM25 index that has the passages' texts.
        unique_terms: of a BM25 index, which stock Pyserini compares.
        total_terms: likewise.
        build: commands that make it on this machine, instead of ``urls``.
        path: where it is, if the user added a file or folder of this machine.
        files: ``{file: SHA-256}`` when it was added.
        added: by the user; the others ship with the package.
    """

    name: str
    kind: str
    description: str | None = None
    urls: tuple[str, ...] = ()
    filename: str | None = None
    md5: str | None = None
    bytes: int | None = None
    documents: int | None = None
    queries: int | None = None
    dimension: int | None = None
    encoder: str | None = None
    texts: str | None = None
    unique_terms: int | None = None
    total_terms: int | None = None
    build: tuple[str, ...] = ()
    path: str | None = None
    files: dict[str, str] | None = None
    added: bool = False

    @property
    def hub(self) -> str | None:
        """Return the name on the model hub of a model that is fetched from there."""
        page = 'https://huggingface.co/'
        return self.urls[0].removeprefix(page) if self.kind == 'encoder' and not self.md5 and self.urls else None

    @property
    def archive(self) -> str:
        """Return the archive's name as Pyserini takes it: without the end of its file name."""
        name = self.filename or (self.urls[0].rsplit('/', 1)[-1] if self.urls else self.name)
        return re.sub(r'\.(tar|tgz)\b.*$', '', name)

    @property
    def key(self) -> str:
        """Return what distinguishes versions of one name: the archive's MD5, or a digest of what it is made from."""
        if self.md5:
            return self.md5 + ('.tct' if self.kind == 'queries' else '')  # without it, Pyserini would expect a pickle
        if self.files is not None:
            made_from = sorted(f'{name} {digest}' for name, digest in self.files.items())
        else:
            made_from = [*self.build, *(sha256(data_dir('prebuilt') / name) for name in self._data())]
            encoder = shipped().get(self.encoder or '')
            made_from += [encoder.key] if encoder is not None and encoder.build else []
        return hashlib.sha256('\n'.join(made_from).encode()).hexdigest()[:32]

    @property
    def target(self) -> Path:
        """Return where it is installed, or linked to: where stock Pyserini looks for an archive of that name and MD5.

        Of a model on the hub there is only the record of its checksums.
        """
        name = self.hub.replace('/', '--') if self.hub else f'{self.archive}.{self.key}'
        return cache_home() / KINDS[self.kind][0] / name

    def _data(self) -> list[str]:
        return sorted({name for command in self.build for name in re.findall(r'\{data\}/(\S+)', command)})


def cache_home() -> Path:
    """Return Pyserini's cache folder by the rule of the installed release (2.x also takes ``./.cache``)."""
    if os.environ.get('PYSERINI_CACHE'):
        return Path(os.environ['PYSERINI_CACHE'])
    if Path('.cache').is_dir() and _pyserini_major() >= 2:
        return Path.cwd() / '.cache' / 'pyserini'
    return Path.home() / '.cache' / 'pyserini'


@functools.cache
def _pyserini_major() -> int:
    try:
        return int(metadata.version('pyserini').split('.')[0])
    except metadata.PackageNotFoundError:
        return 0


def user_file() -> Path:
    """Return the file with the names that this user added."""
    return Path(os.environ.get('XDG_CONFIG_HOME') or Path.home() / '.config') / 'pyserini_tct' / 'prebuilt.json'


@functools.cache
def shipped() -> dict[str, Entry]:
    """Return the entries that ship with the package.

    Raises:
        TctError: a file of the package is damaged.
    """
    found: dict[str, Entry] = {}
    for name in FILES:
        found |= _read(data_dir('prebuilt') / name, added=False)
    return found


def added() -> dict[str, Entry]:
    """Return the entries that this user added.

    Raises:
        TctError: the user's file is malformed.
    """
    return _read(user_file(), added=True) if user_file().exists() else {}


def entries() -> dict[str, Entry]:
    """Return all entries by name; the user cannot add a name that ships."""
    return {**added(), **shipped()}


def find(name: str, kind: str | None = None) -> Entry | None:
    """Return the entry of a name, or ``None`` for one that is unknown here or of another kind."""
    entry = shipped().get(name) or added().get(name)
    return entry if entry is not None and kind in (None, entry.kind) else None


def get(name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        TctError: it is unknown; close names are told.
    """
    entry = find(name)
    if entry is None:
        close = difflib.get_close_matches(name, entries(), 3, 0.5)
        hint = f'did you mean {" or ".join(close)}?' if close else 'python -m pyserini_tct.prebuilt list shows all'
        raise TctError(f'{name} is not a known name: {hint}')
    return entry


def write_added(changed: dict[str, Entry]) -> None:
    """Replace the user's entries, in one step; the caller holds the lock of :func:`user_file`."""
    defaults = {field.name: field.default for field in dataclasses.fields(Entry)}
    content = {}
    for name, entry in sorted(changed.items()):
        fields = dataclasses.asdict(entry)
        del fields['name'], fields['added']
        content[name] = {key: value for key, value in fields.items() if value != defaults[key]}
    user_file().parent.mkdir(parents=True, exist_ok=True)
    _atomic.write_json(user_file(), content)


def _read(file: Path, added: bool) -> dict[str, Entry]:
    return {name: _entry(name, fields, file, added) for name, fields in read_json(file).items()}


def _entry(name: str, fields: Any, file: Path, added: bool) -> Entry:
    """Check one record, which may have been written by hand."""
    where, remedy = f'{file}: {name!r}', 'correct the file' if added else 'reinstall pyserini-tct'
    if not isinstance(fields, dict) or fields.get('kind') not in KINDS:
        raise TctError(f'{where} has none of the kinds {", ".join(KINDS)}: {remedy}')
    known = {field.name for field in dataclasses.fields(Entry)} - {'name', 'added', *NOT_IN[added]}
    for key, value in fields.items():
        if key not in known:
            raise TctError(f'{where} has an unknown field {key!r}: {remedy}')
        if not _right_type(key, value):
            raise TctError(f'{where}: {key} cannot be {value!r}: {remedy}')
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    entry = Entry(name, added=added, **values)
    check(entry, where, remedy)
    return entry


def check(entry: Entry, where: str, remedy: str) -> None:
    """Refuse an entry whose values cannot become the name of a folder.

    Raises:
        TctError: so it is.
    """
    if entry.md5 and not re.fullmatch('[0-9a-f]{32}', entry.md5):
        raise TctError(f'{where} has a malformed MD5, {entry.md5[:40]}: {remedy}')
    if entry.hub is None and not re.fullmatch(r'\w[\w.-]*', entry.archive):
        raise TctError(f'{where}: {entry.archive[:80]!r} cannot be the name of a folder: {remedy}')


def _right_type(key: str, value: Any) -> bool:
    if key in ('urls', 'build'):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if key == 'files':
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    number = key in ('bytes', 'documents', 'queries', 'dimension', 'unique_terms', 'total_terms')
    return value is None or (type(value) is int and value >= 0 if number else isinstance(value, str))
