# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names for what a user has: a file or folder of this machine, or an archive that a colleague offers by HTTP."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _jvm
from pyserini_tct._errors import TctError
from pyserini_tct._faiss_file import read_index
from pyserini_tct._files import read_json
from pyserini_tct.prebuilt import _record, _registry
from pyserini_tct.prebuilt._hub import WEIGHTS
from pyserini_tct.prebuilt._registry import Entry


def kind_of(path: Path) -> str:
    """Return the kind of a file or folder by what it holds.

    Raises:
        TctError: it is missing, or of no kind that can be named.
    """
    if path.suffix == '.npy' and path.is_file() and path.with_suffix('.tsv').is_file():
        return 'queries'
    if (path / 'index').is_file() and (path / 'docid').is_file():
        return 'faiss'
    if any(path.glob('segments_*')):
        return 'bm25'
    if (path / 'config.json').is_file():
        return 'encoder'
    if not path.exists():
        raise TctError(f'{path} does not exist: check the path')
    raise TctError(
        f'{path} is no Faiss index (index, docid), no BM25 index (segments_*), no model (config.json) and no encoded '
        'queries (NAME.npy with NAME.tsv): check the path'
    )


def add(entry: Entry) -> Entry:
    """Register an entry under its name, with what can be read from its files and their checksums.

    Raises:
        TctError: the name is taken or unusable, the files are unsound, or a name that it refers to is unknown.
    """
    if not re.fullmatch(r'[A-Za-z0-9][\w.-]{0,99}', entry.name):
        raise TctError(f'{entry.name!r} cannot be a name: use letters, digits, dots, dashes and underscores')
    if entry.name in _registry.shipped():
        raise TctError(f'{entry.name} is the name of something published: choose another')
    texts = _registry.find(entry.texts) if entry.texts else None
    if entry.texts and (texts is None or texts.kind != 'bm25'):
        raise TctError(f'{entry.texts} is not the name of a BM25 index: add that index first')
    _registry.check(entry, entry.name, 'correct it')
    fields = dict(vars(entry))
    if entry.path:
        path = Path(entry.path).resolve()
        fields |= _measured(entry.kind, path) | {'path': str(path), 'files': _record.checksums(path)}
    complete = Entry(**{**fields, 'added': True})
    with _atomic.lock(_registry.user_file(), 'another process is adding a name: waiting for it'):
        known = _registry.added()
        if entry.name in known:
            raise TctError(f'{entry.name} is taken: python -m pyserini_tct.prebuilt remove {entry.name} frees it')
        _registry.write_added({**known, entry.name: complete})
    return complete


def _measured(kind: str, path: Path) -> dict[str, Any]:
    """Return what the files themselves say: how many, and of which dimension."""
    if kind == 'faiss':
        index = read_index(path)
        return {'documents': int(index.ntotal), 'dimension': int(index.d)}
    if kind == 'bm25':
        return term_counts(path)
    if kind == 'queries':
        try:
            vectors = np.load(path, mmap_mode='r', allow_pickle=False)
            return {'queries': int(vectors.shape[0]), 'dimension': int(vectors.shape[1])}
        except (ValueError, EOFError, OSError, IndexError, AttributeError) as error:
            raise TctError(f'{path} is damaged or no matrix of query vectors: encode again') from error
    return {'dimension': _hidden_size(path)}


def _hidden_size(model: Path) -> int | None:
    """Return the dimension of a model by its configuration.

    Raises:
        TctError: that is damaged, or there are no weights beside it.
    """
    config = read_json(model / 'config.json')
    if not any((model / name).is_file() for name in WEIGHTS):
        raise TctError(f'{model} has a config.json, but none of the weights {" or ".join(WEIGHTS)}: check the path')
    size = config.get('hidden_size')
    return size if type(size) is int else None


def term_counts(index: Path) -> dict[str, int]:
    """Return the counts of a BM25 index that stock Pyserini compares with its registry.

    Raises:
        TctError: Lucene cannot open it.
    """
    reader_class = _jvm.autoclass('io.anserini.index.IndexReaderUtils')
    try:
        reader = reader_class.getReader(_jvm.autoclass('java.lang.String')(str(index)))
        counts = reader_class.getIndexStats(reader)
        return {key: int(counts.get(key)) for key in ('documents', 'unique_terms', 'total_terms')}
    except Exception as error:  # jnius.JavaException
        raise TctError(f'{index} cannot be opened by Lucene: build the index again') from error
