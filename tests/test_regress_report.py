# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Reports: the grid, Markdown, JSON, JUnit and the page, which say the same, and the history."""

import html.parser
import json
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as xml

import pytest
from conftest import fails
from tiny_regression import edit

from pyserini_tct.regress import load_spec
from pyserini_tct.regress.__main__ import main
from pyserini_tct.regress._grid import as_text, summary
from pyserini_tct.regress._matrix import Row, exit_code
from pyserini_tct.regress._report import write_report

ROWS = [
    Row('bm25', 'dev', 'RR@10', 0.5, 0.5, 0.0, 'OK'),
    Row('bm25', 'dev', 'AP', 0.25, 0.2, 0.0, 'LOW', finding='first stage that moved: index'),
    Row('bm25', 'test', 'RR@10', 0.5, 0.6, 0.0, 'HIGH'),
    Row('dense', 'dev', 'RR@10', None, 0.125, 0.0, 'no pin'),
    Row('dense', 'test', 'RR@10', 0.5, None, 0.0, 'not run', 'no network'),
    Row('dense', 'test', 'ranks@10', 0.0, 3.0, 0.0, 'RANKS', 'other documents'),
    Row('hybrid', 'test', 'RR@10', 0.5, None, 0.0, 'not run', 'no network'),
]


def test_the_grid_is_laid_out_as_in_2cr():
    """Figures stand below each other at their last digit, marks right of them."""
    assert as_text(ROWS) == (
        '         dev               test\n'
        '          RR@10       AP     RR@10  ranks@10\n'
        'bm25     0.5000   0.2000-   0.6000+\n'
        'dense    0.1250?           (0.5000)        3!\n'
        'hybrid                     (0.5000)\n'
    )


def test_a_long_topic_is_not_cut():
    """`msmarco-v1-passage.dev` and `msmarco-v1-passage` would look alike."""
    names = ['msmarco-v1-passage.dev', 'msmarco-v1-passage.dev2']
    head, measures, line = as_text([Row('bm25', name, 'AP', 0.5, 0.5, 0.0, 'OK') for name in names]).splitlines()
    assert head == f'       {names[0]}  {names[1]}'
    assert [text.rindex(end) for text, end in ((head, '2'), (measures, 'P'), (line, '0'))] == [53, 52, 52]


def test_what_could_not_run_is_listed_apart():
    text = summary(ROWS)
    drift, absent = text.split('\ncould not run: no network\n')
    assert absent == '  dense test\n  hybrid test\n7 figures: 1 OK, 1 LOW, 1 HIGH, 1 no pin, 2 not run, 1 RANKS\n'
    assert 'bm25 dev: first stage that moved: index' in drift
    assert 'no network' not in drift
    assert exit_code(ROWS) == 1
    assert exit_code([row for row in ROWS if row.status in ('OK', 'not run')]) == 2
    assert exit_code(ROWS[:1]) == 0
    assert exit_code([]) == 2


