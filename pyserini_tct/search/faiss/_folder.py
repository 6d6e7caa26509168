# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Opening a Faiss index folder: its two files, its texts, and whether an encoder fits it."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct._manifest import read_manifest
from pyserini_tct.index._open import ORIGIN, load_index
from pyserini_tct.vectors import TEXTS, TextStore


class Document:
    """The text of a hit, under the names of Pyserini's ``Document``."""

    def __init__(self, docid: str, raw: str, contents: str) -> None:
        self._docid, self._raw, self._contents = docid, raw, contents

    def docid(self) -> str:
        """Return the docid."""
        return self._docid

    def raw(self) -> str:
        """Return the JSON line as stored."""
        return self._raw

    def contents(self) -> str:
        """Return the text; a title stands on a line of its own before it."""
        return self._contents


class Texts:
    """The texts of an index folder by docid.

    Args:
        folder: the index folder.
        docids: of its rows.
        prebuilt_index_name: name in Pyserini's registry, where the texts are in a Lucene index of their own.

    Raises:
        TctError: the index has no texts.
    """

    def __init__(self, folder: Path, docids: list[str], prebuilt_index_name: str | None) -> None:
        self._lucene: Any = None
        if (folder / TEXTS).exists():
            self._store = TextStore(folder)
            if len(self._store) != len(docids):
                raise TctError(f'{folder} has {len(self._store)} texts for {len(docids)} docids: build the index again')
            self._rows = {docid: row for row, docid in enumerate(docids)}
        elif prebuilt_index_name:
            self._lucene = _prebuilt_texts(prebuilt_index_name)
        else:
            raise TctError(
                f'{folder} has no texts: build it with python -m pyserini_tct.index.faiss, without --no-texts'
            )

    def doc(self, docid: str) -> Document | None:
        """Return the text of a passage, or ``None`` for an unknown docid."""
        if self._lucene is not None:
            return self._lucene.doc(docid)
        row = self._rows.get(docid)
        return None if row is None else Document(docid, self._store.raw(row), self._store.contents(row))


def folder_of(name: str) -> Path:
    """Return an index folder by its path or by the name of a prebuilt index."""
    if Path(name).exists():
        return Path(name)
    from pyserini_tct import _pyserini

    return _pyserini.index(name, 'FAISS')


def folders_of(names: Sequence[str], backend: str | None = None) -> list[Path]:
    """Return index folders by their paths or names, made with ``backend`` if one is given.

    Raises:
        TctError: one was made with another; that is told before a model is exported for minutes.
    """
    folders = [folder_of(name) for name in names]
    for folder in folders if backend else []:
        refuse_other_encoder(folder, None, {'backend': backend})
    return folders


def load_shards(folders: Sequence[Path]) -> tuple[list[Any], list[str]]:
    """Open index folders that are searched as one; return the indexes, and the docids of all.

    Raises:
        TctError: one is damaged, or they have different dimensions or, by their manifests, different encoders.
    """
    loaded = [load_index(folder) for folder in folders]
    indexes = [index for index, _ in loaded]
    first = read_manifest(folders[0]) or {} if len(folders) > 1 else {}
    for folder, index in zip(folders[1:], indexes[1:], strict=True):
        if index.d != indexes[0].d:
            raise TctError(f'{folders[0]} has dimension {indexes[0].d}, {folder} has {index.d}: search them apart')
        other = read_manifest(folder) or {}
        for key in ORIGIN:
            if key in first and key in other and first[key] != other[key]:
                raise TctError(f'{folders[0]} and {folder} were made by different encoders ({key}): search them apart')
    return indexes, list(itertools.chain.from_iterable(docids for _, docids in loaded))


def refuse_other_encoder(index_dir: Path, dimension: int | None, encoder: Any) -> None:
    """Compare an encoder of ours, or what is known of one, with what the index's manifest says of its own.

    Raises:
        TctError: they differ in dimension, backend, length, weights or vocabulary.
    """
    mine_of = _made_with(encoder)
    if dimension and mine_of.get('dimension', dimension) != dimension:
        raise TctError(
            f'the encoder gives {mine_of["dimension"]} dimensions, the index {index_dir} has {dimension}: '
            'use the encoder that made the index'
        )
    manifest = read_manifest(index_dir) or {}
    for key in ('query_length', 'encoder_sha256', 'tokenizer_sha256', 'backend'):
        if key in manifest and key in mine_of and manifest[key] != mine_of[key]:
            what, remedy = ('backend', f'--backend {manifest[key]}') if key == 'backend' else ('encoder', 'that one')
            raise TctError(
                f'the index {index_dir} was made with another {what} ({key} {str(manifest[key])[:12]}, this one has '
                f'{str(mine_of[key])[:12]}): use {remedy}, or add --any-encoder'
            )


def refuse_not_finite(
    vectors: np.ndarray, queries: Sequence[str] | np.ndarray, q_ids: Sequence[str], encoder: Any
) -> None:
    """Name the first query whose vector, of ``(queries, dimension)``, holds NaN or infinity.

    Raises:
        TctError: there is one.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if finite.all():
        return
    row = int(finite.argmin())
    which = f' {q_ids[row]}' if len(q_ids) else ''
    if isinstance(queries, np.ndarray):
        raise TctError(f'the vector of query{which or f" number {row + 1}"} holds NaN or infinity: encode it again')
    name = getattr(encoder, 'model_name', type(encoder).__name__)
    raise TctError(
        f'{name} gives query{which} {queries[row][:80]!r} a vector that holds NaN or infinity: this encoder is '
        'unsound, train or fetch it again'
    )


def _made_with(encoder: Any) -> dict[str, Any]:
    if isinstance(encoder, dict):
        return encoder
    student = getattr(encoder, 'student', None)
    if student is None:
        return getattr(getattr(encoder, 'embedding', None), 'manifest', {})
    return {
        'dimension': student.dimension,
        'query_length': student.settings.query_length,
        'encoder_sha256': student.sha256,
        'tokenizer_sha256': student.tokenizer.sha256,
        'backend': encoder.backend,
    }


def _prebuilt_texts(name: str) -> Any:
    from pyserini_tct import _pyserini
    from pyserini_tct.search.lucene import BM25Searcher

    folder = _pyserini.text_index(name)
    if folder is None:
        raise TctError(f'no BM25 index with the texts is named for {name}: add it with --texts')
    return BM25Searcher(folder)
