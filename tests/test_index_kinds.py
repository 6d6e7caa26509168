# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of Faiss index: built from one or several stores, read by stock's calls, and refused in one sentence."""

import json
import shutil

import faiss
import numpy as np
import pytest
from conftest import fails, refusal

from pyserini_tct._files import sha256
from pyserini_tct.index import faiss as index_faiss
from pyserini_tct.index._open import FlatFolder, load_index, open_sources, sample
from pyserini_tct.vectors import VectorStore, write_offsets

COUNT, DIMENSION = 600, 16


def make_store(folder, vectors, first=0, **manifest):
    """A finished vector store of two shards."""
    folder.mkdir()
    shards = []
    for number, part in enumerate(np.array_split(np.asarray(vectors, np.float32), 2)):
        file = folder / f'{number:05d}.npy'
        np.save(file, part)
        start = first + sum(shard['count'] for shard in shards)
        file.with_suffix('.docids').write_text(''.join(f'd{start + row}\n' for row in range(len(part))))
        digests = {'sha256': sha256(file), 'docids_sha256': sha256(file.with_suffix('.docids'))}
        shards.append({'name': file.stem, 'count': len(part), **digests})
    lines = [json.dumps({'id': f'd{first + row}', 'contents': f'text {first + row}'}) for row in range(len(vectors))]
    (folder / 'texts.jsonl').write_text(''.join(f'{line}\n' for line in lines))
    write_offsets(folder)
    content = {
        'kind': 'vectors', 'format_version': 1, 'dimension': vectors.shape[1], 'count': len(vectors), 'shards': shards,
        'texts_sha256': sha256(folder / 'texts.jsonl'), 'encoder_sha256': 'e', 'tokenizer_sha256': 't',
        'query_length': 36, 'passage_length': 154, 'pooling': 'mean', 'backend': 'torch', 'precision': 'fp32',
    }  # fmt: skip
    folder.with_name(f'{folder.name}.manifest.json').write_text(json.dumps({**content, **manifest}))
    return folder


