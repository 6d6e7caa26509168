# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Token vectors of a corpus: what is stored, jobs that were killed, stores that are damaged, re-ranking from them."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import TEXTS, TOPICS, fails, refusal, write_corpus

from pyserini_tct._atomic import manifest_path
from pyserini_tct.collection import Passage
from pyserini_tct.encode.tokens import encode_tokens
from pyserini_tct.encode.tokens import main as encode
from pyserini_tct.models import colbert
from pyserini_tct.models.tokens import PassageTokens
from pyserini_tct.runs import read_run, write_run
from pyserini_tct.search.rerank import MaxSimReranker, StoredReranker
from pyserini_tct.search.rerank.__main__ import main as rerank


@pytest.fixture(scope='module')
def made(tiny_bert, tmp_path_factory):
    """A ColBERT folder, a corpus with an empty passage, and its token vectors in both precisions."""
    folder = tmp_path_factory.mktemp('tokens')
    torch.manual_seed(3)
    colbert.new(tiny_bert, dimension=8).save(folder / 'colbert')
    write_corpus(folder / 'corpus.jsonl', {**TEXTS, 'empty': ''})
    model = colbert.load(folder / 'colbert')
    for dtype in ('fp16', 'fp32'):
        encode_tokens(folder / 'corpus.jsonl', folder / dtype, model, dtype=dtype, batch_size=2)
    return folder


def test_what_is_stored_is_what_the_model_gives(made):
    model, store = colbert.load(made / 'colbert'), PassageTokens(made / 'fp32')
    assert store.docids == [*TEXTS, 'empty']
    with torch.no_grad():
        for row, text in enumerate(TEXTS.values()):
            vectors, counted = model.encode_passages([Passage('x', text)])
            np.testing.assert_allclose(
                store.vectors[store.offsets[row] : store.offsets[row + 1]], vectors[counted], atol=1e-6
            )
    assert store.offsets[-1] == store.offsets[-2], 'an empty text has no token'
    half = PassageTokens(made / 'fp16')
    assert half.vectors.dtype == np.float16
    np.testing.assert_array_equal(half.vectors, store.vectors.astype(np.float16))


def test_from_the_store_as_from_the_texts(made, tmp_path):
    model = colbert.load(made / 'colbert')
    passages = [Passage(docid, text) for docid, text in TEXTS.items()]
    texts = MaxSimReranker(model, passages, tmp_path / 'tokens')
    for dtype, tolerance in (('fp32', 1e-5), ('fp16', 0.05)):
        stored = StoredReranker(model, PassageTokens(made / dtype))
        for query in TOPICS.values():
            expected = {hit.docid: hit.score for hit in texts.rerank(query, list(TEXTS))}
            found = {hit.docid: hit.score for hit in stored.rerank(query, list(TEXTS))}
            assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize('spoiled', [None, 'tail', 'short', 'counts'])
