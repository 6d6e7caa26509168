# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The demo prints the README's table, uses again what it made, and touches nothing that is not its own."""

import re

import pytest
from conftest import POCKET, ROOT, command

from pyserini_tct.collection import read_corpus
from pyserini_tct.demo._report import marks
from pyserini_tct.demo._small import shrink
from pyserini_tct.demo._systems import BASELINE, MEASURES, Row
from pyserini_tct.regress._spec import load_spec
from pyserini_tct.topics import read_qrels, read_topics

SCORES = re.compile(r'^(\S.*?) {2,}((?: *\d\.\d{4}[ +-]?){3}) ', re.MULTILINE)


def scores(text: str) -> dict[str, list[float]]:
    return {name: [float(value) for value in re.findall(r'\d\.\d{4}', values)] for name, values in SCORES.findall(text)}


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp('demo')
    done = command('pyserini_tct.demo', '--quick', cwd=folder)
    assert done.returncode == 0, done.stderr[-1500:]
    return folder, done


def test_the_rows_are_the_readmes(demo):
    """A quick demo is of a part of the collection, so its rows are compared by name."""
    found = scores(demo[1].stdout)
    assert len(found) == 11
    assert list(found) == list(scores((ROOT / 'README.md').read_text(encoding='utf-8')))
    assert all(0 < value <= 1 for values in found.values() for value in values)
    assert '36 test queries, 150 passages' in demo[1].stdout


def test_the_readmes_table_is_what_is_pinned():
    """Every row that regressions/pocket.yaml knows, within its tolerance; `make test` runs that file."""
    readme = scores((ROOT / 'README.md').read_text(encoding='utf-8'))
    pins = {
        condition.display: [(pin.expected, pin.tolerance) for pin in evaluation.pins]
        for condition in load_spec(ROOT / 'regressions' / 'pocket.yaml').conditions
        for evaluation in condition.topics
        if evaluation.topic_key == 'pocket-test'
    }
    assert len(pins) == 9
    for display, expected in pins.items():
        row = readme[re.sub(r' \((k1|alpha|all-).*', '', display)]
        for value, (pin, tolerance) in zip(row, expected, strict=True):
            assert abs(value - pin) <= tolerance + 5e-5, display


def test_a_part_of_the_collection_answers_its_queries(tmp_path):
    """Every relevant passage of a query that is kept is kept as well; nothing is judged that is not there."""
    part = shrink(POCKET, tmp_path / 'part', passages=150)
    docids = {passage.docid for passage in read_corpus(part / 'corpus.jsonl')}
    assert len(docids) == 150
    for split, queries in (('train', 300), ('dev', 18), ('test', 36)):
        qrels, whole = read_qrels(part / f'qrels.{split}.txt'), read_qrels(POCKET / f'qrels.{split}.txt')
        assert len(qrels) == queries
        assert qrels == {qid: whole[qid] for qid in read_topics(part / f'queries.{split}.tsv')}
        assert {docid for grades in qrels.values() for docid in grades} <= docids


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
