# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The demo prints the README's table, uses again what it made, and touches nothing that is not its own."""

import re

import pytest
from conftest import ROOT, command

from pyserini_tct.demo._report import marks
from pyserini_tct.demo._systems import BASELINE, MEASURES, Row
from pyserini_tct.regress._spec import load_spec

SCORES = re.compile(r'^(\S.*?) {2,}((?: *\d\.\d{4}[ +-]?){3}) ', re.MULTILINE)
EXACT = {
    'BM25': 'bm25',
    'BM25 + doc2query': 'bm25-doc2query',
    'untrained student': 'untrained',
    'untrained student + BM25': 'untrained-bm25',
}


def scores(text: str) -> dict[str, list[float]]:
    return {name: [float(value) for value in re.findall(r'\d\.\d{4}', values)] for name, values in SCORES.findall(text)}


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp('demo')
    done = command('pyserini_tct.demo', '--quick', cwd=folder)
    assert done.returncode == 0, done.stderr[-1500:]
    return folder, done


def test_the_rows_are_the_readmes(demo):
    """Training is cut short here, so the trained rows are compared by name, the others by score."""
    readme = scores((ROOT / 'README.md').read_text(encoding='utf-8'))
    found = scores(demo[1].stdout)
    assert len(found) == 11
    assert list(found) == list(readme)
    for name in EXACT:
        assert found[name] == pytest.approx(readme[name], abs=0.0005 if name[:4] == 'BM25' else 0.004), name


def test_the_rows_are_what_is_pinned(demo):
    pins = {
        condition.name: [pin.expected for pin in evaluation.pins]
        for condition in load_spec(ROOT / 'regressions' / 'pocket.yaml').conditions
        for evaluation in condition.topics
        if evaluation.topic_key == 'pocket-test'
    }
    found = scores(demo[1].stdout)
    for name, condition in EXACT.items():
        assert found[name] == pytest.approx(pins[condition], abs=0 if name[:4] == 'BM25' else 0.003), name


def test_the_page_stands_alone_and_the_commands_are_kept(demo):
    folder, done = demo
    page = (folder / 'demo' / 'report.html').read_text(encoding='utf-8')
    assert page.count('<svg') == 3
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    commands = (folder / 'demo' / 'commands.txt').read_text().splitlines()
    assert len(commands) == done.stderr.count(' s (demo/') == 17
    assert {path.name for path in (folder / 'demo' / 'runs').iterdir()} >= {
        'bm25.test.trec',
        'tct-colbert-tight.test.trec',
    }


def test_a_second_demo_builds_nothing_again(demo):
    folder, first = demo
    second = command('pyserini_tct.demo', '--quick', cwd=folder)
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


def row(name: str, values: list[float]) -> Row:
    per_query = {measure: {str(i): value for i, value in enumerate(values)} for measure in MEASURES}
    return Row(name, {measure: sum(values) / len(values) for measure in MEASURES}, per_query, 1.0, 1024, 2)


def test_marks_by_hand():
    """A constant gain has p = 0; a row equal to the bi-encoder and one that differs by chance have no mark."""
    base = [0.1, 0.5, 0.3, 0.9, 0.2, 0.6, 0.4, 0.8]
    better = [value + 0.1 + 0.001 * i for i, value in enumerate(base)]
    noise = [value + (0.1 if i % 2 else -0.1) for i, value in enumerate(base)]
    rows = [row(BASELINE, base), row('same', base), row('better', better), row('noise', noise)]
    assert marks(rows) == {('better', measure): '+' for measure in MEASURES}