class Page(html.parser.HTMLParser):
    """Tags and texts of a page, which must be well nested."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.texts, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in ('src', 'href')]
        if tag not in ('meta', 'br'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def report(place, *words):
    main([str(place / 'spec.yaml'), '--report', str(place / 'report'), *words])
    return place / 'report'


def page_of(folder):
    page = Page()
    page.feed((folder / 'index.html').read_text())
    assert page.open == []
    return page


def test_all_forms_say_the_same(place):
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    folder = report(place)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith('.')) == [
        'history.jsonl',
        'index.html',
        'junit.xml',
        'report.json',
        'report.md',
    ]
    facts = json.loads((folder / 'report.json').read_text())
    assert (facts['kind'], facts['exit_code'], facts['file']) == ('regression-report', 1, 'spec.yaml')
    figures = {row['measure']: row for row in facts['figures']}
    assert (figures['RR@10']['status'], figures['RR@10']['found'], figures['R@100']['status']) == ('HIGH', 0.75, 'OK')
    assert figures['RR@10']['commands'][0].startswith('python ')
    assert figures['RR@10']['source'] == 'computed by hand, 2026'
    suite = xml.parse(folder / 'junit.xml').getroot()
    assert (suite.get('tests'), suite.get('failures'), suite.get('errors')) == ('3', '1', '0')
    (failed,) = suite.iter('failure')
    assert failed.text.startswith('expected 0.5000, found 0.7500, tolerance 0.0000; no fingerprint')
    markdown = (folder / 'report.md').read_text()
    assert '| tiny | 0.7500+ | 1.0000 | 0 |' in markdown
    assert '- tiny tiny-test RR@10 HIGH: expected 0.5000, found 0.7500, tolerance 0.0000\n' in markdown
    assert markdown.count('no fingerprint of the pinned state') == 1


def test_what_could_not_run_is_an_error_in_junit(place):
    (place / 'search.py').write_text('pass')
    folder = report(place)
    suite = xml.parse(folder / 'junit.xml').getroot()
    assert (suite.get('failures'), suite.get('errors')) == ('0', '3')
    assert 'Could not run: exit code 0, but nothing was written' in (folder / 'report.md').read_text()


def test_colours_and_control_characters_of_a_log_are_no_part_of_a_report(place):
    """XML has no way to write them: a reader of JUnit would refuse the whole file."""
    (place / 'search.py').write_text('raise SystemExit("\\x1b[31mred\\x1b[0m <&> \\x00\\x08\\ufffe\\U0001f642 end")')
    (error, *_) = xml.parse(report(place) / 'junit.xml').getroot().iter('error')
    assert error.get('message').startswith('exit code 1: red <&> \U0001f642 end (log: ')


def test_the_page_needs_nothing_from_outside(place):
    page = page_of(report(place))
    assert page.links == []
    assert 'http' not in (place / 'report' / 'index.html').read_text()
    rows = [attrs for tag, attrs in page.tags if tag == 'tr' and attrs.get('class') == 'row']
    assert len(rows) == 1
    assert ('button', {'type': 'button'}) in page.tags
    (commands,) = [text for text in page.texts if 'search.py' in text]
    assert commands.splitlines()[1].startswith('python ')
    assert commands.splitlines()[1].endswith('run.tiny.tiny-test.trec')


def test_the_page_escapes_what_it_shows(place):
    edit(place, 'display: Tiny (k1=0.9)', "display: '<script>alert(1)</script>'")
    assert '<script>alert(1)</script>' not in (report(place) / 'index.html').read_text()


def test_the_history_grows_and_is_shown(place):
    report(place)
    (place / 'found.trec').write_text('1 Q0 a 1 1.0 t\n2 Q0 a 1 1.0 t\n')
    folder = report(place)
    lines = [json.loads(line) for line in (folder / 'history.jsonl').read_text().splitlines()]
    assert [line['figures']['tiny tiny-test RR@10'] for line in lines] == [0.75, 1.0]
    assert [line['exit_code'] for line in lines] == [0, 1]
    texts = page_of(folder).texts
    assert '0.7500 ' not in texts
    assert texts.count(lines[0]['date']) >= 1
    row = texts.index('tiny-test RR@10')
    assert texts[row : row + 6] == ['tiny-test RR@10', '0.7500', '1.0000', '0.0000', 'HIGH', '0.7500']


def test_two_regressions_report_into_one_folder(place, tmp_path):
    """Guards against a run that is missing from the history since another one read it at the same time."""
    spec = load_spec(place / 'spec.yaml')
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_report(tmp_path / 'report', spec, ROWS[:1]), range(8)))
    assert len((tmp_path / 'report' / 'history.jsonl').read_text().splitlines()) == 8


def test_a_folder_of_the_user_is_not_a_report(place, capsys):
    (place / 'report').mkdir()
    (place / 'report' / 'index.html').write_text('years of work')
    assert 'holds files that no regression made' in fails(
        main, place / 'spec.yaml', '--report', place / 'report', capsys=capsys
    )
    assert (place / 'report' / 'index.html').read_text() == 'years of work'
    (place / 'search.py').write_text('raise SystemExit("it is refused before anything has run")')
    (place / 'other.yaml').write_text((place / 'spec.yaml').read_text())
    main([str(place / 'other.yaml'), '--report', str(place / 'theirs')])
    capsys.readouterr()
    assert 'has the report of other.yaml' in fails(
        main, place / 'spec.yaml', '--report', place / 'theirs', capsys=capsys
    )
    assert 'holds files' in fails(main, place / 'spec.yaml', '--report', place / 'report', capsys=capsys)


@pytest.mark.parametrize('line', ['{', '[]', '{"file": "x"}'])
def test_a_damaged_history_is_named(place, capsys, line):
    with open(report(place) / 'history.jsonl', 'a') as out:
        out.write(line + '\n')
    capsys.readouterr()
    assert 'history.jsonl: line 2 is no record of a run' in fails(
        main, place / 'spec.yaml', '--report', place / 'report', capsys=capsys
    )
