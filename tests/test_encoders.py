# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The encoders on Pyserini's interfaces: argument names, batches, what is refused, encoded queries."""

import pickle
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from conftest import fails, refusal, write_corpus

from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder, _encoders
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.encode.query import main as encode_query
from pyserini_tct.models import student
from pyserini_tct.search.faiss.__main__ import main as search_faiss
from pyserini_tct.search.hybrid.__main__ import main as search_hybrid

EYE = np.eye(2, 32, dtype=np.float32)
TWO = '1\tice\n2\twave\n'


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertDocumentEncoder(tiny_student, device='cpu')


def test_a_longer_passage_length_counts_and_warns(encoder, caplog):
    texts = ['ice ' * 150 + 'wave ' * 38]
    short, long = encoder.encode(texts), encoder.encode(texts, max_length=192)
    assert np.abs(short - long).max() > 1e-3
    assert 'passages of 192 ids, although the checkpoint says 154' in caplog.text


def encoded_queries(folder, vectors, tsv=TWO):
    np.save(folder / 'q.npy', vectors)
    (folder / 'q.tsv').write_text(tsv)
    return folder / 'q.npy'


@pytest.mark.parametrize('name', ['encoded_query_dir', 'encoded_queries_dir'])
def test_argument_names_of_both_pyserinis(tiny_student, tmp_path, caplog, name):
    model, queries = str(tiny_student), str(encoded_queries(tmp_path, EYE))
    both = TctColBertQueryEncoder(encoder_dir=model, tokenizer_name=model, device='cpu', prefix=None, **{name: queries})
    assert (both.has_model, both.encode('wave').tolist()) == (
        True,
        TctColBertQueryEncoder(model).encode('wave').tolist(),
    )
    assert TctColBertQueryEncoder(**{name: queries[:-4]}).encode('wave').tolist() == EYE[1].tolist()
    document = TctColBertDocumentEncoder(model_name=model, tokenizer_name=None, device='cpu', prefix='')
    assert document.encode(texts=['ice'], titles=None, fp16=False, max_length=154, add_sep=False).shape == (1, 32)
    assert caplog.text == ''
    _encoders._warn_once.cache_clear()
    TctColBertQueryEncoder(model, pooling='cls')
    assert "ignores pooling='cls'" in caplog.text


def test_encoded_queries_whose_texts_were_sorted_anew(tiny_student, tmp_path, capsys):
    """Each query would get another's vector, and the run would look like any other."""
    (tmp_path / 'topics.tsv').write_text('2\twave\n1\tice\n')
    encode_query(
        ['--topics', str(tmp_path / 'topics.tsv'), '--encoder', str(tiny_student), '--output', f'{tmp_path}/q']
    )
    known = TctColBertQueryEncoder(encoded_query_dir=tmp_path / 'q')
    np.testing.assert_allclose(known.encode('ice'), TctColBertQueryEncoder(tiny_student).encode('ice'), atol=1e-6)
    texts = tmp_path / 'q.tsv'
    texts.write_text(''.join(sorted(texts.read_text().splitlines(keepends=True))))
    sentence = refusal(TctColBertQueryEncoder, encoded_query_dir=tmp_path / 'q')
    assert f'{texts} is not the file that q.npy was made with' in sentence
    given = ['--encoder', tiny_student, '--encoded-queries', tmp_path / 'q', '--index', 'i', '--topics', 't']
    for search in (search_faiss, search_hybrid):
        groups = ['dense', *given[:6], 'sparse', '--index', 'i', 'run', *given[6:]]
        words = groups if search is search_hybrid else given
        assert 'both say where the vectors of queries come from: leave one out' in fails(
            search, *words, '--output', tmp_path / 'run', capsys=capsys
        )


