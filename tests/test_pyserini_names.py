# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What `run` does before Pyserini starts: names to files, registries that need no network, imports that fail."""

import io
import json
import types
import urllib.error
import urllib.request

import pytest

from pyserini_tct import _imports, _pyserini_names
from pyserini_tct.prebuilt import Entry, _registry

pytestmark = pytest.mark.usefixtures('prebuilt_folders')


@pytest.fixture
def fetched(monkeypatch):
    """What is asked for, instead of fetched."""
    asked = []
    monkeypatch.setattr(
        _pyserini_names.prebuilt,
        'locate',
        lambda name, kind: asked.append((name, kind)) or f'/cache/{name}',
        raising=False,
    )
    return asked


@pytest.mark.parametrize('form', ['--index NAME', '--index=NAME'])
def test_an_index_brings_its_texts(fetched, form):
    name = 'msmarco-v1-passage.tct_colbert-v2-hnp'
    words = [*form.replace('NAME', name).split(), '--output', 'pocket', '--prefix=--index=pocket']
    assert _pyserini_names.bring(words) == words
    assert ('msmarco-v1-passage', 'bm25') in fetched
    assert (name, 'faiss') in fetched
    assert 'pocket' not in {asked for asked, _ in fetched}, 'a name after another flag is not an index'


def test_a_model_of_ours_becomes_its_folder(fetched):
    """Stock classes would look it up on the hub."""
    name = 'tct_colbert-pocket-untrained'
    assert _pyserini_names.bring(['--encoder', name]) == ['--encoder', f'/cache/{name}']
    assert _pyserini_names.bring([f'--encoder={name}']) == [f'--encoder=/cache/{name}']
    hub = ['--encoder', 'castorini/tct_colbert-msmarco', '--encoder']
    assert _pyserini_names.bring(hub) == hub


def test_what_exists_is_no_name(fetched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'pocket').mkdir()
    _pyserini_names.bring(['--index', 'pocket'])
    assert fetched == []


class NeedsNetwork(dict):
    """A source of a catalogue of Pyserini 2.4 on a machine without a network."""

    def __contains__(self, key):
        raise urllib.error.URLError('no network')


def test_catalogues_are_not_asked_for_names_of_ours():
    """Pyserini asks five registries in turn, and each of them would go to the network for an answer."""
    others = _pyserini_names.Others(NeedsNetwork(), {'lab': None})
    assert 'lab' not in others
    assert None not in others
    with pytest.raises(urllib.error.URLError):
        assert 'msmarco-v1-passage' in others
    assert 'a' in _pyserini_names.Others({'a': 1}, {})


def test_links_to_added_files_follow_them(tmp_path):
    for folder in ('one', 'two'):
        (tmp_path / folder).mkdir()
        added = Entry('lab', 'faiss', path=str(tmp_path / folder), files={'index': '0'}, added=True)
        assert _pyserini_names._stands(added)
        assert added.target.resolve() == tmp_path / folder
    assert not _pyserini_names._stands(Entry('x', 'faiss', path=str(tmp_path / 'gone'), files={}, added=True))


def test_places_are_those_of_both_releases(monkeypatch, tmp_path):
    """2.x prefers `./.cache`, so that a folder fetched elsewhere would be downloaded again."""
    monkeypatch.delenv('PYSERINI_CACHE')
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'work/.cache').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'work')
    for major, expected in ((1, tmp_path / '.cache/pyserini'), (2, tmp_path / 'work/.cache/pyserini')):
        monkeypatch.setattr(_registry, '_pyserini_major', lambda major=major: major)
        assert _registry.cache_home() == expected


CATALOGUE = """
import json
from urllib.request import urlopen

class Lazy:
    _info = None

    def __getitem__(self, key):
        if self._info is None:
            with urlopen('https://example.invalid', timeout=1) as response:
                self._info = {record['name']: record for record in json.load(response)}
        return self._info[key]

FIRST, SECOND = Lazy(), Lazy()
ALIASES = {'old': FIRST['new'], 'older': SECOND['newer']}
"""


def execute(module) -> None:
    exec(compile(CATALOGUE, 'catalogue', 'exec'), vars(module))


def test_catalogue_that_needs_the_network_while_it_is_imported(monkeypatch):
    """Pyserini 2.4 cannot be imported at all on a machine without a network."""

    def no_network(*_, **__):
        raise urllib.error.URLError('no network')

    monkeypatch.setattr(urllib.request, 'urlopen', no_network)
    module = types.ModuleType('catalogue')
    _imports.exec_without_network(execute, module)
    assert module.ALIASES['old']['urls'] == []
    assert urllib.request.urlopen is no_network
    with pytest.raises(urllib.error.URLError):
        module.FIRST['new']


def test_catalogue_with_a_network_is_left_alone(monkeypatch):
    answer = [{'name': name, 'urls': ['x']} for name in ('new', 'newer')]
    monkeypatch.setattr(urllib.request, 'urlopen', lambda *_, **__: io.BytesIO(json.dumps(answer).encode()))
    module = types.ModuleType('catalogue')
    _imports.exec_without_network(execute, module)
    assert module.ALIASES['old']['urls'] == ['x']
    assert module.FIRST['new']['urls'] == ['x']


def test_other_failures_are_not_hidden(monkeypatch):
    def broken(module):
        raise KeyError('x') if hasattr(module, 'seen') else setattr(module, 'seen', 1) or urllib.error.URLError('gone')

    with pytest.raises(urllib.error.URLError):
        _imports.exec_without_network(broken, types.ModuleType('catalogue'))
