# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The command `prebuilt`: a user's names are kept, used, verified, refused and forgotten as they should be."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import fails
from flaky_server import INDEX, entry, serving, tar

from pyserini_tct._manifest import read_manifest
from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.models import _weights
from pyserini_tct.prebuilt import __main__ as cli
from pyserini_tct.prebuilt import _registry
from pyserini_tct.prebuilt._install import Options, fetch, locate
from pyserini_tct.search.faiss._searcher import open_searcher

pytestmark = pytest.mark.usefixtures('prebuilt_folders')


def run(*words) -> int | None:
    return cli.main([str(word) for word in words])


def test_added_index_searches_by_name(tiny_index, tiny_student, tmp_path, capsys):
    assert run('add', 'course', tiny_index) is None
    assert 'course: Faiss index, 6 documents, 32 dimension' in capsys.readouterr().out
    run('add', 'tct_colbert-course', tiny_student)
    searcher = open_searcher('course', 'tct_colbert-course')
    by_path = open_searcher(tiny_index, tiny_student)
    assert searcher.search('lobster roll', 3) == by_path.search('lobster roll', 3)
    assert searcher.doc('d2').contents() == 'what is a lobster roll'
    assert _weights.resolve('tct_colbert-course') == tiny_student
    run('remove', 'course')
    assert f'its files stay in {tiny_index}' in capsys.readouterr().out
    assert (tiny_index / 'index').exists()
    assert locate('course', 'faiss') is None


def test_added_queries_are_read_by_name(tmp_path):
    np.save(tmp_path / 'q.npy', np.eye(2, 3, dtype='f4'))
    (tmp_path / 'q.tsv').write_text('1\tone\n2\ttwo\n')
    run('add', 'mine', tmp_path / 'q.npy')
    assert TctColBertQueryEncoder(encoded_query_dir='mine').encode('two').tolist() == [0, 1, 0]
    assert (_registry.get('mine').queries, _registry.get('mine').dimension) == (2, 3)


def test_archive_at_a_url_is_added_and_fetched(capsys):
    with serving() as server:
        offered = entry(server, tar(INDEX))
        source = ['add', 'lab', offered.urls[0], '--kind', 'faiss']
        assert '--md5' in fails(cli.main, *source, capsys=capsys)
        run(*source, '--md5', offered.md5, '--bytes', offered.bytes)
        run('fetch', 'lab')
        assert str(offered.target) in capsys.readouterr().out
        run('verify', 'lab')
        assert 'lab: as fetched' in capsys.readouterr().out


def test_verify_tells_by_its_exit_code(tiny_index, tmp_path, capsys):
    """A script has to see it."""
    copy = Path(shutil.copytree(tiny_index, tmp_path / 'copy'))
    run('add', 'course', copy)
    assert run('verify') == 0
    (copy / 'docid').write_text('d1\n')
    assert run('verify', 'course') == 1
    assert 'course: docid changed' in capsys.readouterr().out
    shutil.rmtree(copy)
    assert run('verify') == 1
    assert 'is gone' in fails(lambda argv: open_searcher('course', 'x'), capsys=capsys)
    assert run('verify', 'msmarco-v1-passage') == 1


def test_what_pyserini_fetched_is_used_but_not_verified(capsys):
    found = _registry.get('msmarco-v1-passage')
    found.target.mkdir(parents=True)
    assert fetch(found, Options(offline=True)) == found.target
    assert run('verify', found.name) == 1
    assert 'no checksums' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['fetch', 'msmarco-v1-passage.tct_colbert-v2-hn-p'], 'did you mean msmarco-v1-passage.tct_colbert-v2-hnp'),
        (['info', 'zzzz'], 'list shows all'),
        (['add', 'pocket', '{index}'], 'something published'),
        (['add', '../x', '{index}'], 'cannot be a name'),
        (['add', 'x', 'nowhere'], 'does not exist'),
        (['add', 'x', '{folder}'], 'is no Faiss index'),
        (['add', 'x', '{index}', '--kind', 'bm25'], 'is a Faiss index, not a BM25 index'),
        (['add', 'x', '{index}', '--texts', 'unknown'], 'add that index first'),
        (['add', 'x', '{index}', '--md5', '0' * 32], 'belong to a URL'),
        (['add', 'x', 'http://127.0.0.1/x.tar', '--kind', 'faiss', '--md5', '12'], 'malformed MD5'),
        (['add', 'x', 'http://127.0.0.1/', '--kind', 'faiss', '--md5', '0' * 32], 'name of a folder'),
        (['add', 'x', 'ftp://127.0.0.1/x.tar', '--kind', 'faiss'], 'neither a path nor an http or https URL'),
        (['add', 'mine', '{student}'], "no 'tct_colbert'"),
        (['fetch', 'pocket', 'pocket.doc2query', '--archive', 'x.tar'], 'one name'),
    ],
)
def test_mistakes(words, told, tiny_index, tiny_student, tmp_path, capsys):
    values = {'index': tiny_index, 'student': tiny_student, 'folder': tmp_path}
    assert told in fails(cli.main, *[word.format_map(values) for word in words], capsys=capsys)
    assert _registry.added() == {}


def test_a_model_is_looked_into(tiny_student, tmp_path, capsys):
    """Guards against a name for a folder that no command can load."""
    model = tmp_path / 'model'
    model.mkdir()
    for config, told in (('{', 'is not valid JSON'), ('{}', 'none of the weights model.safetensors')):
        (model / 'config.json').write_text(config)
        assert told in fails(cli.main, 'add', 'tct_colbert-x', model, capsys=capsys)
    assert _registry.added() == {}
    run('add', 'tct_colbert-x', tiny_student)
    assert capsys.readouterr().out == 'tct_colbert-x: model, 32 dimension\n'


def test_a_name_is_added_once(tiny_index, capsys):
    run('add', 'course', tiny_index)
    assert 'is taken' in fails(cli.main, 'add', 'course', tiny_index, capsys=capsys)


def test_list_and_info(capsys):
    run('list', '--kind', 'faiss')
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 9
    assert listed[0].split()[:4] == ['msmarco-v1-passage.tct_colbert', 'faiss', '25.2', 'GB']
    run('list', '--here')
    assert capsys.readouterr().out == ''
    run('list', '--json')
    assert {row['name'] for row in json.loads(capsys.readouterr().out)} == set(_registry.shipped())
    run('info', 'msmarco-v1-passage.tct_colbert-v2-hnp')
    shown = capsys.readouterr().out
    assert 'd22d0b6b32f156088a10b0d54ecc1da2' in shown
    assert '--encoder castorini/tct_colbert-v2-hnp-msmarco' in shown


def test_pocket_is_made_here(capsys):
    """The one entry that needs no network and no model."""
    folder = locate('pocket', 'bm25')
    assert read_manifest(folder)['count'] == 600
    assert run('verify', 'pocket') == 0
    assert locate('pocket', 'bm25') == folder
    run('remove', 'pocket')
    assert not folder.exists()
