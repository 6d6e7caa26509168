# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Sides that Lucene searches, against Pyserini's own classes on the same indexes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TEXTS, TOPICS, clean_environment, command
from test_index_kinds import make_store

from pyserini_tct._errors import TctError
from pyserini_tct.fusion import interpolate
from pyserini_tct.index._lucene_vectors import _warn_of_negatives
from pyserini_tct.index.info import SEED
from pyserini_tct.index.lucene import main as index_lucene
from pyserini_tct.runs import read_run, write_run
from pyserini_tct.search.lucene.__main__ import main


@pytest.fixture(scope='module')
def lucene(tiny_student, tiny_index, tmp_path_factory):
    """The folder with an index of every kind, and what both sides found in them."""
    out = tmp_path_factory.mktemp('lucene')
    job = {'texts': TEXTS, 'topics': TOPICS, 'student': str(tiny_student), 'faiss': str(tiny_index)}
    (out / 'job.json').write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name('hybrid_worker.py')), str(out / 'job.json'), str(out)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return out, json.loads((out / 'results.json').read_text())


@pytest.mark.parametrize('name', ['bm25', 'qld', 'rm3', 'rocchio', 'negative', 'language', 'impact', 'flat'])
def test_flags_that_stock_hybrid_ignores_do_what_its_search_does(lucene, name):
    """rm3, rocchio and qld are parsed by Pyserini's hybrid command and then have no effect."""
    _, found = lucene
    for query, expected in found['stock'][name].items():
        mine = found['ours'][name][query]
        assert dict(map(tuple, mine)) == pytest.approx(dict(map(tuple, expected)), abs=1e-5)
    assert any(found['ours'][name].values())


def test_every_scoring_is_another_one(lucene):
    _, found = lucene
    names = ('bm25', 'qld', 'rm3', 'rocchio')
    assert len({json.dumps(found['ours'][name]) for name in names}) == len(names)


def test_feedback_needs_vectors_or_texts(lucene):
    """Pyserini refuses an index without document vectors; Anserini can count the words of stored texts."""
    _, found = lucene
    assert found['rm3 from stored text'] == {
        query: [[docid, pytest.approx(score, abs=1e-4)] for docid, score in hits]
        for query, hits in found['ours']['rm3'].items()
    }
    assert found['slim'].startswith('TctError: ')
    assert '-storeDocvectors or -storeRaw' in found['slim']


@pytest.mark.parametrize('kind', ['flat', 'hnsw'])
def test_lucene_vectors_give_the_scores_of_faiss(lucene, kind):
    """6 hits although efSearch is 2, and inner products, not (1 + product) / 2: alpha means the same."""
    _, found = lucene
    for query, expected in found['faiss'].items():
        assert dict(map(tuple, found[kind][query])) == pytest.approx(dict(map(tuple, expected)), abs=2e-4)


def test_both_sides_at_once_give_what_one_after_the_other_gives(lucene):
    assert lucene[1]['concurrent'] == [True] * 5


