# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Re-ranking by MaxSim from stored token vectors and by a cross-encoder."""

import numpy as np
import pytest
import torch
from conftest import TEXTS, TOPICS, fails, write_corpus

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.models import colbert, cross
from pyserini_tct.runs import Hit, read_run, write_run
from pyserini_tct.search.rerank import MaxSimReranker
from pyserini_tct.search.rerank.__main__ import main
from pyserini_tct.search.rerank._reranker import ScoredReranker

PASSAGES = [Passage(docid, text) for docid, text in TEXTS.items()]


@pytest.fixture
def model(tiny_bert):
    torch.manual_seed(3)
    return colbert.new(tiny_bert, dimension=8).eval()


def expected(model, query):
    with torch.no_grad():
        scores = model([query], PASSAGES)[0].tolist()
    return dict(zip(TEXTS, scores, strict=True))


def test_scores_are_the_models(model, tmp_path):
    """Rows are stored by length: a mix-up would give a passage another one's score."""
    reranker = MaxSimReranker(model, PASSAGES, tmp_path / 'tokens')
    found = reranker.rerank('slow ice', list(TEXTS))
    assert {hit.docid: hit.score for hit in found} == pytest.approx(expected(model, 'slow ice'), abs=1e-5)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_stored_scores_are_taken_by_query_and_docid():
    """Passages are kept by length, columns in the corpus' order: a mix-up would give a passage another one's score."""
    docids = list(TEXTS)
    matrix = np.arange(12.0).reshape(2, 6)
    reranker = ScoredReranker([p for p in reversed(PASSAGES) if p.docid != 'd6'], ['ice', 'slow ice'], docids, matrix)
    found = reranker.rerank_run({'d1': 3.0, 'd4': 2.0, 'd6': 1.0}, 'slow ice', 2)
    assert [(hit.docid, hit.score) for hit in found[:2]] == [('d4', 9.0), ('d1', 6.0)]
    assert found[2].docid == 'd6'


def test_the_tail_keeps_its_order_below(model, tmp_path):
    reranker = MaxSimReranker(model, PASSAGES, tmp_path / 'tokens')
    run = {docid: 10.0 - i for i, docid in enumerate(TEXTS)}
    found = [hit.docid for hit in reranker.rerank_run(run, 'slow ice', 2)]
    assert sorted(found[:2]) == ['d1', 'd2']
    assert found[2:] == ['d3', 'd4', 'd5', 'd6']
    assert reranker.rerank_run({}, 'slow ice', 2) == []


def test_a_passage_without_text_is_named(model, tmp_path):
    with pytest.raises(TctError, match='passage d9 has no text here'):
        MaxSimReranker(model, PASSAGES, tmp_path / 'tokens').rerank('ice', ['d1', 'd9'])


def test_the_command(model, corpus, topics, tmp_path, capsys):
    model.save(tmp_path / 'colbert')
    write_run(tmp_path / 'run', {qid: {docid: 1.0 - i / 10 for i, docid in enumerate(TEXTS)} for qid in TOPICS})
    words = ['--maxsim', tmp_path / 'colbert', '--run', tmp_path / 'run', '--corpus', corpus, '--topics', topics]
    main([str(word) for word in [*words, '--output', tmp_path / 'out', '--depth', 6]])
    found = read_run(tmp_path / 'out')
    for qid, query in TOPICS.items():
        assert found[qid] == pytest.approx(expected(model, query), abs=1e-5)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'colbert', 'colbert.manifest.json', 'run', 'corpus.jsonl', 'topics.tsv', 'out'}
    write_run(tmp_path / 'other', {'8': [Hit('zzz', 1.0)]})
    words[3] = tmp_path / 'other'
    assert 'lists passage zzz, which' in fails(main, *words, '--output', tmp_path / 'out2', capsys=capsys)
    assert 'is no ColBERT' not in capsys.readouterr().err


def test_nothing_is_left_out_in_silence(model, topics, tmp_path, capsys):
    """Topics that the run lacks, queries that are no topics, lists out of order, passages without text."""
    model.save(tmp_path / 'colbert')
    corpus = write_corpus(tmp_path / 'corpus', {**TEXTS, 'd4': ' '})
    (tmp_path / 'run').write_text('007 Q0 d1 1 1.0 x\n007 Q0 d4 2 2.0 x\nz Q0 d2 1 1.0 x\n')
    words = ['--maxsim', tmp_path / 'colbert', '--run', tmp_path / 'run', '--corpus', corpus, '--topics', topics]
    main([str(word) for word in [*words, '--output', tmp_path / 'out']])
    assert capsys.readouterr().err.splitlines() == [
        'note: 2 of 3 queries have no hit',
        f'note: 2 of 3 topics are not in {tmp_path}/run',
        f'note: 1 queries of {tmp_path}/run are no topics, they are ignored',
        f'note: 1 lists of {tmp_path}/run are not in order of their scores: ranks are those of the scores',
        'note: 1 passages to re-rank have no text, such as d4',
    ]


def test_the_command_with_a_cross_encoder(tiny_bert, corpus, topics, tmp_path, capsys):
    torch.manual_seed(3)
    model = cross.new(tiny_bert).eval()
    model.save(tmp_path / 'cross')
    write_run(tmp_path / 'run', {qid: {docid: 1.0 - i / 10 for i, docid in enumerate(TEXTS)} for qid in TOPICS})
    words = ['--run', tmp_path / 'run', '--corpus', corpus, '--topics', topics, '--depth', 4]
    chosen = ['--cross', tmp_path / 'cross', '--output', tmp_path / 'out']
    main([str(word) for word in [*words, *chosen]])
    found = read_run(tmp_path / 'out')
    for qid, query in TOPICS.items():
        best = {docid: score for docid, score in expected(model, query).items() if docid <= 'd4'}
        assert {docid: found[qid][docid] for docid in best} == pytest.approx(best, abs=2e-5)
        assert list(found[qid])[4:] == ['d5', 'd6']
    assert (tmp_path / 'out').read_text().split()[5] == 'cross'
    with pytest.raises(SystemExit):
        main([str(word) for word in [*words, *chosen, '--maxsim', tmp_path / 'cross']])
    assert 'not allowed with argument' in capsys.readouterr().err
    colbert.new(tiny_bert, dimension=8).save(tmp_path / 'colbert')
    other = ['--cross', tmp_path / 'colbert', '--output', tmp_path / 'out2']
    assert 'is no cross-encoder' in fails(main, *words, *other, capsys=capsys)
