# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Explanations add up to the scores of searchers and models, and are right in cases small enough to do by hand."""

import dataclasses
import json
import math
import re
import subprocess
import sys

import pytest
import torch
from conftest import TEXTS, TOPICS, clean_environment, fails, write_corpus

from pyserini_tct.collection import Passage
from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.explain import _dense, explain_dense, explain_maxsim
from pyserini_tct.explain.__main__ import main
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.models import colbert, student
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.text import TokenContract

PASSAGES = {docid: Passage(docid, text) for docid, text in TEXTS.items()}
SHORT = 6  # ids of a query of two words and the prefix


def total(entries) -> float:
    return sum(entry['contribution'] for entry in entries)


def test_a_students_tokens_add_up_to_the_searchers_score(tiny_student, tiny_index):
    model, searcher = student.load(tiny_student), FaissSearcher(tiny_index, tiny_student)
    for query in TOPICS.values():
        for hit in searcher.search(query, 2):
            found = explain_dense(model, query, PASSAGES[hit.docid])
            for score in (found['score'], total(found['query']), total(found['passage'])):
                assert score == pytest.approx(hit.score, abs=1e-4)
    assert len(found['query']) == 32
    assert len(found['pairs']) == 32
    assert len(found['pairs'][0]) == len(found['passage'])


def test_an_index_of_shorter_passages_is_explained_as_it_was_made(tiny_student, tmp_path, capsys):
    """Vectors of 8 ids have 4 tokens; the checkpoint's own length would explain another score."""
    encode_corpus(
        write_corpus(tmp_path / 'corpus.jsonl', TEXTS),
        tmp_path / 'vectors',
        TctColBertDocumentEncoder(tiny_student, device='cpu'),
        max_length=8,
    )
    build_flat(tmp_path / 'vectors', tmp_path / 'index')
    main(['slow ice', 'd1', '--index', str(tmp_path / 'index'), '--encoder', str(tiny_student), '--format', 'json'])
    found = json.loads(capsys.readouterr().out)['parts']['dense']
    assert [entry['token'] for entry in found['passage']] == ['the', 'ice', 'of', 'a']
    scores = {hit.docid: hit.score for hit in FaissSearcher(tmp_path / 'index', tiny_student).search('slow ice', 6)}
    assert found['score'] == pytest.approx(scores['d1'], abs=1e-4)
    build_flat(tmp_path / 'vectors', tmp_path / 'bare', texts=False)
    words = ['slow ice', 'd1', '--index', tmp_path / 'bare', '--encoder', tiny_student]
    assert f'{tmp_path / "bare"} has no texts: build it' in fails(main, *words, capsys=capsys)


def test_a_students_tokens_by_hand(tiny_student, monkeypatch):
    """Means (1/2, 1) and (2, 1/2): 3/2. A passage token has half its product with the query's mean, and so on."""
    model = student.load(tiny_student)
    model.settings = dataclasses.replace(model.settings, query_length=SHORT)
    vectors = iter([torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [1.0, 1.0]])])
    monkeypatch.setattr(_dense, '_token_vectors', lambda *_: next(vectors))
    assert explain_dense(model, 'slow ice', Passage('d', 'sea wave')) == {
        'score': 1.5,
        'query': [{'token': 'slow', 'contribution': 1.0}, {'token': 'ice', 'contribution': 0.5}],
        'passage': [{'token': 'sea', 'contribution': 0.75}, {'token': 'wave', 'contribution': 0.75}],
        'pairs': [[0.75, 0.25], [0.0, 0.5]],
    }


def test_a_passage_without_text_scores_nothing(tiny_student, teacher):
    found = explain_dense(student.load(tiny_student), 'ice', Passage('d', ''))
    assert (found['score'], found['passage']) == (0.0, [])
    found = explain_maxsim(teacher, 'ice', Passage('d', ''))
    assert (found['score'], found['query']) == (-1e4, [])


@pytest.fixture(scope='module')
def teacher(tiny_bert):
    torch.manual_seed(3)
    return colbert.new(tiny_bert, dimension=8).eval()


V2 = TokenContract(separator=True, attend_to_masks=False, dropped=0, skip_punctuation=True)


