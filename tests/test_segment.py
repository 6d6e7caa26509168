# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Long documents: windows of words, and the documents of their best passages."""

import json
from types import SimpleNamespace

import pytest
from conftest import POCKET, TOPICS, fails, write

from pyserini_tct.collection import read_corpus
from pyserini_tct.encode.__main__ import main as encode
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.runs import read_run
from pyserini_tct.search._arguments import best_passages
from pyserini_tct.search.faiss.__main__ import main as search
from pyserini_tct.segment import main, windows


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (0, ['']),
        (1, ['0']),
        (4, ['0 1 2 3']),
        (5, ['0 1 2 3', '2 3 4']),
        (6, ['0 1 2 3', '2 3 4 5']),
        (7, ['0 1 2 3', '2 3 4 5', '4 5 6']),
    ],
)
def test_windows_by_hand(words, expected):
    """Four words, every second: no window lies wholly inside the one before."""
    assert list(windows(' '.join(map(str, range(words))), 4, 2)) == expected


def test_every_word_is_in_a_window():
    for words in range(1, 40):
        for size, stride in ((1, 1), (5, 5), (7, 3), (10, 9)):
            made = list(windows(' '.join(map(str, range(words))), size, stride))
            assert {word for text in made for word in text.split()} == {str(n) for n in range(words)}
            assert len(made[-1].split()) > size - stride or len(made) == 1


def test_the_command_keeps_titles_and_spacing(tmp_path, capsys):
    rows = [{'_id': '007', 'title': 'Ice', 'text': 'a b\nc  d e'}, {'_id': 'x', 'title': '', 'text': ''}]
    corpus = write(tmp_path / 'c.jsonl.gz', ''.join(json.dumps(row) + '\n' for row in rows))
    main(['--corpus', str(corpus), '--output', str(tmp_path / 'p.jsonl'), '--window', '3', '--stride', '2'])
    assert [tuple(passage) for passage in read_corpus(tmp_path / 'p.jsonl')] == [
        ('007#0', 'Ice\na b\nc', ''),
        ('007#1', 'Ice\nc  d e', ''),
        ('x#0', '', ''),
    ]
    assert capsys.readouterr().out.endswith('p.jsonl: 2 documents, 3 passages\n')
    words = ['--corpus', corpus, '--output', tmp_path / 'q.jsonl']
    assert 'leaves out words' in fails(main, *words, '--window', 3, '--stride', 4, capsys=capsys)
    assert 'white space' in fails(main, *words, '--delimiter', ' ', capsys=capsys)
    assert "the docid 007 holds '0'" in fails(main, *words, '--delimiter', '0', capsys=capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['c.jsonl.gz', 'p.jsonl', 'p.jsonl.manifest.json']


def test_best_passages():
    hits = [SimpleNamespace(docid=docid, score=score) for docid, score in (('a#1', 3), ('b#0', 2), ('a#0', 1))]
    assert best_passages(hits, '#', 9) == {'a': 3, 'b': 2}
    assert best_passages(hits, '#', 1) == {'a': 3}
    assert best_passages(hits, '', 9) == {'a#1': 3, 'b#0': 2, 'a#0': 1}


def test_from_documents_to_documents(tiny_student, topics, tmp_path):
    """Each document has the score of its best window, which is that of a search without --max-passage."""
    documents = [json.loads(line) for line in (POCKET / 'corpus.jsonl').read_text().splitlines()[:12]]
    corpus = write(tmp_path / 'c.jsonl', ''.join(json.dumps(row) + '\n' for row in documents))
    main(['--corpus', str(corpus), '--output', str(tmp_path / 'p.jsonl'), '--window', '16'])
    words = ['input', '--corpus', tmp_path / 'p.jsonl', 'output', '--embeddings', tmp_path / 'vectors']
    encode([str(word) for word in [*words, 'encoder', '--encoder', tiny_student, '--device', 'cpu']])
    build_flat(tmp_path / 'vectors', tmp_path / 'index')
    words = ['--index', str(tmp_path / 'index'), '--encoder', str(tiny_student), '--topics', str(topics)]
    search([*words, '--output', str(tmp_path / 'passages')])
    search([*words, '--output', str(tmp_path / 'documents'), '--max-passage', '--max-passage-hits', '5'])
    passages, found = read_run(tmp_path / 'passages'), read_run(tmp_path / 'documents')
    assert list(found) == list(TOPICS)
    for qid, scores in found.items():
        best: dict[str, float] = {}
        for docid, score in passages[qid].items():
            best[docid.split('#')[0]] = max(score, best.get(docid.split('#')[0], score))
        assert len(passages[qid]) > len(best) == 12
        assert scores == pytest.approx(dict(sorted(best.items(), key=lambda pair: -pair[1])[:5]), abs=2e-6)
