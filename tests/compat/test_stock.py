# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ours equals stock Pyserini: vectors, BM25, dense search, fusion, and its unmodified commands on our artefacts."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import POCKET, TEXTS, TOPICS, clean_environment, command, write_corpus

from pyserini_tct.collection import read_corpus
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.fusion import interpolate
from pyserini_tct.models import student
from pyserini_tct.runs import read_run
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.topics import read_topics


def random_lists(seed: int) -> dict:
    """Two overlapping lists without equal scores (stock orders ties by hash)."""
    chance = random.Random(seed)
    docids = [f'd{i}' for i in range(60)]
    return {
        'dense': [(d, chance.uniform(60, 80)) for d in chance.sample(docids, 20)],
        'sparse': [(d, chance.uniform(1, 20)) for d in chance.sample(docids, 30)],
        'alpha': chance.uniform(0, 1),
        'normalization': bool(seed % 2),
        'weight_on_dense': seed % 4 > 1,
    }


@pytest.fixture(scope='session')
def bm25_index(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('bm25')
    corpus = write_corpus(folder / 'corpus.jsonl', TEXTS)
    done = command('pyserini_tct.index.lucene', '--corpus', corpus, '--index', folder / 'index')
    assert done.returncode == 0, done.stderr
    return folder / 'index'


@pytest.fixture(scope='session')
def stock(tiny_student, tiny_index, bm25_index, minilm, tmp_path_factory):
    """What Pyserini's own classes give, computed once in a process of their own."""
    out = tmp_path_factory.mktemp('stock')
    texts = [*[passage.text for passage in read_corpus(POCKET / 'corpus.jsonl')][:24], '', 'naïve café 東京 🌋']
    student.load(minilm).save(out / 'tct_colbert-minilm')
    job = {
        'models': {'tiny': str(tiny_student), 'minilm': str(out / 'tct_colbert-minilm')},
        'texts': texts,
        'titles': [f'Title {i}' for i in range(len(texts))],
        'queries': [
            *TOPICS.values(),
            *list(read_topics(POCKET / 'queries.dev.tsv').values())[:12],
            'naïve café',
            'x ' * 80,
        ],
        'bm25': str(bm25_index),
        'faiss': str(tiny_index),
        'faiss_encoder': str(tiny_student),
        'lists': [random_lists(seed) for seed in range(8)],
    }
    (out / 'job.json').write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name('stock_worker.py')), str(out / 'job.json'), str(out)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {'job': job, 'out': out, **json.loads((out / 'results.json').read_text())}


@pytest.mark.parametrize('name', ['tiny', 'minilm'])
def test_vectors_equal_stock(stock, name):
    """A difference in a prefix, the padding or the pooling would only show as slightly worse scores."""
    job, folder = stock['job'], stock['job']['models'][name]
    documents = TctColBertDocumentEncoder(folder, device='cpu', batch_size=5)
    queries = TctColBertQueryEncoder(folder)
    for kind, ours in (
        ('texts', documents.encode(job['texts'])),
        ('titled', documents.encode(job['texts'], titles=job['titles'])),
        ('queries', queries.encode_batch(job['queries'])),
    ):
        assert np.abs(ours - np.load(stock['out'] / f'{name}.{kind}.npy')).max() <= 1e-5, kind


def test_dense_search_equals_stock(stock):
    searcher = FaissSearcher(stock['job']['faiss'], stock['job']['faiss_encoder'])
    for query, expected in stock['dense'].items():
        found = searcher.search(query, 5)
        assert [hit.score for hit in found] == pytest.approx([score for _, score in expected], abs=1e-4)
        assert {hit.docid for hit in found} == {docid for docid, _ in expected}


def test_fusion_equals_stock(stock):
    for lists, expected in zip(stock['job']['lists'], stock['fused'], strict=True):
        found = interpolate(
            dict(lists['dense']),
            dict(lists['sparse']),
            lists['alpha'],
            50,
            lists['normalization'],
            lists['weight_on_dense'],
        )
        # As a dictionary: what both sides impute can be equal, and stock leaves the order of equal scores to a hash.
        assert {hit.docid: hit.score for hit in found} == pytest.approx(dict(expected), abs=1e-6)
        assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_bm25_equals_stock(stock, bm25_index, tmp_path):
    queries = {str(i): query for i, query in enumerate(stock['job']['queries'])}
    (tmp_path / 'topics.tsv').write_text(
        ''.join(f'{qid}\t{query.strip()}\n' for qid, query in queries.items()), encoding='utf-8'
    )
    done = command(
        'pyserini_tct.search.lucene',
        '--index',
        bm25_index,
        '--topics',
        tmp_path / 'topics.tsv',
        '--output',
        tmp_path / 'run',
        '--hits',
        10,
    )
    assert done.returncode == 0, done.stderr
    assert 'k1=0.9 b=0.4' in done.stdout
    run = read_run(tmp_path / 'run')
    for qid, query in queries.items():
        assert list(run.get(qid, {}).items()) == [
            (docid, pytest.approx(score, abs=1e-4)) for docid, score in stock['bm25'][query]
        ]


