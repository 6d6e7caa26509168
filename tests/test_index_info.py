# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What an index is, in text and JSON, and its recall against exact search."""

import json

import numpy as np
import pytest
from conftest import fails
from test_index_kinds import build, make_store

from pyserini_tct.index import info


@pytest.fixture(scope='module')
def vectors():
    return np.random.default_rng(3).standard_normal((400, 16)).astype(np.float32)


@pytest.fixture(scope='module')
def store(vectors, tmp_path_factory):
    return make_store(tmp_path_factory.mktemp('info') / 'vectors', vectors)


def of(*words, capsys):
    info.main([str(word) for word in words])
    return capsys.readouterr().out


def test_a_flat_index_in_text_and_json(store, capsys):
    build(store, store.parent / 'flat')
    capsys.readouterr()
    text = of(store.parent / 'flat', '--recall', capsys=capsys)
    assert 'flat (Flat)' in text
    assert 'passages   400, dimension 16, 25645 bytes, 64.1 bytes a passage' in text  # 400 * 16 * 4, and the head
    assert 'made from  vectors.manifest.json' in text
    assert 'recall     @10 1.0000, @100 1.0000, @400 1.0000, of exact search; 100 queries' in text
    found = json.loads(of(store.parent / 'flat', '--json', '--output', store.parent / 'info', capsys=capsys))
    assert (found['docids'], found['class'], found['texts'], found['parameters']) == (400, 'IndexFlatIP', True, {})
    assert 'recall' not in found
    assert json.loads((store.parent / 'info').read_text()) == found


def test_recall_by_hand(store, vectors, capsys):
    """One cell of eight is visited: what lies in the others is missed."""
    build(store, store.parent / 'ivf', '--type', 'ivf', '--nlist', 8, '--nprobe', 1)
    capsys.readouterr()
    found = json.loads(of(store.parent / 'ivf', '--recall', '--sample', 30, '--json', capsys=capsys))
    assert found['parameters'] == {'nlist': 8, 'nprobe': 1}
    index, _ = info_index(store.parent / 'ivf')
    queries = vectors[np.sort(np.random.default_rng(info.SEED).choice(400, 30, replace=False))]
    for depth in (10, 100):
        rows = index.search(queries, depth)[1]
        best = np.argsort(-queries @ vectors.T, axis=1)[:, :depth]
        shares = [len(set(a) & set(b)) / depth for a, b in zip(rows.tolist(), best.tolist(), strict=True)]
        assert found['recall'][str(depth)] == pytest.approx(np.mean(shares))
        assert 0.1 < np.mean(shares) < 0.95


def info_index(folder):
    from pyserini_tct.index._open import load_index

    return load_index(folder)


def test_equal_passages_are_equally_good(vectors, tmp_path, capsys):
    """Which of two equal passages is found at the cut is chance, not a miss."""
    make_store(tmp_path / 'vectors', np.repeat(vectors[:40], 10, axis=0))
    build(tmp_path / 'vectors', tmp_path / 'fp16', '--type', 'fp16')
    assert json.loads(of(tmp_path / 'fp16', '--recall', '--json', capsys=no_output(capsys)))['recall']['10'] == 1


def no_output(capsys):
    capsys.readouterr()
    return capsys


def test_topics_are_encoded(tiny_index, tiny_student, other_students, topics, capsys):
    words = (tiny_index, '--topics', topics, '--encoder')
    found = json.loads(of(*words, tiny_student, '--json', capsys=capsys))
    assert (found['recall'], found['queries'], found['queries_from']) == ({'6': 1.0}, 3, str(topics))
    other = other_students / 'tct_colbert-weights'
    assert 'was made with another encoder' in fails(info.main, *words, other, capsys=capsys)


