# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names of `prebuilt` in stock Pyserini: its classes and its commands find what was added or fetched here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TOPICS, clean_environment, command

from pyserini_tct.encode.query import encode_queries
from pyserini_tct.prebuilt import __main__ as cli
from pyserini_tct.runs import read_run
from pyserini_tct.search.faiss import FaissSearcher


@pytest.fixture
def named(prebuilt_folders, tiny_index, tiny_student, bm25_index, topics, tmp_path) -> dict[str, str]:
    """The six passages' indexes, student and queries under names."""
    encode_queries(topics, str(tiny_student), tmp_path / 'queries')
    done = command('pyserini_tct.prebuilt', 'add', 'six-bm25', bm25_index, **prebuilt_folders)  # it starts a JVM
    assert done.stdout == 'six-bm25: BM25 index, 6 documents\n', done.stderr
    for words in (
        ['add', 'tct_colbert-six', tiny_student],
        ['add', 'six.tct_colbert', tiny_index, '--texts', 'six-bm25', '--encoder', 'tct_colbert-six'],
        ['add', 'tct_colbert-six-topics', tmp_path / 'queries.npy'],
    ):
        cli.main([str(word) for word in words])
    return prebuilt_folders


def test_stock_classes_know_our_names(named, tiny_index, tiny_student):
    query = TOPICS['8']
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name('names_worker.py')),
            *(query, 'six.tct_colbert', 'six-bm25', 'tct_colbert-six-topics'),
        ],
        env=clean_environment(**named),
        text=True,
        capture_output=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['elsewhere'] == [], 'stock Pyserini looks for these in another folder, and would download them again'
    ours = FaissSearcher(tiny_index, str(tiny_student)).search(query, 3)
    assert [docid for docid, _ in found['dense']] == [hit.docid for hit in ours]
    assert [score for _, score in found['dense']] == pytest.approx([hit.score for hit in ours], abs=1e-4)
    assert found['sparse'][0][0] == 'd2'
    assert json.loads(found['text'])['id'] == ours[0].docid


@pytest.mark.parametrize('flags', [['--stock'], []], ids=['stock classes', 'our classes'])
def test_unmodified_command_takes_our_names(flags, named, topics, tmp_path):
    words = ['--index', 'six.tct_colbert', '--encoder', 'tct_colbert-six', '--topics', topics, '--hits', 6]
    stock = ['pyserini_tct', 'run', *flags, 'pyserini.search.faiss', *words, '--output', 'stock.trec']
    for line in (stock, ['pyserini_tct.search.faiss', *words, '--output', 'ours.trec']):
        done = command(*line, cwd=tmp_path, **named)
        assert done.returncode == 0, done.stderr[-2000:]
    expected, found = read_run(tmp_path / 'stock.trec'), read_run(tmp_path / 'ours.trec')
    for theirs, mine in zip(expected.values(), found.values(), strict=True):
        assert list(theirs) == list(mine)
        assert list(theirs.values()) == pytest.approx(list(mine.values()), abs=1e-4)


def test_run_fetches_what_a_command_names(prebuilt_folders, topics, tmp_path):
    """`pocket` is made on this machine before Pyserini is asked for it."""
    words = ['--index', 'pocket', '--topics', topics, '--bm25', '--output', 'run', '--hits', 5]
    done = command('pyserini_tct', 'run', 'pyserini.search.lucene', *words, cwd=tmp_path, **prebuilt_folders)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'making pocket' in done.stderr
    assert read_run(tmp_path / 'run')