@pytest.mark.parametrize(
    'settings',
    [
        colbert.Settings(),
        colbert.Settings(contract=V2, normalize_queries=True),
        colbert.Settings(padding_score=-15.0),
        colbert.Settings(padding_score=0.5),
    ],
)
def test_an_alignment_adds_up_to_maxsim(teacher, settings):
    """0.5 for padding is above some similarities: those query tokens have no passage token."""
    model = colbert.ColBert(teacher.bert, teacher.linear, teacher.tokenizer, settings)
    passages = [PASSAGES['d1'], Passage('p', 'a fault, (slow) ice!')]
    with torch.no_grad():
        scores = [model(['slow ice?'], [passage]).item() for passage in passages]
    for passage, score in zip(passages, scores, strict=True):
        found = explain_maxsim(model, 'slow ice?', passage)
        assert found['score'] == pytest.approx(score, abs=1e-5)
        assert total(found['query']) == pytest.approx(score, abs=1e-5)
        padded = sum(entry['contribution'] for entry in found['query'] if entry['best'] is None)
        assert total(found['passage']) + padded == pytest.approx(score, abs=1e-5)
    assert any(entry['best'] is None for entry in found['query']) == (settings.padding_score == 0.5)
    assert ('(' in [entry['token'] for entry in found['passage']]) != settings.contract.skip_punctuation


def test_an_alignment_by_hand(teacher, monkeypatch):
    """The first query token is most similar to the second passage token, the second to the first: 2 + 4."""
    contract = TokenContract(query_length=SHORT)
    model = colbert.ColBert(teacher.bert, teacher.linear, teacher.tokenizer, colbert.Settings(contract=contract))
    counted = torch.tensor([[False] * 4 + [True] * 2])

    def vectors(*rows):
        return colbert.TokenVectors(torch.tensor([[[9.0, 9.0]] * 4 + [list(row) for row in rows]]), counted)

    monkeypatch.setattr(model, 'encode_queries', lambda _: vectors((1, 0), (0, 2)))
    monkeypatch.setattr(model, 'encode_passages', lambda _: vectors((1, 2), (2, -1)))
    assert explain_maxsim(model, 'slow ice', Passage('d', 'sea wave')) == {
        'score': 6.0,
        'query': [
            {'token': 'slow', 'best': 'wave', 'position': 1, 'contribution': 2.0},
            {'token': 'ice', 'best': 'sea', 'position': 0, 'contribution': 4.0},
        ],
        'passage': [{'token': 'sea', 'contribution': 4.0}, {'token': 'wave', 'contribution': 2.0}],
        'pairs': [[1.0, 2.0], [4.0, -2.0]],
    }


BM25 = """
import contextlib, io, json, sys
from pathlib import Path
from pyserini_tct.explain import explain_bm25
from pyserini_tct.explain.__main__ import main
from pyserini_tct.index.lucene import build_bm25
from pyserini_tct.search.lucene import BM25Searcher
corpus, student = sys.argv[1:]
build_bm25(corpus, Path('bm25'))
searcher, found = BM25Searcher('bm25', 1.2, 0.5), []
for query in ('slow slow ice', 'what does move', 'unheard'):
    for hit in searcher.search(query, 6):
        found.append([hit.score, explain_bm25(searcher, query, hit.docid)])
usual = explain_bm25(BM25Searcher('bm25'), 'lobster zebra', 'd2')
words = ['slow ice', 'd1', '--bm25', 'bm25', '--encoder', student, '--corpus', corpus, '--alpha', '0.5']
out = io.StringIO()
with contextlib.redirect_stdout(out):
    main([*words, '--format', 'json', '--html', 'page.html'])
with contextlib.redirect_stdout(io.StringIO()) as text:
    main([*words, '--top', '3'])
    main(['lobster', 'd2', '--bm25', 'bm25'])
try:
    main(['ice', 'd9', '--bm25', 'bm25'])
except Exception as error:
    sentence = str(error)
print(json.dumps([found, usual, json.loads(out.getvalue()), text.getvalue(), sentence]))
"""


