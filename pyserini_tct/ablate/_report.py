# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The report of an ablation: the cells that are there to ``ablation.md``, ``ablation.json`` and ``ablation.png``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _files
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.ablate import _statistics
from pyserini_tct.ablate._run import PLAN, cells_of, load_cell
from pyserini_tct.ablate._statistics import MEAN, Difference, Row
from pyserini_tct.eval import markdown_table, text_table

SIGNIFICANT = 0.05


def write_report(root: Path) -> str:
    """Write the report from the cells there are.

    Args:
        root: the ablation's folder.

    Returns:
        The table as text.

    Raises:
        TctError: there is no ablation, no finished cell, or a cell of another one.
    """
    if not (root / PLAN).exists():
        raise TctError(f'{root} holds no ablation: run one with --output {root} first')
    plan = _files.read_json(root / PLAN)
    cells = cells_of(plan)
    contents = {cell.name: load_cell(root, plan, cell) for cell in cells}
    missing = [name for name, content in contents.items() if content is None]
    rows = _statistics.rows_of(content for content in contents.values() if content is not None)
    if not rows:
        raise TctError(f'{root} has no finished cell yet: there is nothing to report')
    trained = [entry['name'] for entry in plan['collections'] if entry['trained']]
    columns = [MEAN, *(entry['name'] for entry in plan['collections'])]
    compared = {
        column: {measure: _statistics.compare(rows, column, measure, trained) for measure in plan['measures']}
        for column in columns
    }
    caption = _caption(plan, missing)
    table = _main_table(rows, plan, trained, compared[MEAN])
    by_measure = {m: _columns_table(rows, m, columns, trained, compared) for m in plan['measures']}
    parts = [f'# Ablation of distillation on {", ".join(trained)}', caption]
    parts += [f'## Mean over {", ".join(trained)}', markdown_table(table)]
    for measure, cells_table in by_measure.items():
        parts += [f'## {measure} of each collection', markdown_table(cells_table)]
    commands = [content['command'] for content in contents.values() if content and content['command']]
    parts += ['## Commands', '\n'.join(['```', *commands, '```', ''])]
    with _atomic.atomic_file(root / 'ablation.md') as out:
        out.write('\n\n'.join(parts))
    _atomic.write_json(root / 'ablation.json', _as_json(rows, plan, trained, columns, compared, missing))
    _draw(root / 'ablation.png', rows, plan['measures'], trained, compared[MEAN])
    texts = [text_table(table), *(f'{m}\n{text_table(cells_table)}' for m, cells_table in by_measure.items())]
    return '\n\n'.join(['', *(texts if len(columns) > 2 else texts[:1]), caption, f'Report: {root}/ablation.md'])


def _score(row: Row, column: str, measure: str, trained: Sequence[str], mark: str = '') -> str:
    found = _statistics.spread(row, column, measure, trained)
    if found is None:
        return '-'
    return f'{found[0]:.4f}{mark or " "}' + ('' if found[1] is None else f' ± {found[1]:.4f}')


def _mark(found: Difference | None) -> str:
    if found is None or found.corrected >= SIGNIFICANT:
        return ''
    return '+' if found.difference > 0 else '-'


def _main_table(
    rows: Sequence[Row], plan: dict[str, Any], trained: Sequence[str], compared: dict[str, dict[str, Difference]]
) -> list[list[str]]:
    measures = plan['measures']
    head = ['setting', 'seeds', *(part for m in measures for part in (m, 'to none [95 %]', 'p'))]
    table = [[*head, 'train s', 's/step', 'peak MiB', 'entropy']]
    for row in rows:
        line = [row.name, '' if None in row.cells else str(len(row.cells))]
        for measure in measures:
            found = compared[measure].get(row.name)
            line.append(_score(row, MEAN, measure, trained, _mark(found)))
            if found is None:
                line += ['', '']
            else:
                line.append(f'{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]')
                line.append(f'{found.corrected:.3f}')
        memory = _statistics.average(row, _statistics.memory)
        line += [
            _figure(_statistics.average(row, _statistics.seconds), '.0f'),
            _figure(_statistics.average(row, _statistics.step_seconds), '.2f'),
            _figure(None if memory is None else memory / 2**20, ',.0f'),
            _figure(_statistics.average(row, _statistics.entropy), '.2f'),
        ]
        table.append(line)
    return table


