# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The cache of query vectors: the vectors of this encoder or none, whoever else writes at the same time."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from conftest import refusal

from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.encode._queries import QueryCache, _stored
from pyserini_tct.encode.query import main
from pyserini_tct.models.student import Student
from pyserini_tct.search.faiss.__main__ import main as search

QUERIES = ['slow ice', 'lobster roll', ' slow  ice', '', 'slow ice']


def test_vectors_are_encoded_once_and_only_for_their_encoder(tiny_student, other_students, tmp_path, monkeypatch):
    """A cache that forgot the encoder would give another model's vectors, which no check of shapes can tell."""
    wanted = TctColBertQueryEncoder(tiny_student).encode_batch(QUERIES)
    first = TctColBertQueryEncoder(tiny_student, query_cache=tmp_path / 'c')
    np.testing.assert_allclose(first.encode_batch(QUERIES), wanted, atol=1e-6)
    for name in ('tct_colbert-weights', 'tct_colbert-length'):
        other = TctColBertQueryEncoder(other_students / name, query_cache=tmp_path / 'c')
        np.testing.assert_allclose(
            other.encode('slow ice'), TctColBertQueryEncoder(other_students / name).encode('slow ice'), atol=1e-6
        )
        assert np.abs(other.encode('slow ice') - wanted[0]).max() > 0.001
    assert len(list((tmp_path / 'c').iterdir())) == 3
    monkeypatch.setattr(Student, 'embed', lambda *_: pytest.fail('encoded again'))
    again = TctColBertQueryEncoder(tiny_student, query_cache=tmp_path / 'c')
    assert again.encode_batch(QUERIES).tobytes() == first.encode_batch(QUERIES).tobytes()


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    def vectors(texts):
        return np.array([[len(text), float(text)] for text in texts], np.float32)

    def work(start):
        cache = QueryCache(tmp_path, 'key', 2)
        return [cache.vectors([str(start + i), str(i)], vectors).tolist() for i in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for start, found in zip(range(0, 800, 100), pool.map(work, range(0, 800, 100)), strict=True):
            assert found == [[[len(str(start + i)), start + i], [len(str(i)), i]] for i in range(20)]
    every = [str(start + i) for start in range(0, 800, 100) for i in range(20)]
    assert QueryCache(tmp_path, 'key', 2).vectors(every, lambda texts: pytest.fail(str(texts))).shape == (160, 2)


def test_a_damaged_cache_is_one_sentence(tiny_student, tmp_path):
    encoder = TctColBertQueryEncoder(tiny_student, query_cache=tmp_path / 'c')
    encoder.encode('ice')
    (file,) = (tmp_path / 'c').iterdir()
    file.write_bytes(b'no database' * 500)
    assert f'the query cache {file} cannot be used' in refusal(encoder.encode, 'ice')


def test_a_damaged_vector_is_encoded_again(tmp_path):
    """SQLite has no checksums: a flipped bit would be another query's neighbourhood, without a word."""

    def encode(texts):
        encoded.extend(texts)
        return np.array([[len(text), 1] for text in texts], np.float32)

    encoded = []
    cache = QueryCache(tmp_path / 'c', 'key', 2)
    wanted = cache.vectors(['ice', 'snow'], encode)
    nan = np.array([np.nan, 1], '<f4').tobytes()
    for damaged in (nan, nan + b'abcd', _stored('ice', nan), b'', np.array([4, 1], '<f4').tobytes() + b'abcd'):
        with closing(sqlite3.connect(cache.path)) as database, database:
            database.execute('UPDATE queries SET vector = ? WHERE text = ?', (damaged, 'ice'))
        encoded.clear()
        np.testing.assert_array_equal(cache.vectors(['ice', 'snow'], encode), wanted)
        assert encoded == ['ice']
    (tmp_path / 'file').write_text('')
    assert 'file cannot be the folder of a query cache' in refusal(QueryCache, tmp_path / 'file', 'key', 2)


def test_the_commands_share_a_cache(tiny_student, tiny_index, topics, tmp_path, monkeypatch):
    cache = ['--query-cache', str(tmp_path / 'c'), '--topics', str(topics), '--encoder', str(tiny_student)]
    main([*cache, '--output', str(tmp_path / 'q')])
    search([*cache[2:], '--index', str(tiny_index), '--output', str(tmp_path / 'without')])
    monkeypatch.setattr(Student, 'embed', lambda *_: pytest.fail('encoded again'))
    search([*cache, '--index', str(tiny_index), '--output', str(tmp_path / 'with')])
    assert (tmp_path / 'with').read_bytes() == (tmp_path / 'without').read_bytes()
