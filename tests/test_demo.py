# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The demo prints the README's table, uses again what it made, and touches nothing that is not its own."""

import re

import pytest
from conftest import ROOT, command

from pyserini_tct.regress._spec import load_spec

SCORES = re.compile(r'^(\S.*?) {2,}((?: *\d\.\d{4}){3}) ', re.MULTILINE)


def scores(text: str) -> dict[str, list[float]]:
    return {name: [float(value) for value in values.split()] for name, values in SCORES.findall(text)}


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp('demo')
    done = command('pyserini_tct.demo', cwd=folder)
    assert done.returncode == 0, done.stderr[-1500:]
    return folder, done


def test_the_table_is_the_readmes(demo):
    readme = scores((ROOT / 'README.md').read_text(encoding='utf-8'))
    found = scores(demo[1].stdout)
    assert len(found) >= 4
    assert found.keys() == readme.keys()
    for name, values in found.items():
        assert values == pytest.approx(readme[name], abs=0.0005 if name[:4] == 'BM25' else 0.004), name


def test_the_table_is_what_is_pinned(demo):
    pins = {
        condition.name: [pin.expected for pin in evaluation.pins]
        for condition in load_spec(ROOT / 'regressions' / 'pocket.yaml').conditions
        for evaluation in condition.topics
        if evaluation.topic_key == 'pocket-test'
    }
    found = scores(demo[1].stdout)
    assert found['BM25'] == pins['bm25']
    assert found['BM25 + doc2query'] == pins['bm25-doc2query']


def test_a_second_demo_builds_nothing_again(demo):
    folder, first = demo
    second = command('pyserini_tct.demo', cwd=folder)
    assert second.returncode == 0, second.stderr[-1500:]
    assert second.stderr.count('as before') == first.stderr.count(' s (demo/')
    assert scores(second.stdout) == scores(first.stdout)


@pytest.mark.parametrize('flags', [[], ['--overwrite']])
def test_a_folder_of_something_else_is_left_alone(tmp_path, flags):
    (tmp_path / 'thesis').write_text('precious')
    done = command('pyserini_tct.demo', '--output', tmp_path, *flags)
    assert done.returncode == 2
    assert 'is not empty and no earlier demo' in done.stderr
    assert (tmp_path / 'thesis').read_text() == 'precious'
