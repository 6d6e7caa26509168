# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome of a regression as files: ``report.md``, ``report.json``, ``junit.xml``, ``index.html``, a history.

All stand in one folder; ``history.jsonl`` there gets a line a run, from which the page shows how figures went.
"""

import datetime
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

from pyserini_tct._atomic import atomic_file, lock
from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines
from pyserini_tct.regress import _html
from pyserini_tct.regress._grid import LEGEND, apart, cell, grid_of
from pyserini_tct.regress._matrix import HIGH, LOW, NOT_RUN, OK, RANKS, Row, exit_code
from pyserini_tct.regress._records import Spec
from pyserini_tct.regress._steps import environment
from pyserini_tct.regress._work import claimed

NOT_IN_XML = re.compile('[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]')
MARKER, HISTORY = '.pyserini_tct-regress-report', 'history.jsonl'


def check_folder(folder: Path, spec: Spec) -> None:
    """Make a folder for the reports of a regression, or find that it is one.

    Raises:
        TctError: it holds other files or the reports of another regression, or its history is damaged.
    """
    for run in read_history(claimed(folder, MARKER) / HISTORY):
        if run['file'] != spec.path.name:
            raise TctError(f'{folder} has the report of {run["file"]}: choose another folder')


def write_report(folder: Path, spec: Spec, rows: Sequence[Row]) -> None:
    """Write all forms of the report into a folder, new or of an earlier run; raises as :func:`check_folder`."""
    check_folder(folder, spec)
    with lock(folder / HISTORY, 'another regression is writing its report: waiting for it'):
        _write(folder, spec, rows)


def _write(folder: Path, spec: Spec, rows: Sequence[Row]) -> None:
    facts = facts_of(spec, rows)
    history = [*read_history(folder / HISTORY), record_of(facts)]
    texts = {
        'report.json': json.dumps(facts, indent=2, ensure_ascii=False) + '\n',
        'report.md': as_markdown(facts, rows),
        'junit.xml': as_junit(facts, rows),
        'index.html': _html.as_page(facts, rows, {one.name: one.display for one in spec.conditions}, history),
        HISTORY: ''.join(json.dumps(line, ensure_ascii=False) + '\n' for line in history),
    }
    for name, text in texts.items():
        with atomic_file(folder / name) as out:
            out.write(text)


def facts_of(spec: Spec, rows: Sequence[Row]) -> dict[str, Any]:
    """Return all that the report says, as JSON."""
    return {
        'kind': 'regression-report',
        'file': spec.path.name,
        'collection': spec.collection,
        'date': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
        'exit_code': exit_code(rows),
        'seeds': spec.seeds,
        'environment': environment(),
        'figures': [row._asdict() for row in rows],
    }


def record_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the line of the history for one run."""
    versions = facts['environment']['versions']
    return {
        'file': facts['file'],
        'date': facts['date'],
        'exit_code': facts['exit_code'],
        'versions': versions,
        'figures': {
            ' '.join((row['condition'], row['topic_key'], row['measure'])): row['found'] for row in facts['figures']
        },
    }


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the earlier runs, oldest first.

    Raises:
        TctError: a line is no JSON object.
    """
    history = []
    for number, line in numbered_lines(path) if path.exists() else ():
        try:
            record = json.loads(line)
            history.append({key: record[key] for key in ('file', 'date', 'exit_code', 'versions', 'figures')})
        except (ValueError, KeyError, TypeError) as error:
            raise TctError(f'{path}: line {number} is no record of a run: remove the line') from error
    return history


def told(row: Row) -> str:
    """Return how far a row moved."""
    pair = f'expected {row.expected:.4f}, found {row.found:.4f}, tolerance {row.tolerance:.4f}'
    return '; '.join(filter(None, [pair, row.detail]))


def as_markdown(facts: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return the grid as a Markdown table, then what moved and what could not run."""
    grid = grid_of(rows)
    lines = [f'# Regression {facts["file"]}', '', f'{facts["date"]}, exit code {facts["exit_code"]}.', '']
    lines += [f'Marks: {LEGEND}.', '']
    lines.append('| condition | ' + ' | '.join(f'{topic} {measure}' for topic, measure in grid.columns) + ' |')
    lines.append('|---' + '|---:' * len(grid.columns) + '|')
    for name, line in grid.lines.items():
        lines.append(f'| {name} | ' + ' | '.join(cell(line.get(column)) for column in grid.columns) + ' |')
    moved = [row for row in rows if row.status in (LOW, HIGH, RANKS)]
    lines += ['', '## Moved', ''] if moved else []
    lines += [f'- {row.condition} {row.topic_key} {row.measure} {row.status}: {told(row)}' for row in moved]
    # All measures of one run have moved for the same reason: it is told once.
    lines += dict.fromkeys(f'- {row.condition} {row.topic_key}: {row.finding}' for row in moved if row.finding)
    for reason, names in apart(rows).items():
        lines += ['', f'Could not run: {reason}', '', *(f'- {name}' for name in names)]
    return '\n'.join(lines) + '\n'


def as_junit(facts: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return JUnit XML: drift is a failure, what could not run is an error."""
    suite = xml.Element(
        'testsuite',
        name=facts['file'],
        timestamp=facts['date'],
        tests=str(len(rows)),
        failures=str(sum(row.status in (LOW, HIGH, RANKS) for row in rows)),
        errors=str(sum(row.status == NOT_RUN for row in rows)),
    )
    for row in rows:
        case = xml.SubElement(suite, 'testcase', classname=row.condition, name=f'{row.topic_key} {row.measure}')
        if row.status == NOT_RUN:
            xml.SubElement(case, 'error', message=row.detail)
        elif row.status in (LOW, HIGH, RANKS):
            text = '; '.join(filter(None, [told(row), row.finding]))
            xml.SubElement(case, 'failure', message=row.status).text = text
        elif row.status != OK:
            xml.SubElement(case, 'system-out').text = f'no pin; found {row.found}'
    xml.indent(suite)
    return NOT_IN_XML.sub('', xml.tostring(suite, encoding='unicode', xml_declaration=True)) + '\n'
