# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The names of ``prebuilt`` in Pyserini's own registries, for ``run``.

Pyserini takes a folder at the place of an archive's contents for that archive. So an entry that says which folder is
enough: of what was fetched or made here it is the folder itself, of what the user added a link to it.
"""

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import prebuilt
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.prebuilt import Entry

KINDS = {'--index': ('faiss', 'bm25'), '--sparse-index': ('bm25',), '--encoded-queries': ('queries',)}
REGISTRIES = {'TF': 'bm25', 'IMPACT': '', 'LUCENE_HNSW': '', 'LUCENE_FLAT': '', 'FAISS': 'faiss'}


class Others(Mapping[str, Any]):
    """One source of a catalogue of Pyserini 2.4, not asked for names of ours, since to answer it needs the network."""

    def __init__(self, source: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
        self._source, self._ours = source, ours

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key not in self._ours and key in self._source

    def __getitem__(self, key: str) -> Any:
        return self._source[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._source)

    def __len__(self) -> int:
        return len(self._source)


def bring(words: Sequence[str]) -> list[str]:
    """Fetch what the arguments of a Pyserini command name, with the texts of Faiss indexes, which Pyserini opens too.

    Args:
        words: arguments, ``--index NAME`` among them.

    Returns:
        The arguments; names of models that only this package knows are replaced by their folders.

    Raises:
        TctError: something cannot be fetched.
    """
    given = list(words)
    for number, word in enumerate(words):
        flag, joined, value = word.partition('=')
        place = number if joined else number + 1
        value = value if joined else ''.join(words[place : place + 1])
        if not value or Path(value).exists():
            continue
        for kind in KINDS.get(flag, ()):
            entry = prebuilt.find(value, kind)
            prebuilt.locate(value, kind)
            if entry is not None and entry.texts:
                prebuilt.locate(entry.texts, 'bm25')
        model = prebuilt.find(value, 'encoder') if flag == '--encoder' else None
        if model is not None and not model.hub:
            given[place] = (f'{flag}=' if joined else '') + str(prebuilt.locate(value, 'encoder'))
    return given


def register() -> None:
    """Tell Pyserini of every index and set of encoded queries that is on this machine.

    What is published and in Pyserini's dictionaries already stays as it is there.
    """
    registry = importlib.import_module('pyserini.prebuilt_index_info')
    queries = importlib.import_module('pyserini.encoded_query_info').QUERY_INFO
    here = {entry.name: entry for entry in prebuilt.entries().values() if entry.kind != 'encoder' and _stands(entry)}
    for name, kind in REGISTRIES.items():
        catalogue = getattr(registry, f'{name}_INDEX_INFO')
        known = catalogue if isinstance(catalogue, dict) else {}
        ours = _described(entry for key, entry in here.items() if entry.kind == kind and key not in known)
        if known is catalogue:
            known.update(ours)
        else:
            catalogue._sources = (ours, *(Others(source, here) for source in catalogue._sources))
    queries.update(_described(entry for entry in here.values() if entry.kind == 'queries'))
    _read_our_queries(importlib.import_module('pyserini.encode').QueryEncoder)


def _stands(entry: Entry) -> bool:
    """Tell whether an entry is here, and put a link where Pyserini looks for it if the user's files are elsewhere."""
    if not entry.path or not Path(entry.path).exists():
        return entry.target.exists()
    if not (entry.target.is_symlink() and os.readlink(entry.target) == entry.path):
        entry.target.parent.mkdir(parents=True, exist_ok=True)
        entry.target.unlink(missing_ok=True)
        entry.target.symlink_to(entry.path)
    return True


def _described(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return entries in Pyserini's form; an index that cannot be opened is left out with a note."""
    found = {}
    for entry in entries:
        try:
            found[entry.name] = _description(entry)
        except TctError as error:
            note(f'note: {entry.name} is not known to Pyserini here: {error}')
    return found


def _description(entry: Entry) -> dict[str, Any]:
    """Return an entry in the form of 1.6 and of 2.x."""
    counts = {key: getattr(entry, key) for key in ('documents', 'unique_terms', 'total_terms')}
    if entry.kind == 'bm25' and None in counts.values():
        from pyserini_tct.prebuilt._local import term_counts

        counts |= term_counts(entry.target)  # Pyserini refuses an index whose counts are not those of its registry
    return {
        'description': entry.description or entry.name,
        'filename': f'{entry.archive}.tar.gz',
        'urls': [f'{entry.target.as_uri()}/{entry.archive}.tar.gz'],
        'md5': entry.key,
        'size': None,
        'size compressed (bytes)': None,
        **counts,
        'total_queries': entry.queries,
        'texts': entry.texts,
        'downloaded': True,
    }


def _read_our_queries(query_encoder: Any) -> None:
    """Have Pyserini's ``QueryEncoder`` read ``NAME.npy`` with ``NAME.tsv`` where there is no pickle."""
    from pyserini_tct.encode._encoders import load_encoded_queries

    stock = query_encoder._load_embeddings

    def load(folder: str) -> Any:
        return stock(folder) if Path(folder, 'embedding.pkl').exists() else load_encoded_queries(Path(folder).resolve())

    query_encoder._load_embeddings = staticmethod(load)
