# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Two-stage ColBERT: candidates against brute force, scores against the model, and indexes that do not fit."""

import json
import shutil

import faiss
import numpy as np
import pytest
import torch
from conftest import TEXTS, TOPICS, fails, refusal, write_corpus

from pyserini_tct._atomic import manifest_path
from pyserini_tct._faiss_file import write_index
from pyserini_tct.collection import Passage
from pyserini_tct.encode.tokens import encode_tokens
from pyserini_tct.index.colbert import build_colbert
from pyserini_tct.index.colbert import main as index
from pyserini_tct.models import colbert
from pyserini_tct.models.tokens import PassageTokens
from pyserini_tct.runs import read_run
from pyserini_tct.search.colbert import ColbertSearcher
from pyserini_tct.search.colbert.__main__ import main

ALL = 10**6


@pytest.fixture(scope='module')
def made(tiny_bert, tmp_path_factory):
    """A ColBERT, token vectors of six passages and an empty one between them, and a flat index."""
    folder = tmp_path_factory.mktemp('colbert')
    torch.manual_seed(3)
    colbert.new(tiny_bert, dimension=8).save(folder / 'colbert')
    texts = {'d1': TEXTS['d1'], 'empty': '', **TEXTS}
    encode_tokens(write_corpus(folder / 'c.jsonl', texts), folder / 'tokens', colbert.load(folder / 'colbert'))
    build_colbert(folder / 'tokens', folder / 'flat', 'Flat')
    return folder


@pytest.fixture(scope='module')
def model(made):
    return colbert.load(made / 'colbert')


def full_maxsim(model, query):
    with torch.no_grad():
        scores = model([query], [Passage(docid, text) for docid, text in TEXTS.items()])[0].tolist()
    return dict(zip(TEXTS, scores, strict=True))


@pytest.mark.parametrize(
    ('factory', 'options'),
    [
        ('Flat', {}),
        ('IVF4,Flat', {'nprobe': 4}),
        ('IVF4,SQ8', {'nprobe': 99}),
        ('HNSW8', {'ef_search': 500}),
        (None, {}),
    ],
)
def test_exhaustive_settings_give_full_maxsim(made, model, tmp_path, factory, options):
    """Whatever the first stage keeps of the vectors, scores are those of the token vectors themselves."""
    build_colbert(made / 'tokens', tmp_path / 'index', factory)
    searcher = ColbertSearcher(tmp_path / 'index', model, ALL, **options)
    found = searcher.batch_search(list(TOPICS.values()), list(TOPICS), k=ALL)
    for qid, query in TOPICS.items():
        assert {hit.docid: hit.score for hit in found[qid]} == pytest.approx(full_maxsim(model, query), abs=0.05)
        assert [hit.score for hit in found[qid]] == sorted((hit.score for hit in found[qid]), reverse=True)
        assert found[qid][:2] == searcher.search(query, 2)


@pytest.mark.parametrize('candidates', [1, 2, 7])
def test_candidates_are_those_of_brute_force(made, model, candidates):
    """The owner of a token is easily off by one, at the first and last token and beside a passage without any."""
    store = PassageTokens(made / 'tokens')
    owner = np.repeat(np.arange(len(store)), np.diff(store.offsets))
    searcher = ColbertSearcher(made / 'flat', model, candidates)
    with torch.no_grad():
        tokens = model.encode_queries(list(TOPICS.values()))
    found = searcher.candidate_rows(tokens)
    vectors = np.asarray(store.vectors, np.float32)
    for i, rows in enumerate(found):
        similarity = tokens.vectors[i][tokens.counted[i]].numpy() @ vectors.T
        best = {int(owner[place]) for row in similarity for place in np.argsort(-row, kind='stable')[:candidates]}
        assert rows == sorted(best)
    assert 1 not in {row for rows in found for row in rows}, 'the empty passage has no token'
    query = TOPICS['8']
    hits = searcher.search(query, ALL)
    assert {hit.docid for hit in hits} == {store.docids[row] for row in found[list(TOPICS).index('8')]}
    assert {hit.docid: hit.score for hit in hits} == pytest.approx(
        {hit.docid: full_maxsim(model, query)[hit.docid] for hit in hits}, abs=0.05
    )


