# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Dense indexes: how they are built, their texts, what is damaged, and the encoder that they belong to."""

import shutil

import faiss
import numpy as np
import pytest
from conftest import TEXTS, fails, refusal

from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.index import faiss as index_faiss
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.vectors import VectorStore


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertQueryEncoder(tiny_student)


@pytest.fixture
def copy(tiny_index, tmp_path):
    """A copy of the index, its manifest and its vectors, to damage."""
    for name in ('index', 'vectors'):
        shutil.copytree(tiny_index.parent / name, tmp_path / name)
        shutil.copyfile(tiny_index.parent / f'{name}.manifest.json', tmp_path / f'{name}.manifest.json')
    return tmp_path / 'index'


def test_the_flat_index_holds_the_vectors(tiny_index):
    index = faiss.read_index(str(tiny_index / 'index'))
    docids, vectors = next(VectorStore(tiny_index.parent / 'vectors').shards())
    assert index.metric_type == faiss.METRIC_INNER_PRODUCT
    np.testing.assert_array_equal(index.reconstruct_n(0, 6), vectors)
    assert (tiny_index / 'docid').read_text().splitlines() == docids == list(TEXTS)


def test_index_command(copy, tmp_path, capsys):
    words = ['--input', tmp_path / 'vectors', '--output', tmp_path / 'new']
    index_faiss.main([str(word) for word in words])
    assert 'new: flat index of 6 passages' in capsys.readouterr().out
    assert (tmp_path / 'new' / 'index').read_bytes() == (copy / 'index').read_bytes()
    assert 'new exists: choose another output' in fails(index_faiss.main, *words, capsys=capsys)
    index_faiss.main([*map(str, words), '--overwrite', '--no-texts'])
    assert not (tmp_path / 'new' / 'texts.jsonl').exists()


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('00000.npy', lambda data: data[:-1] + bytes([data[-1] ^ 1]), 'its checksum differs from the manifest'),
        ('00000.npy', lambda data: data[:-4], 'its checksum differs'),
        ('00000.docids', lambda data: data[: data.rindex(b'd6')], '00000.docids is damaged'),
    ],
)
def test_a_damaged_store_is_not_indexed(copy, tmp_path, capsys, name, change, message):
    """One flipped bit moves one passage by a little or by 1e38: no other check sees it."""
    path = tmp_path / 'vectors' / name
    path.write_bytes(change(path.read_bytes()))
    words = ['--input', tmp_path / 'vectors', '--output', tmp_path / 'new']
    assert message in fails(index_faiss.main, *words, capsys=capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'index',
        'index.manifest.json',
        'vectors',
        'vectors.manifest.json',
    ]


def test_a_store_that_is_none(tmp_path, capsys):
    (tmp_path / 'x').mkdir()
    for name, message in (('x', 'has no manifest of vectors beside it'), ('none', 'is no folder of vectors')):
        words = ['--input', tmp_path / name, '--output', tmp_path / 'new']
        assert message in fails(index_faiss.main, *words, capsys=capsys)


def test_documents_have_the_text_of_their_own_row(tiny_index, encoder):
    searcher = FaissSearcher(tiny_index, encoder)
    for docid, text in TEXTS.items():
        document = searcher.doc(docid)
        assert (document.docid(), document.contents()) == (docid, text)
        assert document.raw() == f'{{"id": "{docid}", "contents": "{text}"}}'
    assert searcher.doc('d7') is None


def test_an_index_without_texts_says_how_to_get_them(copy, encoder, tmp_path):
    index_faiss.build_flat(tmp_path / 'vectors', tmp_path / 'bare', texts=False)
    assert sorted(file.name for file in (tmp_path / 'bare').iterdir()) == ['docid', 'index']
    searcher = FaissSearcher(tmp_path / 'bare', encoder)
    assert searcher.search('ice', 2) == FaissSearcher(copy, encoder).search('ice', 2)
    assert 'has no texts: build it with python -m pyserini_tct.index.faiss, without --no-texts' in refusal(
        searcher.doc, 'd1'
    )