def test_an_index_of_several_stores(vectors, tmp_path, capsys):
    """Its vectors are all of them, in that order."""
    first, second = make_store(tmp_path / 'a', vectors[:150]), make_store(tmp_path / 'b', vectors[150:], 150)
    build([first, second], tmp_path / 'index')
    words = (tmp_path / 'index', '--recall', '--json')
    for more in ((), ('--vectors', first, second)):
        found = json.loads(of(*words, *more, capsys=no_output(capsys)))
        assert found['recall'] == {'10': 1.0, '100': 1.0, '400': 1.0}
    build([first, second], tmp_path / 'exact')  # of the same vectors
    assert json.loads(of(*words, '--vectors', tmp_path / 'exact', capsys=no_output(capsys)))['recall']['10'] == 1
    for given, message in (((first,), 'has 150 vectors'), ((second, first), 'has other docids than')):
        assert message in fails(info.main, *words, '--vectors', *given, capsys=capsys)
    (tmp_path / 'b.manifest.json').unlink()
    assert 'are not beside it: name them with --vectors' in fails(info.main, *words, capsys=capsys)


def test_vectors_of_another_model_or_run_are_refused(store, vectors, tmp_path, capsys):
    """They have the same docids, and would give a recall."""
    build(store, tmp_path / 'index')
    for name, manifest, message in (
        ('model', {'encoder_sha256': 'f'}, '/model was made by another encoder than '),
        ('backend', {'backend': 'onnx'}, '(backend onnx, torch): name the vectors that it was made from'),
        ('again', {}, 'was made from have different checksums: name the vectors that it was made from'),
    ):
        other = make_store(tmp_path / name, -vectors, **manifest)
        assert message in fails(info.main, tmp_path / 'index', '--vectors', other, capsys=capsys)


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        ([], 'flat (IndexFlatIP)\n'),
        (['--type', 'fp16'], 'fp16 (IndexScalarQuantizer)\n'),
        (['--pq', '--pq-nbits', 6], 'pq (IndexPQ) with --pq-m 4, --pq-nbits 6\n'),
        (['--type', 'opq', '--pq-nbits', 4], 'opq (IndexPreTransform) with --pq-m 4, --pq-nbits 4\n'),
        (['--type', 'ivf', '--nlist', 8], 'ivf (IndexIVFFlat) with --nlist 8, --nprobe 16\n'),
        (['--hnsw', '--M', 9, '--efC', 50], 'hnsw (IndexHNSWFlat) with --M 9, --efC 50, --ef-search 64\n'),
        (['--type', 'fastscan', '--refine', 5], 'fastscan (IndexRefineFlat) with --pq-m 8, --pq-nbits 4, --refine 5'),
        (['--factory', 'IVF8,SQ8'], ': IndexIVFScalarQuantizer with --nlist 8, --nprobe 1\n'),
    ],
    ids=str,
)
def test_an_index_without_a_manifest_is_read(store, tmp_path, capsys, words, text):
    build(store, tmp_path / 'index', *words)
    (tmp_path / 'index.manifest.json').unlink()
    printed = of(tmp_path / 'index', capsys=no_output(capsys))
    assert text in printed
    assert 'encoder    unknown, texts yes' in printed
    assert 'None' not in printed


def test_refusals(store, vectors, tmp_path, capsys):
    build(store, tmp_path / 'index')
    few, renamed = make_store(tmp_path / 'few', vectors[:9]), make_store(tmp_path / 'renamed', vectors, 7)
    (tmp_path / 'lucene').mkdir()
    (tmp_path / 'lucene' / 'segments_1').write_text('')
    for words, message in (
        ([tmp_path / 'index', '--recall'], 'are not beside it: name them with --vectors'),
        ([tmp_path / 'index', '--vectors', few], 'has 9 vectors, '),
        ([tmp_path / 'index', '--vectors', renamed], 'has other docids than'),
        ([tmp_path / 'index', '--topics', 'x'], '--topics and --encoder go together'),
        ([tmp_path / 'none'], 'is no index folder'),
        ([tmp_path / 'lucene', '--recall'], 'is damaged or no index of Lucene'),
    ):
        assert message in fails(info.main, *words, capsys=capsys)
