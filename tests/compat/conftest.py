# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What stock Pyserini's own classes give on our artefacts, and a BM25 index."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import POCKET, TEXTS, TOPICS, clean_environment, command, write_corpus

from pyserini_tct.collection import read_corpus
from pyserini_tct.models import student
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