@pytest.fixture(scope='module')
def by_lucene(tiny_student, tmp_path_factory):
    folder = tmp_path_factory.mktemp('explained')
    corpus = write_corpus(folder / 'corpus.jsonl', TEXTS)
    done = subprocess.run(
        [sys.executable, '-c', BM25, str(corpus), str(tiny_student)],
        cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_bm25_terms_add_up_to_the_searchers_score(by_lucene):
    found = by_lucene[1][0]
    assert len(found) >= 3
    for score, explained in found:
        assert explained['score'] == total(explained['query']) == pytest.approx(score, abs=1e-4)
    (slow,) = [e for e in found[0][1]['query'] if e['token'] == 'slow']
    assert slow['count'] == 2


def test_bm25_by_hand(by_lucene):
    """One of 6 passages has the word, once; it has 3 of the 22 words that are no stop words."""
    idf, tf = math.log(1 + 5.5 / 1.5), 1 / (1 + 0.9 * (1 - 0.4 + 0.4 * 3 / (22 / 6)))
    lobster, zebra = by_lucene[1][1]['query']
    assert lobster == {
        'token': 'lobster', 'count': 1, 'documents': 1, 'idf': pytest.approx(idf),
        'tf': pytest.approx(tf, abs=1e-5), 'contribution': pytest.approx(idf * tf, abs=1e-5),
    }  # fmt: skip
    assert zebra == {'token': 'zebra', 'count': 1, 'documents': 0, 'idf': None, 'tf': 0.0, 'contribution': 0.0}


def test_the_command_explains_the_hybrid(by_lucene):
    folder, (_, _, found, text, sentence) = by_lucene
    parts = found['parts']
    assert parts['hybrid']['score'] == pytest.approx(parts['dense']['score'] + 0.5 * parts['bm25']['score'])
    assert found['text'] == TEXTS['d1']
    assert f'hybrid: {parts["hybrid"]["score"]:.6f}, dense + 0.5 * BM25' in text
    assert re.search(r'^29 others +-?\d+\.\d{4}$', text, re.MULTILINE)  # of 32 query tokens
    page = (folder / 'page.html').read_text()
    assert page.count('class="heat"') == 3
    assert 'glacier</span>' in page
    assert not re.search(r'(?:src|href)=', page)
    assert sentence == 'bm25 has no passage d9: check the docid, or name its index'


def test_the_command_with_teacher_and_index(teacher, tiny_student, tiny_index, tmp_path, capsys):
    teacher.save(tmp_path / 'colbert')
    words = ['slow ice', 'd1', '--index', tiny_index, '--encoder', tiny_student, '--teacher', tmp_path / 'colbert']
    main([str(word) for word in [*words, '--top', 40]])
    text = capsys.readouterr().out
    with torch.no_grad():
        score = teacher(['slow ice'], [PASSAGES['d1']]).item()
    assert float(re.search(r'^MaxSim \(teacher\): (\S+)', text, re.MULTILINE)[1]) == pytest.approx(score, abs=1e-5)
    assert re.search(r'^ice +\S+ \[\d+\] +-?\d', text, re.MULTILINE)
    assert 'dot product (student)' in text


def test_a_passage_without_text_is_told(tiny_student, tmp_path, capsys):
    corpus = write_corpus(tmp_path / 'corpus.jsonl', {'d1': ''})
    main(['ice', 'd1', '--corpus', str(corpus), '--encoder', str(tiny_student)])
    assert 'note: the passage d1 has no text' in capsys.readouterr().err


def test_what_cannot_be_explained(tiny_student, other_students, tiny_index, corpus, tmp_path, capsys):
    """One sentence each, and no page."""
    page = ['--html', tmp_path / 'page.html']
    for words, sentence in (
        ((), 'nothing to explain: give --teacher'),
        (('--encoder', tiny_student), 'give --corpus CORPUS or --index INDEX'),
        (('--encoder', tiny_student, '--corpus', corpus, '--alpha', 1), '--alpha is for the hybrid'),
        (('--encoder', tiny_student, '--corpus', corpus, '--k1', 1), '--k1 and --b are for --bm25'),
        (('--encoder', tiny_student, '--index', tiny_index, '--fields', 'text'), '--fields is for --corpus'),
        (('--encoder', tiny_student, '--corpus', corpus), f'{corpus} has no passage d9'),
        (('--encoder', tiny_student, '--index', tiny_index), f'{tiny_index} has no passage d9'),
        (('--encoder', other_students / 'tct_colbert-weights', '--index', tiny_index), 'made with another encoder'),
    ):
        assert sentence in fails(main, 'ice', 'd9', *words, *page, capsys=capsys)
    assert 'the query is blank' in fails(main, ' ', 'd1', '--bm25', 'x', capsys=capsys)
    assert not (tmp_path / 'page.html').exists()
