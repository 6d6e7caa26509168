# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Feedback by Pyserini's own commands, their code untouched, and by ours: RM3 over BM25, Rocchio over vectors."""

import pytest
from conftest import TEXTS, command, write_corpus

from pyserini_tct.runs import read_run


def equal(words, module, flags, tmp_path):
    """Run both commands; the runs are equal but for the id 007, which Pyserini turns into the number 7."""
    words = [*map(str, words), *flags, '--hits', '6', '--output']
    stock = command('pyserini_tct', 'run', f'pyserini.{module}', *words, 'stock', cwd=tmp_path)
    assert stock.returncode == 0, stock.stderr[-2000:]
    ours = command(f'pyserini_tct.{module}', *words, 'ours', cwd=tmp_path)
    assert ours.returncode == 0, ours.stderr
    expected = {qid.zfill(3): hits for qid, hits in read_run(tmp_path / 'stock').items()}
    found = {qid.zfill(3): hits for qid, hits in read_run(tmp_path / 'ours').items()}
    assert found.keys() == expected.keys()
    for qid, hits in found.items():
        assert hits == pytest.approx(expected[qid], abs=1e-4)


def test_rm3(topics, tmp_path):
    """Stock needs document vectors, which --storeDocvectors gives it."""
    corpus = write_corpus(tmp_path / 'corpus.jsonl', TEXTS)
    done = command('pyserini_tct.index.lucene', '--corpus', corpus, '--index', tmp_path / 'index', '--storeDocvectors')
    assert done.returncode == 0, done.stderr
    words = ['--index', tmp_path / 'index', '--topics', topics]
    equal(words, 'search.lucene', ['--rm3'], tmp_path)


def test_vector_rocchio_and_best_passages(tiny_index, tiny_student, topics, tmp_path):
    """The delimiter cuts d5 to d, as if it were a passage of that document."""
    words = ['--index', tiny_index, '--encoder', tiny_student, '--encoder-class', 'tct_colbert', '--topics', topics]
    flags = ['--prf-depth', '3', '--prf-method', 'rocchio', '--rocchio-alpha', '0.4', '--rocchio-bottomk', '1']
    best = ['--max-passage', '--max-passage-hits', '2', '--max-passage-delimiter', '5']
    equal(words, 'search.faiss', [*flags, *best], tmp_path)
    assert all(len(hits) == 2 for hits in read_run(tmp_path / 'ours').values())
