# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The published names equal Pyserini's, field by field; a user's file of names is checked before it is believed."""

import json
import math
import subprocess
import sys
from importlib import metadata

import pytest
from conftest import ROOT, clean_environment, refusal

from pyserini_tct.prebuilt import _registry

FIELDS = {
    'encoder': {'description', 'urls', 'md5', 'bytes', 'dimension'},
    'faiss': {'description', 'filename', 'urls', 'md5', 'bytes', 'documents', 'dimension', 'encoder', 'texts'},
    'bm25': {'description', 'filename', 'urls', 'md5', 'bytes', 'documents', 'unique_terms', 'total_terms'},
    'queries': {'description', 'urls', 'md5', 'bytes', 'queries', 'dimension', 'encoder'},
}


pytestmark = pytest.mark.usefixtures('prebuilt_folders')


def test_every_field_is_there():
    """Unknown is null; a field left out would read as unknown by accident."""
    for file in _registry.FILES:
        for name, fields in json.loads((ROOT / 'prebuilt' / file).read_text()).items():
            assert set(fields) - {'kind', 'build'} == FIELDS[fields['kind']], name
            assert bool(fields['md5']) + bool(fields.get('build')) + name.startswith('castorini/') == 1, name


def test_names_refer_to_each_other():
    for name, found in _registry.shipped().items():
        assert found.texts is None or _registry.find(found.texts, 'bm25'), name
        assert found.encoder is None or _registry.find(found.encoder, 'encoder'), name


def test_pocket_counts_are_those_of_its_files():
    pocket = ROOT / 'prebuilt/pocket'
    assert len((pocket / 'corpus.jsonl').read_text().splitlines()) == _registry.get('pocket').documents
    queries = _registry.get('tct_colbert-pocket-untrained-dev').queries
    assert len((pocket / 'queries.dev.tsv').read_text().splitlines()) == queries


def test_flat_indexes_have_the_bytes_of_their_vectors():
    """float32 hardly compresses: a size or a dimension that is wrong would show."""
    for name, found in _registry.shipped().items():
        if found.kind == 'faiss' and found.bytes and 'hnsw' not in name:
            assert 0.85 < found.bytes / (found.documents * found.dimension * 4) < 1.05, name


def same(value):
    """Return a value of Pyserini's registry as ours has it: -1 is what it calls unknown."""
    return None if value in (-1, None) or (isinstance(value, float) and math.isnan(value)) else value


RELEASE = tuple(int(part) for part in metadata.version('pyserini').split('.')[:2])


@pytest.mark.skipif(RELEASE >= (2, 4), reason='Pyserini 2.4 lists no queries that TCT-ColBERT encoded')
def test_queries_equal_those_of_pyserini():
    from pyserini.encoded_query_info import QUERY_INFO

    theirs = {name: info for name, info in QUERY_INFO.items() if 'tct' in name.lower()}
    ours = {name: found for name, found in _registry.shipped().items() if found.kind == 'queries' and found.urls}
    assert set(ours) == set(theirs)
    for name, info in theirs.items():
        found = ours[name]
        assert [found.description, list(found.urls), found.md5, found.bytes, found.queries] == [
            info[key] for key in ('description', 'urls', 'md5', 'size (bytes)', 'total_queries')
        ], name


@pytest.mark.skipif(RELEASE >= (2, 4), reason='Pyserini 2.4 reads its list of indexes from the network')
def test_indexes_equal_those_of_pyserini():
    code = (  # in a process of its own: the registry starts a JVM
        'import json\nfrom pyserini_tct import _jvm\n_jvm.prepare(quiet=True)\n'
        'from pyserini.prebuilt_index_info import FAISS_INDEX_INFO, TF_INDEX_INFO\n'
        'print(json.dumps([FAISS_INDEX_INFO, TF_INDEX_INFO]))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], env=clean_environment(), capture_output=True, text=True, check=True
    )
    faiss, bm25 = json.loads(done.stdout.splitlines()[-1])
    published = {name: found for name, found in _registry.shipped().items() if found.urls}
    assert {name for name, found in published.items() if found.kind == 'faiss'} == {
        name for name in faiss if 'tct' in name.lower()
    }
    size = 'size' if RELEASE[0] > 1 else 'size compressed (bytes)'
    for name, found in published.items():
        if found.kind in ('faiss', 'bm25'):
            info = (faiss if found.kind == 'faiss' else bm25)[name]
            for field, key in (('filename', 'filename'), ('md5', 'md5'), ('bytes', size), ('documents', 'documents')):
                assert getattr(found, field) == same(info[key]), (name, field)
            assert (found.description, list(found.urls)) == (info['description'], info['urls']), name
            if found.kind == 'faiss':
                assert found.texts == info['texts'], name
            else:
                counts = same(info['unique_terms']), same(info['total_terms'])
                assert (found.unique_terms, found.total_terms) == counts, name


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        ('{', 'not valid JSON'),
        ('[]', 'an object is needed'),
        ('{"x": {"kind": "other"}}', 'none of the kinds'),
        ('{"x": 3}', 'none of the kinds'),
        ('{"x": {"kind": "faiss", "sizes": 3}}', "unknown field 'sizes'"),
        ('{"x": {"kind": "faiss", "bytes": "3"}}', 'bytes cannot be'),
        ('{"x": {"kind": "faiss", "bytes": -3}}', 'bytes cannot be'),
        ('{"x": {"kind": "faiss", "urls": "http://x"}}', 'urls cannot be'),
        ('{"x": {"kind": "faiss", "md5": "../../x"}}', 'malformed MD5'),
        ('{"x": {"kind": "faiss", "filename": "../x.tar"}}', 'name of a folder'),
        ('{"../x": {"kind": "faiss"}}', 'name of a folder'),
        ('{"x": {"kind": "faiss", "build": ["os"]}}', "unknown field 'build'"),
    ],
)
def test_malformed_user_file(content, told):
    """What is in it becomes paths and commands."""
    _registry.user_file().parent.mkdir(parents=True)
    _registry.user_file().write_text(content)
    sentence = refusal(_registry.entries)
    assert told in sentence
    assert str(_registry.user_file()) in sentence