def test_scores_do_not_depend_on_the_blocks_they_are_computed_in(made, model, monkeypatch):
    whole = ColbertSearcher(made / 'flat', model, ALL).search('slow ice', 9)
    monkeypatch.setattr('pyserini_tct.search.rerank._maxsim.BLOCK', 2)
    parts = ColbertSearcher(made / 'flat', model, ALL).search('slow ice', 9)
    assert [hit.docid for hit in parts] == [hit.docid for hit in whole]
    assert [hit.score for hit in parts] == pytest.approx([hit.score for hit in whole], abs=1e-5)


def test_the_commands(made, topics, tmp_path, capsys):
    index(['--input', str(made / 'tokens'), '--output', str(tmp_path / 'index'), '--factory', 'IVF2,Flat'])
    printed = capsys.readouterr().out
    size = sum(file.stat().st_size for file in (tmp_path / 'index').iterdir())
    assert f'7 passages, {size / 1024:.0f} KiB, {size / 7:.0f} bytes a passage' in printed
    words = ['--index', tmp_path / 'index', '--encoder', made / 'colbert', '--topics', topics]
    main([str(word) for word in [*words, '--output', tmp_path / 'run', '--nprobe', 2, '--hits', 3]])
    printed = capsys.readouterr().out
    assert '3 queries, 9 hits' in printed
    assert '6.0 of 7 passages scored a query' in printed
    for qid, query in TOPICS.items():
        expected = full_maxsim(colbert.load(made / 'colbert'), query)
        best = dict(sorted(expected.items(), key=lambda pair: -pair[1])[:3])
        assert read_run(tmp_path / 'run')[qid] == pytest.approx(best, abs=0.05)
    assert (tmp_path / 'run').read_text().split()[5] == 'colbert'
    new = ['--output', tmp_path / 'new']
    assert '--ef-search is for HNSW' in fails(main, *words, *new, '--ef-search', 9, capsys=capsys)
    words[1] = made / 'flat'
    assert '--nprobe is for IVF' in fails(main, *words, *new, '--nprobe', 9, capsys=capsys)
    words[1] = made / 'tokens'
    assert 'has no manifest of colbert-index' in fails(main, *words, *new, capsys=capsys)
    words = ['--input', made / 'tokens', *new, '--factory']
    assert "Faiss cannot build 'nonsense'" in fails(index, *words, 'nonsense', capsys=capsys)
    assert "Faiss cannot build 'IVF4096,Flat'" in fails(index, *words, 'IVF4096,Flat', capsys=capsys)
    assert not (tmp_path / 'new').exists()


def copied(made, folder):
    shutil.copytree(made / 'flat', folder)
    shutil.copy(manifest_path(made / 'flat'), manifest_path(folder))
    return folder


def test_what_does_not_fit_is_refused(made, model, tiny_bert, tmp_path):
    torch.manual_seed(4)
    colbert.new(tiny_bert, dimension=8).save(tmp_path / 'other')
    assert 'another ColBERT (encoder_sha256' in refusal(ColbertSearcher, made / 'flat', tmp_path / 'other')
    broken = copied(made, tmp_path / 'broken')
    (broken / 'index').write_bytes((made / 'flat' / 'index').read_bytes()[:-100])
    assert 'index is truncated (' in refusal(ColbertSearcher, broken, model)
    short = copied(made, tmp_path / 'short')
    few = faiss.IndexFlatIP(8)
    few.add(np.ones((3, 8), np.float32))
    content = json.loads(manifest_path(short).read_text())
    content['index_bytes'] = write_index(few, short / 'index')
    manifest_path(short).write_text(json.dumps(content))
    assert 'has 3 vectors of 8 dimensions' in refusal(ColbertSearcher, short, model)
    searcher = ColbertSearcher(made / 'flat', model)
    assert 'k = 0' in refusal(searcher.search, 'ice', 0)
    assert '1 queries for 2' in refusal(searcher.batch_search, ['ice'], ['1', '2'])
