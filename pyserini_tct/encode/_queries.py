# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Queries that need no forward pass: sets encoded before, and a cache on disk that fills as queries come."""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct._errors import TctError
from pyserini_tct._files import sha256
from pyserini_tct._manifest import read_manifest
from pyserini_tct.prebuilt import locate
from pyserini_tct.topics import read_topics
from pyserini_tct.vectors import existing, load_matrix

BUSY = 60  # seconds to wait while another process writes


class QueryCache:
    """Vectors of queries by their text, kept in one SQLite file for each way of making them.

    Several processes may read and write it together; a write that is cut off leaves no trace.

    Args:
        folder: of the caches; made if need be.
        key: names the file: digests of encoder and tokenizer, and all else that a vector depends on.
        dimension: length of a vector.

    Raises:
        TctError: the folder cannot be made.
    """

    def __init__(self, folder: Path, key: str, dimension: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TctError(
                f'{folder} cannot be the folder of a query cache ({error.strerror}): name another'
            ) from error
        self.path, self.dimension = folder / f'{key}.sqlite', dimension

    def vectors(self, queries: Sequence[str], encode: Callable[[list[str]], np.ndarray]) -> np.ndarray:
        """Return the vector of each query, float32 ``(queries, dimension)``; what is not there is encoded and added.

        Raises:
            TctError: the file is damaged or cannot be written.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY)) as database, database:
                database.execute('CREATE TABLE IF NOT EXISTS queries (text TEXT PRIMARY KEY, vector BLOB NOT NULL)')
                found = {text: self._known(database, text) for text in queries}
            missing = [text for text, vector in found.items() if vector is None]
            if missing:
                found.update(zip(missing, encode(missing).astype('<f4'), strict=True))
                with closing(sqlite3.connect(self.path, timeout=BUSY)) as database, database:
                    rows = [(text, _stored(text, found[text].tobytes())) for text in missing]  # type: ignore[union-attr]
                    database.executemany('INSERT OR REPLACE INTO queries VALUES (?, ?)', rows)
        except sqlite3.Error as error:
            raise TctError(f'the query cache {self.path} cannot be used ({error}): remove it or free it') from error
        return np.stack([found[text] for text in queries])  # type: ignore[misc, unused-ignore]

    def _known(self, database: sqlite3.Connection, text: str) -> np.ndarray | None:
        row = database.execute('SELECT vector FROM queries WHERE text = ?', (text,)).fetchone()
        stored = None if row is None else row[0][: 4 * self.dimension]
        vector = np.frombuffer(stored, '<f4') if stored and row[0] == _stored(text, stored) else None
        return vector if vector is not None and np.isfinite(vector).all() else None


def _stored(text: str, vector: bytes) -> bytes:
    """Return a vector with a checksum behind it, since SQLite has none: what is damaged is encoded again."""
    return vector + zlib.crc32(vector, zlib.crc32(text.encode())).to_bytes(4, 'little')


class EncodedQueries(dict[str, np.ndarray]):
    """Vectors by query text; white space around a query does not count (some of MS MARCO's begin with a space).

    Attributes:
        manifest: what the vectors were made with, where that is known.
    """

    manifest: dict[str, Any]

    def __missing__(self, text: str) -> np.ndarray:
        if text == text.strip():
            raise KeyError(text)
        return self[text.strip()]


def load_encoded_queries(path: Path) -> EncodedQueries:
    """Read queries encoded before: ``NAME.npy`` (float, queries x dimension) and ``NAME.tsv`` (qid, text), row by row.

    Args:
        path: ``NAME.npy``, ``NAME``, a folder with one such pair, or a name of ``prebuilt``.

    Raises:
        TctError: a file is missing, the two differ in length, the texts are not those of the manifest, or a vector is
            not finite. Pyserini's ``embedding.pkl`` is refused: reading a pickle runs the code in it.
    """
    if not path.exists():
        path = locate(str(path), 'queries') or path
    if path.is_dir():
        pairs = sorted(path.glob('*.npy'))
        if len(pairs) != 1:
            raise TctError(
                f'{path} has {len(pairs)} files NAME.npy: encoded queries are one, with NAME.tsv beside it. '
                "Pyserini's pickled embedding.pkl is not read, since a pickle can run code: python -m "
                'pyserini_tct.prebuilt fetch converts the published ones'
            )
        path = pairs[0]
    vectors_file = path if path.suffix == '.npy' else path.with_name(path.name + '.npy')
    texts = list(read_topics(existing(vectors_file.with_suffix('.tsv'))).values())
    manifest = read_manifest(vectors_file) or {}
    _check_texts(vectors_file, manifest)
    vectors = load_matrix(existing(vectors_file))
    if len(vectors) != len(texts):
        raise TctError(
            f'{vectors_file} has {len(vectors)} vectors, {vectors_file.stem}.tsv has {len(texts)} queries: '
            'they are not of one set'
        )
    found = EncodedQueries(zip(texts, np.asarray(vectors, np.float32), strict=True))
    found.manifest = manifest
    return found


def _check_texts(vectors_file: Path, manifest: dict[str, Any]) -> None:
    """Refuse texts other than those that were encoded: of another order, each query would get another's vector."""
    texts, known = vectors_file.with_suffix('.tsv'), [file['sha256'] for file in manifest.get('inputs', [])]
    if known and sha256(texts) not in known:
        raise TctError(
            f'{texts} is not the file that {vectors_file.name} was made with (its checksum differs from the manifest): '
            'restore it, or run encode.query again with --overwrite'
        )