def test_a_model_that_overflows_gives_no_vectors(tiny_student, topics, tmp_path, capsys):
    """Rows of NaN, with a manifest that tells nothing, would be found out by another stage or by no one."""
    model = student.load(tiny_student)
    model.bert.embeddings.LayerNorm.weight.data *= 1e38
    folder = tmp_path / 'tct_colbert-broken'
    model.save(folder)
    given = ['--topics', topics, '--encoder', folder, '--output', tmp_path / 'q', '--query-cache', tmp_path / 'c']
    assert (
        f"the vector of the query 'slow ice' is not finite: the weights of {folder} are unsound, use another checkpoint"
        in fails(encode_query, *given, capsys=capsys)
    )
    assert not list(tmp_path.glob('q.*'))
    (cache,) = (tmp_path / 'c').iterdir()
    with closing(sqlite3.connect(cache)) as database:
        assert database.execute('SELECT count(*) FROM queries').fetchone() == (0,)
    encode = TctColBertDocumentEncoder(folder, device='cpu')
    corpus = write_corpus(tmp_path / 'corpus.jsonl', {'d1': 'ice'})
    assert f'd1 is not finite: the weights of {folder}' in refusal(encode_corpus, corpus, tmp_path / 'v', encode)


def test_a_batch_of_queries_equals_single_ones(tiny_student):
    encoder = TctColBertQueryEncoder(tiny_student, batch_size=2)
    queries = ['ice', '', 'slow wave of rock', 'ice ' * 50, 'quake']
    batch, single = encoder.encode_batch(queries), np.stack([encoder.encode(query) for query in queries])
    np.testing.assert_allclose(batch, single, atol=1e-6)
    assert (single.shape, single.dtype) == ((5, 32), np.float32)
    assert np.linalg.norm(single[1]) > 0.1  # an empty query still has 32 masks


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda m: TctColBertQueryEncoder(m, prefix='query: '), "the prefix 'query: ' cannot be used"),
        (lambda m: TctColBertDocumentEncoder(m, device='cpu', prefix='passage: '), "the prefix 'passage: ' cannot"),
        (lambda m: TctColBertQueryEncoder(), 'neither an encoder nor encoded queries'),
        (lambda m: TctColBertDocumentEncoder(m, device='cpu').encode(['x'], fp16=True), 'fp16 needs a GPU'),
        (lambda m: TctColBertDocumentEncoder(m, device='cpu').encode(['x', 'y'], ['t']), '1 titles for 2 texts'),
        (lambda m: TctColBertDocumentEncoder(m, device='cuda:99'), "device 'cuda:99' is not available"),
    ],
)
def test_what_would_change_vectors_is_refused(tiny_student, make, message):
    assert message in refusal(make, tiny_student)


@pytest.mark.parametrize(
    ('vectors', 'tsv', 'message'),
    [
        (np.eye(3, 4), TWO, 'has 3 vectors, q.tsv has 2 queries'),
        (np.full((2, 4), np.nan), TWO, 'row 0 holds NaN'),
        (np.eye(2, 4, dtype=int), TWO, 'a matrix of floats is needed'),
        (np.ones(2), TWO, 'a matrix of floats is needed'),
        (np.array([[{}]]), '1\tice\n', 'is damaged or no npy file'),
        (np.eye(2, 4), '1\tice\n1\twave\n', 'query 1 occurred before'),
    ],
)
def test_unusable_encoded_queries(tmp_path, vectors, tsv, message):
    """An object array is a pickle inside an npy file."""
    assert message in refusal(TctColBertQueryEncoder, encoded_query_dir=encoded_queries(tmp_path, vectors, tsv))


def test_encoded_queries_that_are_elsewhere(tmp_path):
    (tmp_path / 'embedding.pkl').write_bytes(pickle.dumps({'text': ['ice']}))
    assert 'a pickle can run code' in refusal(TctColBertQueryEncoder, encoded_query_dir=str(tmp_path))
    assert 'does not exist' in refusal(TctColBertQueryEncoder, encoded_query_dir=tmp_path / 'none')
    known = TctColBertQueryEncoder(encoded_query_dir=encoded_queries(tmp_path, EYE))
    assert "the query 'rock' is not among the encoded queries" in refusal(known.encode_batch, ['ice', 'rock'])