def _figure(value: float | None, form: str) -> str:
    return '' if value is None else format(value, form)


def _columns_table(
    rows: Sequence[Row],
    measure: str,
    columns: Sequence[str],
    trained: Sequence[str],
    compared: dict[str, dict[str, dict[str, Difference]]],
) -> list[list[str]]:
    table = [['setting', *columns]]
    for row in rows:
        marks = [_mark(compared[column][measure].get(row.name)) for column in columns]
        scores = [_score(row, c, measure, trained, mark) for c, mark in zip(columns, marks, strict=True)]
        table.append([row.name, *scores])
    return table


def _caption(plan: dict[str, Any], missing: Sequence[str]) -> str:
    told = []
    for entry in plan['collections']:
        part = '' if entry['queries'] == entry['of'] else f' of {entry["of"]}, a fixed sample'
        use = '' if entry['trained'] else ', not trained on'
        told.append(f'{entry["name"]} ({entry["queries"]} queries{part}, {entry["passages"]} passages{use})')
    limit = plan['full_maxsim_limit']
    lines = [
        f'Collections: {"; ".join(told)}.',
        'Mean and standard deviation over seeds. To none: the difference to the student without soft labels that '
        'starts from the same weights, paired by query after averaging over seeds, with its 95 % t interval; p: '
        'two-sided paired t-test, Holm over the settings; + and - mark p < 0.05.',
        f'teacher: re-ranks the best {plan["rerank_depth"]} of BM25. maxsim: the ColBERT teacher scores all passages, '
        f'where a collection has at most {limit}. Train s: one uninterrupted training with its start. Peak MiB: of the '
        "training's process, or of its GPU. Entropy: of the teacher's target in the first step, in nats.",
    ]
    if plan['evaluate_seeds'] is not None:
        lines.append(f'Collections not trained on: the first {plan["evaluate_seeds"]} of the seeds only.')
    if missing:
        lines.append(f'Missing ({len(missing)} of {len(plan["cells"])} cells): {", ".join(missing)}.')
    return '\n'.join(lines)


def _as_json(
    rows: Sequence[Row],
    plan: dict[str, Any],
    trained: Sequence[str],
    columns: Sequence[str],
    compared: dict[str, dict[str, dict[str, Difference]]],
    missing: Sequence[str],
) -> dict[str, Any]:
    described = []
    for row in rows:
        scores: dict[str, Any] = {}
        for column in columns:
            for measure in plan['measures']:
                found, difference = (
                    _statistics.spread(row, column, measure, trained),
                    compared[column][measure].get(row.name),
                )
                scores.setdefault(column, {})[measure] = found and {
                    'mean': found[0],
                    'sd': found[1],
                    'to_none': difference and difference._asdict(),
                }
        described.append(
            {
                'row': row.name,
                'kind': row.kind,
                'seeds': [seed for seed in row.cells if seed is not None],
                'baseline': row.baseline or None,
                'scores': scores,
                'seconds': _statistics.average(row, _statistics.seconds),
                'seconds_per_step': _statistics.average(row, _statistics.step_seconds),
                'peak_memory': _statistics.average(row, _statistics.memory),
                'target_entropy': _statistics.average(row, _statistics.entropy),
            }
        )
    return {'settings': plan['settings'], 'collections': plan['collections'], 'rows': described, 'missing': [*missing]}


def _draw(
    path: Path,
    rows: Sequence[Row],
    measures: Sequence[str],
    trained: Sequence[str],
    compared: dict[str, dict[str, Difference]],
) -> None:
    from pyserini_tct.ablate._plot import write_plot

    try:
        write_plot(path, rows, measures, trained, compared)
    except TctError as error:  # the table needs no plot
        note(f'note: no plot: {error}')