def test_the_command_with_lucene_on_both_sides(lucene, tiny_student, topics, tmp_path):
    folder, found = lucene
    done = command(
        'pyserini_tct.search.hybrid',
        *('dense', '--lucene', '--index', folder / 'hnsw', '--encoder', tiny_student, '--hits', 5),
        *('sparse', '--index', folder / 'raw', '--rm3', '--hits', 4),
        *('fusion', '--alpha', 0.3, 'run', '--topics', topics, '--output', 'run', '--hits', 6),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert 'with rm3, language en' in done.stdout
    run = read_run(tmp_path / 'run')
    for qid, query in TOPICS.items():
        dense, sparse = dict(map(tuple, found['hnsw'][query][:5])), dict(map(tuple, found['ours']['rm3'][query][:4]))
        expected = {hit.docid: hit.score for hit in interpolate(dense, sparse, 0.3, 6)}
        assert run[qid] == pytest.approx(expected, abs=1e-3)


def test_search_lucene_honours_every_flag(lucene, topics, tmp_path):
    """The command of one side does what Pyserini's classes do, and refuses what has no effect."""
    folder, found = lucene
    words = ['pyserini_tct.search.lucene', '--index', folder / 'docvectors', '--topics', topics, '--hits', 6]
    done = command(*words, '--rocchio', '--rocchio-use-negative', '--output', 'run', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'with rocchio, language en' in done.stdout
    assert (tmp_path / 'run').read_text().split()[5] == 'bm25+rocchio'
    for qid, query in TOPICS.items():
        expected = dict(map(tuple, found['stock']['negative'][query]))
        assert read_run(tmp_path / 'run').get(qid, {}) == pytest.approx(expected, abs=1e-4)
    for flags, sentence in (
        (['--rm3', '--rocchio'], 'two kinds of feedback'),
        (['--rocchio-use-negative'], 'without --rocchio has no use'),
        (['--qld', '--k1', '1'], '--qld has no use for --k1'),
    ):
        with pytest.raises(TctError, match=sentence):
            main([*map(str, words[1:]), *flags, '--output', str(tmp_path / 'new')])


def test_the_command_with_impact_scores_and_a_ready_run(lucene, topics, tmp_path):
    folder, found = lucene
    write_run(tmp_path / 'dense.trec', {qid: {'d1': 2.0, 'd2': 1.0} for qid in TOPICS})
    words = ['dense', '--run', 'dense.trec', 'sparse', '--index', folder / 'impact', '--impact']
    run = ['fusion', '--alpha', '1', 'run', '--topics', topics, '--output', 'run']
    done = command('pyserini_tct.search.hybrid', *words, *run, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for qid, query in TOPICS.items():
        sparse = dict(map(tuple, found['ours']['impact'][query]))
        expected = {hit.docid: hit.score for hit in interpolate({'d1': 2.0, 'd2': 1.0}, sparse, 1.0)}
        assert read_run(tmp_path / 'run')[qid] == pytest.approx(expected, abs=1e-4)
    (tmp_path / 'queries.jsonl').write_text(json.dumps({'contents': 'slow ice', 'vector': {'ice': 3}}) + '\n')
    for encoder, sentence in (
        ('queries.jsonl', 'is not among the encoded queries'),
        ('some-bert', 'some-bert is neither a file of encoded queries nor an encoder'),
    ):
        done = command('pyserini_tct.search.hybrid', *words, '--encoder', encoder, *run, '--overwrite', cwd=tmp_path)
        assert done.returncode == 2
        assert sentence in done.stderr.splitlines()[-1]


def test_dense_search_of_lucene_vectors(lucene, tiny_index, tiny_student, topics, tmp_path):
    """From our vectors to a run by the commands alone; more hits than candidates raise the candidates, and say so."""
    folder, found = lucene
    manifest = json.loads((folder / 'hnsw.manifest.json').read_text())
    assert manifest.items() >= {'kind': 'lucene-vectors', 'type': 'hnsw', 'm': 8, 'ef_construction': 50}.items()
    assert (manifest['count'], manifest['dimension']) == (6, 32)
    words = ['--dense', '--index', folder / 'hnsw', '--encoder', tiny_student, '--topics', topics, '--hits', 101]
    done = command('pyserini_tct.search.lucene', *words, '--output', 'run', '--profile', cwd=tmp_path)
    assert [line.split()[0] for line in done.stdout.splitlines()[-4:]] == ['load', 'encode', 'search', 'write']
    assert done.returncode == 0, done.stderr
    assert 'note: 101 hits need as many candidates: --ef-search is 101, not 100' in done.stderr
    for qid, query in TOPICS.items():
        assert read_run(tmp_path / 'run')[qid] == pytest.approx(dict(map(tuple, found['faiss'][query])), abs=1e-3)
    for wrong, sentence in (
        ([*words, '--k1', '1'], '--dense has no use for --k1'),
        (words[1:], 'search without --dense has no use for --encoder'),
        ([*words[:3], *words[5:]], '--encoder .or --encoded-queries. is missing'),
    ):
        with pytest.raises(TctError, match=sentence):
            main([*map(str, wrong), '--output', str(tmp_path / 'new')])
    store = str(tiny_index.with_name('vectors'))
    for wrong, sentence in (
        (['--input', store], 'give --corpus CORPUS for BM25, or --dense flat or hnsw'),
        (['--dense', 'flat', '--input', store, '--M', '4'], '--M and --efC are for --dense hnsw'),
        (['--dense', 'flat', '--input', store, '--fields', 'text'], 'are for a corpus'),
    ):
        with pytest.raises(TctError, match=sentence):
            index_lucene([*wrong, '--index', str(tmp_path / 'new')])
    assert sorted(file.name for file in tmp_path.iterdir()) == ['run', 'topics.tsv']


@pytest.mark.parametrize(
    ('name', 'sentence'),
    [
        ('dimension', 'hnsw has vectors of dimension 32, the queries have 16: give the encoder that made it'),
        ('texts', 'raw holds no dense vectors: name one of `index.lucene --dense`'),
        ('short', 'short is damaged or no index of Lucene ('),
        ('short, info', 'short is damaged or no index of Lucene ('),
        ('changed, info', 'changed is damaged or no index of Lucene ('),
    ],
)
def test_an_unfit_lucene_index_is_refused(lucene, name, sentence):
    """Anserini prints what a query threw and returns no hits: queries of another dimension made empty runs."""
    assert lucene[1]['refused'][name].startswith(f'TctError: {sentence}')


def test_info_of_an_index_that_anserini_made(lucene):
    """Nothing of it is in a manifest of ours: Lucene counts."""
    done = command('pyserini_tct.index.info', lucene[0] / 'raw')
    assert 'Lucene index without a manifest' in done.stdout
    assert 'passages   6, ' in done.stdout


def test_products_that_lucene_does_not_score_are_told(capsys):
    _warn_of_negatives(np.array([[1.0, 0.5], [-3.0, 0.0]], np.float32))
    assert 'inner products down to -3.0' in capsys.readouterr().err
    _warn_of_negatives(np.array([[1.0, 0.5], [-0.5, 0.0]], np.float32))
    assert capsys.readouterr().err == ''


def test_recall_of_lucene_vectors_by_hand(tmp_path):
    """The vectors that it is compared with are other ones of the same docids: what is missed is known."""
    vectors = np.random.default_rng(3).standard_normal((400, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # Lucene tells no products below -1 apart
    store, others = make_store(tmp_path / 'vectors', vectors), make_store(tmp_path / 'others', vectors[::-1] + vectors)
    command('pyserini_tct.index.lucene', '--dense', 'flat', '--input', store, '--index', tmp_path / 'index')
    own = command('pyserini_tct.index.info', tmp_path / 'index', '--recall', '--json')
    assert json.loads(own.stdout)['recall'] == {'10': 1.0, '100': 1.0, '400': 1.0}
    words = ('--vectors', others, '--sample', 30, '--json')
    refused = command('pyserini_tct.index.info', tmp_path / 'index', *words)
    assert 'have different checksums: name the vectors that it was made from' in refused.stderr
    described = tmp_path / 'index.manifest.json'
    described.write_text(json.dumps({**json.loads(described.read_text()), 'inputs': []}))
    found = json.loads(command('pyserini_tct.index.info', tmp_path / 'index', *words).stdout)
    queries = (vectors[::-1] + vectors)[np.sort(np.random.default_rng(SEED).choice(400, 30, replace=False))]
    lists = [np.argsort(-queries @ some.T, axis=1)[:, :10].tolist() for some in (vectors, vectors[::-1] + vectors)]
    by_hand = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*lists, strict=True)])
    assert found['recall']['10'] == pytest.approx(by_hand)
    assert 0.1 < by_hand < 0.95
    few = make_store(tmp_path / 'few', vectors[:9])
    failed = command('pyserini_tct.index.info', tmp_path / 'index', '--vectors', few)
    assert 'name the vectors that it was made from' in failed.stderr
    assert 'Traceback' not in failed.stderr