@pytest.fixture(scope='module')
def vectors():
    """Passages around forty centres, and queries near some of them."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((40, DIMENSION)) * 3
    return (centres[chance.integers(40, size=COUNT)] + chance.standard_normal((COUNT, DIMENSION))).astype(np.float32)


@pytest.fixture(scope='module')
def store(vectors, tmp_path_factory):
    return make_store(tmp_path_factory.mktemp('kinds') / 'vectors', vectors)


def build(store, output, *words):
    stores = store if isinstance(store, list) else [store]
    index_faiss.main(['--input', *map(str, stores), '--output', str(output), *map(str, words)])
    return json.loads(output.with_name(f'{output.name}.manifest.json').read_text())


@pytest.mark.parametrize(
    ('words', 'kind', 'parameters', 'recall'),
    [
        ([], 'IndexFlatIP', {'type': 'flat', 'factory': 'Flat'}, 1),
        (['--type', 'fp16'], 'IndexScalarQuantizer', {'factory': 'SQfp16'}, 0.98),
        (['--type', 'sq8'], 'IndexScalarQuantizer', {'factory': 'SQ8'}, 0.95),
        (['--pq', '--pq-m', 8, '--pq-nbits', 6, '--dim', 16], 'IndexPQ', {'type': 'pq', 'pq_m': 8}, 0.6),
        (['--type', 'opq', '--pq-m', 8, '--pq-nbits', 6], 'IndexPreTransform', {'factory': 'OPQ8,PQ8x6'}, 0.6),
        (['--type', 'ivf', '--nlist', 8, '--nprobe', 8], 'IndexIVFFlat', {'nlist': 8, 'nprobe': 8}, 1),
        (['--hnsw', '--M', 8, '--ef-search', 99], 'IndexHNSWFlat', {'m': 8, 'ef_search': 99}, 0.97),
        (['--hnsw', '--pq', '--pq-m', 8, '--pq-nbits', 6], 'IndexHNSWPQ', {'type': 'hnswpq'}, 0.5),
        (['--type', 'fastscan', '--refine', 30], 'IndexRefineFlat', {'pq_m': 8, 'refine': 30}, 0.97),
        (['--factory', 'IVF8,SQ8', '--nprobe', 8], 'IndexIVFScalarQuantizer', {'type': 'factory', 'nprobe': 8}, 0.95),
    ],
)  # fmt: skip
def test_each_kind_finds_the_nearest(store, vectors, tmp_path, words, kind, parameters, recall, capsys):
    """As stock Pyserini reads it: the search parameters are in the file. The least recall is well below what it is."""
    manifest = build(store, tmp_path / 'index', *words)
    assert manifest.items() >= {**parameters, 'count': COUNT, 'dimension': DIMENSION, 'encoder_sha256': 'e'}.items()
    assert ('graph over codes finds far less' in capsys.readouterr().err) == (kind == 'IndexHNSWPQ')
    index = faiss.read_index(str(tmp_path / 'index' / 'index'))
    queries = vectors[::30] + 0.1
    exact = np.argsort(-queries @ vectors.T, axis=1)[:, :10]
    assert (type(index).__name__, index.ntotal, index.metric_type) == (kind, COUNT, faiss.METRIC_INNER_PRODUCT)
    mapped, docids = load_index(tmp_path / 'index')
    assert docids == [f'd{row}' for row in range(COUNT)]
    for read in (index, mapped):
        found = read.search(queries, 10)[1]
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)]) >= recall


def test_a_flat_index_is_written_as_faiss_writes_it(store, vectors, tmp_path):
    """It is streamed, so that an index larger than the memory can be built."""
    build(store, tmp_path / 'index')
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(vectors)
    assert (tmp_path / 'index' / 'index').read_bytes() == bytes(faiss.serialize_index(index))


def test_the_same_seed_gives_the_same_bytes(store, tmp_path):
    words = ('--type', 'pq', '--pq-m', 8, '--pq-nbits', 6)
    files = []
    for name, seed in (('a', 1), ('b', 1)):
        build(store, tmp_path / name, *words, '--seed', seed)
        files.append((tmp_path / name / 'index').read_bytes())
    assert files[0] == files[1]


def test_a_sample_takes_the_rows_it_names(store, vectors):
    rows = np.array([0, 299, 300, 599])
    np.testing.assert_array_equal(sample([VectorStore(store), VectorStore(store)], rows), vectors[rows])
    two = sample(open_sources([store, store]), np.array([5, COUNT + 7]))
    np.testing.assert_array_equal(two, vectors[[5, 7]])


def test_several_stores_become_one_index(store, vectors, tmp_path):
    """Rows, docids and texts stay together."""
    second = make_store(tmp_path / 'second', vectors[:50] + 1, COUNT)
    manifest = build([store, second], tmp_path / 'index')
    folder = FlatFolder(tmp_path / 'index')
    docids, joined = next(folder.shards(verify=True))
    np.testing.assert_array_equal(joined, np.concatenate([vectors, vectors[:50] + 1]))
    assert (docids[COUNT], len(folder), len(manifest['inputs'])) == (f'd{COUNT}', COUNT + 50, 2)
    lines = (tmp_path / 'index' / 'texts.jsonl').read_text().splitlines()
    assert json.loads(lines[COUNT + 3]) == {'id': f'd{COUNT + 3}', 'contents': f'text {COUNT + 3}'}


def test_a_flat_folder_of_stock_becomes_another_kind(store, vectors, tmp_path, capsys):
    build(store, tmp_path / 'flat')
    stock = tmp_path / 'stock'
    stock.mkdir()
    for name in ('index', 'docid'):
        shutil.copyfile(tmp_path / 'flat' / name, stock / name)
    build(stock, tmp_path / 'small', '--type', 'sq8')
    assert 'stock has no texts, so the index has none' in capsys.readouterr().err
    index, docids = load_index(tmp_path / 'small')
    np.testing.assert_allclose(index.reconstruct(41), vectors[41], atol=0.1)
    assert docids[41] == 'd41'


def test_stores_of_two_backends_are_not_mixed(store, vectors, tmp_path, capsys):
    """The index would name none, and a search with either would not be refused."""
    other = make_store(tmp_path / 'other', vectors[:40], first=COUNT, backend='onnx')
    command = ['--input', store, other, '--output', tmp_path / 'index']
    message = 'vectors was encoded with --backend torch, '
    assert message in fails(index_faiss.main, *command, capsys=capsys)
    half = make_store(tmp_path / 'half', vectors[:40], first=COUNT, precision='bf16')
    manifest = build([store, half], tmp_path / 'index')
    assert 'precision' not in manifest
    assert (manifest['backend'], manifest['count']) == ('torch', COUNT + 40)


def test_a_graph_over_what_is_not_finite_is_refused(store, tmp_path):
    """Such a passage is never found, and neither is what lies behind it."""
    build(store, tmp_path / 'index', '--type', 'hnsw')
    index = faiss.read_index(str(tmp_path / 'index' / 'index'))
    faiss.rev_swig_ptr(faiss.downcast_index(index.storage).get_xb(), DIMENSION)[3] = np.nan
    faiss.write_index(index, str(tmp_path / 'index' / 'index'))
    assert 'the vector of d0 holds NaN or infinity' in refusal(load_index, tmp_path / 'index')


@pytest.mark.parametrize('factory', ['SQfp16', 'SQbf16', 'IVF4,Flat', 'IVF4,SQfp16', 'HNSW8,SQfp16', 'PQ8x4fs,RFlat'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_foreign_index_of_what_is_not_finite_is_refused(vectors, tmp_path, factory, value):
    """By any query, that passage is never found: it looked as if too few cells were visited."""
    index = faiss.index_factory(DIMENSION, factory, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    wrong = vectors.copy()
    wrong[7, 3] = value
    for part, message in ((vectors, None), (wrong, 'index: the vector of d7 holds NaN or infinity: build it again')):
        index.reset()
        index.add(part)
        faiss.write_index(index, str(tmp_path / 'index'))
        (tmp_path / 'docid').write_text(''.join(f'd{row}\n' for row in range(COUNT)))
        if message:
            assert message in refusal(load_index, tmp_path)
        else:
            assert load_index(tmp_path)[0].ntotal == COUNT


@pytest.mark.parametrize('words', [[], ['--type', 'fp16'], ['--type', 'ivf', '--nlist', 4], ['--hnsw']], ids=str)
def test_no_kind_is_built_of_what_is_not_finite(vectors, tmp_path, capsys, words):
    wrong = vectors.copy()
    wrong[407, 3] = np.inf  # in the second shard
    store = make_store(tmp_path / 'wrong', wrong)
    message = 'row 107, the vector of d407, holds NaN or infinity: encode again'
    assert message in fails(index_faiss.main, '--input', store, '--output', tmp_path / 'new', *words, capsys=capsys)
    assert not (tmp_path / 'new').exists()


def test_numbers_beyond_half_precision_are_refused(vectors, tmp_path, capsys):
    store = make_store(tmp_path / 'large', np.where(np.arange(COUNT)[:, None] == 9, 1e5, vectors))
    command = ['--input', store, '--output', tmp_path / 'new', '--type', 'fp16']
    assert 'the vector of d9 is too large for the kind SQfp16' in fails(index_faiss.main, *command, capsys=capsys)


def test_refusals(store, vectors, tmp_path, capsys):
    """Each in one sentence, with nothing left behind."""
    other = make_store(tmp_path / 'other', vectors[:40], encoder_sha256='another')
    few = make_store(tmp_path / 'few', vectors[:40])
    before = sorted(tmp_path.iterdir())
    for inputs, words, message in (
        ([store, other], [], 'were made by different encoders (encoder_sha256 e, another)'),
        ([store], ['--type', 'sq8', '--hnsw'], '--type, --factory and --hnsw or --pq all name a kind'),
        ([store], ['--type', 'pq', '--pq-m', 7], '--pq-m 7 does not divide the dimension 16'),
        ([store], ['--type', 'pq', '--M', 7], '--M is for --type hnsw or hnswpq, not for pq'),
        ([store], ['--factory', 'Nonsense'], "Faiss cannot build 'Nonsense' of these vectors (could not parse"),
        ([store], ['--factory', 'PQ7'], 'of these vectors (The dimension of the vector (d) should be a multiple'),
        ([store], ['--factory', 'IDMap,Flat'], "Faiss cannot build 'IDMap,Flat'"),
        ([store], ['--factory', 'HNSW1,Flat'], 'HNSW1 in '),  # Faiss would end the process
        ([store], ['--factory', 'IVF4_HNSW0,Flat'], 'HNSW0 in '),
        ([store], ['--factory', 'IVF0,Flat'], 'IVF0 in '),
        ([store], ['--factory', 'PQ8', '--pq-m', 4], '--pq-m is part of the --factory string'),
        ([store], ['--factory', 'SQ8', '--nprobe', 4], '--nprobe has no effect on the kind SQ8'),
        ([store], ['--dim', 768], 'has dimension 16, --dim says 768'),
        ([few], ['--type', 'pq'], 'pq is trained on at least 256 vectors, here are 40'),
        ([few], ['--type', 'ivf', '--nlist', 64], 'ivf is trained on at least 64 vectors'),
    ):
        command = ['--input', *inputs, '--output', tmp_path / 'new', *words]
        assert message in fails(index_faiss.main, *command, capsys=capsys)
    assert sorted(tmp_path.iterdir()) == before