@pytest.mark.parametrize('flags', [['--stock'], []], ids=['stock classes', 'our classes'])
def test_unmodified_search_command_reads_our_artefacts(flags, tiny_index, tiny_student, topics, tmp_path):
    """Pyserini's search.faiss, its code untouched, gives our run from our index and checkpoint."""
    done = command(
        'pyserini_tct',
        'run',
        *flags,
        'pyserini.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--encoder-class',
        'tct_colbert',
        '--topics',
        topics,
        '--output',
        'stock.trec',
        '--hits',
        6,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours = command(
        'pyserini_tct.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--topics',
        topics,
        '--output',
        'ours.trec',
        '--hits',
        6,
        cwd=tmp_path,
    )
    assert ours.returncode == 0, ours.stderr
    expected, found = read_run(tmp_path / 'stock.trec'), read_run(tmp_path / 'ours.trec')
    # Pyserini turns the id 007 into the number 7.
    assert list(expected) == ['7', '8', '9']
    assert list(found) == ['007', '8', '9']
    for theirs, mine in zip(expected.values(), found.values(), strict=True):
        assert list(theirs) == list(mine)
        assert list(theirs.values()) == pytest.approx(list(mine.values()), abs=1e-4)


def test_hybrid_command_equals_its_parts(tiny_index, tiny_student, bm25_index, topics, tmp_path):
    dense = ['--index', tiny_index, '--encoder', tiny_student]
    run = ['--topics', topics, '--hits', 6]
    for words in (
        ['search.faiss', *dense, *run, '--output', 'd'],
        ['search.lucene', '--index', bm25_index, *run, '--output', 's'],
        [
            'search.hybrid',
            'dense',
            *dense,
            'sparse',
            '--index',
            bm25_index,
            'fusion',
            '--alpha',
            '0.3',
            'run',
            *run,
            '--output',
            'run',
        ],
    ):
        done = command(f'pyserini_tct.{words[0]}', *words[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    d, s, h = (read_run(tmp_path / name) for name in ('d', 's', 'run'))
    for qid in h:
        expected = interpolate(d[qid], s.get(qid, {}), 0.3)
        assert list(h[qid]) == [hit.docid for hit in expected]
        assert list(h[qid].values()) == pytest.approx([hit.score for hit in expected], abs=2e-6)


@pytest.mark.parametrize(
    ('module', 'flags'),
    [
        (
            'pyserini_tct.search.faiss',
            ['--encoder', 'castorini/tct_colbert-v2-hnp-msmarco', '--index', 'msmarco-v1-passage.tct_colbert-v2-hnp'],
        ),
        ('pyserini_tct.search.lucene', ['--index', 'msmarco-v1-passage']),
        ('pyserini_tct.search.lucene', ['--index', 'no-such-index']),
    ],
)
def test_published_names_fail_clearly_without_a_network(module, flags, topics, tmp_path):
    """Stock prints a line and exits with 0, so a script goes on with no run."""
    proxy = 'http://127.0.0.1:9'
    done = command(
        module,
        *flags,
        '--topics',
        topics,
        '--output',
        tmp_path / 'run',
        PYSERINI_CACHE=str(tmp_path / 'cache'),
        HTTPS_PROXY=proxy,
        HTTP_PROXY=proxy,
        https_proxy=proxy,
        http_proxy=proxy,
    )
    assert done.returncode == 2
    assert sum(line.startswith('error: ') for line in done.stderr.splitlines()) == 1, done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'run').exists()


def test_topics_that_are_no_file_and_no_name(tiny_index, tiny_student, tmp_path):
    done = command(
        'pyserini_tct.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--topics',
        'nope.tsv',
        '--output',
        tmp_path / 'run',
    )
    assert done.returncode == 2
    assert 'nope.tsv is no file here' in done.stderr.splitlines()[-1]