def test_a_killed_job_goes_on_to_the_same_bytes(made, tmp_path, monkeypatch, spoiled):
    """After two blocks of two; what was half-written then is cut off, and what is too short is done again."""
    model, calls = colbert.load(made / 'colbert'), []

    def killed(passages):
        calls.append(len(passages))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return colbert.ColBert.encode_passages(model, passages)

    output, partial = tmp_path / 'tokens', tmp_path / 'tokens.partial'
    monkeypatch.setattr(model, 'encode_passages', killed)
    with pytest.raises(KeyboardInterrupt):
        encode_tokens(made / 'corpus.jsonl', output, model, batch_size=2)
    vectors, counts = partial / 'vectors.npy', partial / 'counts'
    if spoiled == 'tail':
        vectors.write_bytes(vectors.read_bytes() + b'abc')
    elif spoiled == 'short':
        vectors.write_bytes(vectors.read_bytes()[:-1])
    elif spoiled == 'counts':
        counts.write_bytes(counts.read_bytes() + b'\1\0\0\0\2')
    assert 'other inputs or settings' in refusal(encode_tokens, made / 'corpus.jsonl', output, model, dtype='fp32')
    done = encode_tokens(made / 'corpus.jsonl', output, model, batch_size=2)
    assert (done.passages, done.reused) == (7, 0 if spoiled == 'short' else 4)
    for name in ('vectors.npy', 'offsets.npy', 'docids'):
        assert (output / name).read_bytes() == (made / 'fp16' / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['tokens', 'tokens.manifest.json']


@pytest.mark.parametrize(
    ('name', 'change', 'sentence'),
    [
        ('vectors.npy', lambda data: data[:-1], 'vectors.npy is damaged or truncated'),
        ('vectors.npy', lambda data: data[:40], 'vectors.npy is damaged or truncated'),
        ('vectors.npy', None, 'vectors.npy does not exist'),
        ('offsets.npy', lambda data: data[:-8], 'offsets.npy is damaged or truncated'),
        ('offsets.npy', lambda data: data[:-8] + b'\1' + data[-7:], 'offsets.npy does not fit vectors.npy'),
        ('docids', lambda data: data.replace(b'd1', b'd7'), 'docids is damaged'),
        ('docids', lambda data: data[:-6], 'docids is damaged'),
    ],
)
def test_a_damaged_store_is_refused_by_name(made, tmp_path, name, change, sentence):
    store = tmp_path / 'fp16'
    shutil.copytree(made / 'fp16', store)
    shutil.copy(manifest_path(made / 'fp16'), manifest_path(store))
    data = (store / name).read_bytes()
    (store / name).unlink()
    if change:
        (store / name).write_bytes(change(data))
    assert sentence in refusal(PassageTokens, store)


def test_vectors_that_are_not_finite_are_told_by_passage(made, tmp_path):
    store = tmp_path / 'fp16'
    shutil.copytree(made / 'fp16', store)
    shutil.copy(manifest_path(made / 'fp16'), manifest_path(store))
    vectors = np.load(store / 'vectors.npy', mmap_mode='r+')
    vectors[PassageTokens(store).offsets[2]] = np.nan
    vectors.flush()
    reranker = StoredReranker(colbert.load(made / 'colbert'), PassageTokens(store))
    assert 'token vectors of passage d3 hold NaN' in refusal(reranker.rerank, 'ice', ['d1', 'd3'])
    assert len(reranker.rerank('ice', ['d1', 'd2'])) == 2


def test_the_commands(made, tiny_bert, topics, tmp_path, capsys):
    corpus, store = made / 'corpus.jsonl', tmp_path / 'tokens'
    words = ['--corpus', corpus, '--encoder', made / 'colbert', '--output', store]
    encode([str(word) for word in words])
    tokens = len(PassageTokens(store).vectors)
    size = sum(file.stat().st_size for file in store.iterdir())
    about = f'7 passages, {tokens} token vectors of 8 dimensions (fp16), {size / 1024:.0f} KiB, {size / 7:.0f} bytes'
    told = capsys.readouterr()
    assert about in told.out
    assert 'note: 1 passages have no text' in told.err
    write_run(tmp_path / 'run', {qid: {docid: 1.0 - i / 10 for i, docid in enumerate(TEXTS)} for qid in TOPICS})
    common = ['--run', tmp_path / 'run', '--topics', topics, '--depth', 4]
    words = ['--maxsim', made / 'colbert', *common]
    rerank([str(word) for word in [*words, '--corpus', corpus, '--output', tmp_path / 'texts']])
    rerank([str(word) for word in [*words, '--tokens', store, '--output', tmp_path / 'stored']])
    assert f'token vectors: {size / 1024:.0f} KiB, {size / 7:.0f} bytes a passage' in capsys.readouterr().out
    for qid, expected in read_run(tmp_path / 'texts').items():
        assert read_run(tmp_path / 'stored')[qid] == pytest.approx(expected, abs=0.05)
    write_run(tmp_path / 'other', {'8': {'zzz': 1.0}})
    new = ['--output', tmp_path / 'new']
    strange = ['--maxsim', made / 'colbert', '--run', tmp_path / 'other', '--topics', topics, '--tokens', store]
    assert 'lists passage zzz, which' in fails(rerank, *strange, *new, capsys=capsys)
    write_run(tmp_path / 'other', {'8': {'d1': 1.0, 'empty': 0.5}})
    rerank([str(word) for word in [*strange, '--output', tmp_path / 'blank']])
    assert 'note: 1 passages to re-rank have no text, such as empty' in capsys.readouterr().err
    colbert.new(tiny_bert, dimension=8).save(tmp_path / 'colbert2')
    words[1] = tmp_path / 'colbert2'
    message = fails(rerank, *words, '--tokens', store, *new, capsys=capsys)
    assert 'was made with another ColBERT (encoder_sha256' in message
    message = fails(rerank, '--cross', made / 'colbert', *common, '--tokens', store, *new, capsys=capsys)
    assert 'a cross-encoder has no use for' in message
    message = fails(rerank, *words, '--tokens', made / 'colbert', *new, capsys=capsys)
    assert 'has no manifest of token-vectors beside it' in message


def test_another_contract_is_another_model(made, tmp_path):
    """The same weights write their texts in another way: nothing else would show it."""
    shutil.copytree(made / 'colbert', tmp_path / 'colbert')
    path = tmp_path / 'colbert' / 'colbert.json'
    content = json.loads(path.read_text())
    content['contract']['dropped'] = 0
    path.write_text(json.dumps(content))
    store = PassageTokens(made / 'fp16')
    assert 'another ColBERT (contract' in refusal(store.check_model, colbert.load(tmp_path / 'colbert'))