def test_texts_survive_the_deletion_of_the_store(copy, tmp_path, encoder):
    """They are hard links: a symbolic link would break with the vectors."""
    index_faiss.build_flat(tmp_path / 'vectors', tmp_path / 'again')
    shutil.rmtree(tmp_path / 'vectors')
    assert FaissSearcher(tmp_path / 'again', encoder).doc('d2').contents() == TEXTS['d2']
    assert sorted(file.name for file in (tmp_path / 'again').iterdir()) == [
        'docid',
        'index',
        'texts.jsonl',
        'texts.offsets.npy',
    ]


def truncate(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda folder: truncate(folder / 'index', 700), 'index is truncated (700 bytes, 813 were written): build the'),
        (lambda folder: truncate(folder / 'index', 27), 'index is truncated (27 bytes'),
        (lambda folder: truncate(folder / 'index', 0), 'index is truncated (0 bytes'),
        (lambda folder: (folder / 'index').write_bytes(b'no index' * 100), 'index is truncated (800 bytes'),
        (lambda folder: (folder / 'index').write_bytes(b'n' * 813), 'index is damaged or truncated (813 bytes)'),
        (lambda folder: (folder / 'index').write_bytes(b'n' * 999), 'index is damaged (999 bytes, 813 were written)'),
        (lambda folder: (folder / 'docid').write_text('d1\nd2\nd3\nd4\nd5\n'), 'has 6 vectors but 5 docids'),
        (lambda folder: (folder / 'docid').unlink(), 'docid does not exist'),
        (lambda folder: (folder / 'index').unlink(), 'index does not exist'),
        (shutil.rmtree, 'is no index folder: make it with'),
        (lambda folder: truncate(folder / 'texts.jsonl', 90), 'texts.jsonl has 90 bytes'),
        pytest.param(lambda folder: truncate(folder / 'texts.offsets.npy', 100), 'texts.offsets.npy'),
    ],
)
def test_damaged_index_folders_are_refused(copy, encoder, damage, message):
    """A docid file one line short gives every later passage the wrong name."""
    damage(copy)
    assert message in refusal(lambda: FaissSearcher(copy, encoder).doc('d6'))


@pytest.mark.parametrize(('name', 'key'), [('length', 'query_length 36'), ('weights', 'encoder_sha256')])
def test_another_encoder_of_the_same_dimension_is_refused(tiny_index, other_students, name, key):
    """It would search without any error, and find nonsense."""
    found = refusal(FaissSearcher, tiny_index, other_students / f'tct_colbert-{name}')
    assert f'was made with another encoder ({key}' in found
    assert (
        len(FaissSearcher(tiny_index, other_students / f'tct_colbert-{name}', check_encoder=False).search('ice')) == 6
    )


def test_an_hnsw_graph_finds_what_the_flat_index_finds(copy, tmp_path, encoder, capsys):
    """Six passages are all candidates of the graph, so both give the same hits; nothing is reported by distance."""
    words = ['--input', tmp_path / 'vectors', '--output', tmp_path / 'hnsw', '--hnsw', '--M', 4, '--efC', 20]
    index_faiss.main([str(word) for word in words])
    assert 'hnsw: HNSW index of 6 passages' in capsys.readouterr().out
    graph, flat = FaissSearcher(tmp_path / 'hnsw', encoder), FaissSearcher(copy, encoder)
    assert graph.index.hnsw.efConstruction == 20
    for found, expected in zip(graph.search('slow ice', 6), flat.search('slow ice', 6), strict=True):
        assert found.docid == expected.docid
        assert found.score == pytest.approx(expected.score, abs=1e-4)
    words = ['--input', tmp_path / 'vectors', '--output', tmp_path / 'other', '--M']
    assert '--M is for --type hnsw or hnswpq, not for flat' in fails(index_faiss.main, *words, 4, capsys=capsys)
    assert '--M 1 makes no graph' in fails(index_faiss.main, *words, 1, '--hnsw', capsys=capsys)
