# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The table as text, Markdown, LaTeX and JSON, and a page with plots, gains by query and commands."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyserini_tct import _page, _plots
from pyserini_tct.compare._latency import STAGES
from pyserini_tct.eval import latex_table, markdown_table, text_table

RERANKED = {'colbert', 'hybrid-maxsim', 'bm25-cross'}
SHOWN = 3  # queries with the largest gain and loss

Found = Mapping[str, Any]


def documents(folder: Path, found: Found) -> dict[Path, str]:
    """Return the files of a comparison by their paths."""
    tables = cells(found), stage_cells(found)
    markdown = '\n\n'.join([f'# {title(found)}', caption(found), *map(markdown_table, tables), *_commands(found), ''])
    remarks = ['', *(f'% {row["display"]}: {line}' for row in found['systems'] for line in row['commands'])]
    latex = [f'% {caption(found)}', *map(latex_table, tables), '\n'.join(remarks), '']
    commands = dict.fromkeys(line for row in found['systems'] for line in row['commands'])
    return {
        folder / 'compare.json': json.dumps(found, indent=2, ensure_ascii=False) + '\n',
        folder / 'compare.md': markdown,
        folder / 'compare.tex': '\n\n'.join(latex),
        folder / 'compare.html': as_page(found),
        folder / 'commands.txt': ''.join(f'{line}\n' for line in commands),
    }


def title(found: Found) -> str:
    """Return the heading: collection and split."""
    return f'{Path(found["collection"]).name or found["collection"]}, {found["split"]}'


def caption(found: Found) -> str:
    """Say what the figures are of."""
    threads = ', '.join(f'{name} {count}' for name, count in found['threads'].items())
    latency = found['systems'][0]['latency']
    device = f'{found["environment"]["device"]}, {found["environment"]["precision"]}'
    alphas = ', '.join(f'{tuned["alpha"]:g} ({name})' for name, tuned in found['alphas'].items())
    base = found['baseline']['name']
    names = {row['name'] for row in found['systems']}
    how = f'tuned on {found["tuned_on"]}' if found['tuned_on'] else 'as given'
    parts = [
        f'{found["queries"]} judged queries, {found["passages"]} passages, {found["hits"]} hits.',
        *_counts(found),
        _models(found),
        f'+ and - mark a difference to {base} (paired t-test, Holm, p < 0.05).' if len(found['systems']) > 1 else '',
        f'Milliseconds are of {latency["queries"]} single queries after {latency["warm_up"]} to warm up, '
        f'stages one after the other, on {device}, threads: {threads}.',
        'Build seconds are of all that a system searches, encoding included; index bytes without texts.',
        'HNSW as index.faiss makes it, searched with as many candidates as hits.' if 'dense-hnsw' in names else '',
        'End to end, MaxSim is of all passages that own a nearest token of a query token.'
        if 'colbert-e2e' in names
        else '',
        f'alpha {how}: {alphas}.' if alphas else '',
        f'Re-ranked: the best {found["depth"]}.' if names & RERANKED else '',
    ]
    return ' '.join(filter(None, parts))


def _models(found: Found) -> str:
    """Name the models of the table."""
    kinds = {'student': 'student', 'teacher': 'teacher', 'cross': 'cross-encoder'}
    named = ', '.join(f'{kinds[kind]} {Path(name).name}' for kind, name in found['models'].items() if name)
    return f'Models: {named}.' if named else ''


def _counts(found: Found) -> list[str]:
    """Say which queries are ignored and which count as 0: none is passed over in silence."""
    meanings = {
        'unjudged': 'topics without judgments are ignored.',
        'not_asked': 'judged queries are no topics and count as 0.',
        'irrelevant': 'queries without a relevant passage count as 0.',
    }
    missing = ', '.join(f'{row["missing"]} ({row["display"]})' for row in found['systems'] if row['missing'])
    told = [f'{found[name]} {meaning}' for name, meaning in meanings.items() if found[name]]
    return told + ([f'Judged queries without a hit, counted as 0: {missing}.'] if missing else [])


def cells(found: Found) -> list[list[str]]:
    """Return the cells of the main table, the head first."""
    head = [title(found), *found['measures'], 'ms mean', 'p50', 'p99', 'index KiB', 'bytes/passage', 'build s']
    return [head, *(_row(row, found) for row in found['systems'])]


def _row(row: Found, found: Found) -> list[str]:
    marks = {measure: compared['mark'] for measure, compared in (row['comparison'] or {}).items()}
    scores = [f'{row["scores"][measure]:.4f}{marks.get(measure) or " "}' for measure in found['measures']]
    times = [f'{row["latency"][name]:.1f}' for name in ('mean', 'p50', 'p99')]
    size = row['index_bytes']
    costs = [f'{size / 1024:,.0f}', f'{size / found["passages"]:,.0f}', f'{row["build_seconds"]:.1f}']
    return [row['display'], *scores, *times, *costs]


def stage_cells(found: Found) -> list[list[str]]:
    """Return the cells of the table of mean milliseconds by stage."""
    rows = []
    for row in found['systems']:
        stages = row['latency']['stages']
        rows.append([row['display'], *(f'{stages[name]:.1f}' if name in stages else '' for name in STAGES)])
    return [['ms a query, mean', *STAGES], *rows]


def as_text(found: Found) -> str:
    """Lay both tables out in columns, with the caption."""
    return '\n\n'.join([text_table(cells(found)), text_table(stage_cells(found)), caption(found)])


def as_page(found: Found) -> str:
    """Return one HTML page without outside resources."""
    measure = next(iter(found['measures']))
    costs = (
        ('latency', 'ms a query, p50 (log)', lambda row: row['latency']['p50']),
        ('storage', 'bytes a passage (log)', lambda row: row['index_bytes'] / found['passages']),
    )
    plots = [
        _plots.cost_plot(
            f'effectiveness and {what}',
            unit,
            f'{measure}, {found["split"]}',
            [_plots.Point(row['display'], cost(row), row['scores'][measure]) for row in found['systems']],
        )
        for what, unit, cost in costs
    ]
    tuned = {name: alpha for name, alpha in found['alphas'].items() if 'curve' in alpha}
    if tuned:
        plots.append(_plots.alpha_plot(tuned, found['tuned_on'], next(iter(tuned.values()))['measure']))
    stages, (head, *body) = stage_cells(found), cells(found)
    commands = [_page.commands(row['commands']) for row in found['systems']]
    tables = _page.opening_table(head, zip(body, commands, strict=True)) + _page.table(stages[0], stages[1:])
    left_out = ''.join(f'<li>{html.escape(f"{name}: needs {need}")}</li>' for name, need in found['left_out'].items())
    return _page.page(
        title(found),
        f'<p>{html.escape(caption(found))} A row opens to its commands.</p>{tables}{_page.figures(plots)}'
        f'{_gains(found, measure)}' + (f'<h2>Left out</h2><ul>{left_out}</ul>' if left_out else ''),
        script=_page.SCRIPT,
    )


def _gains(found: Found, measure: str) -> str:
    """Return plots of the gain of each query over the baseline, and the queries that gain and lose most."""
    base = next(row for row in found['systems'] if row['name'] == found['baseline']['name'])
    plots, rows = [], []
    for row in found['systems']:
        if row is base:
            continue
        theirs, mine = base['per_query'][measure], row['per_query'][measure]
        gains = {qid: value - theirs[qid] for qid, value in mine.items()}
        plots.append(_plots.gains_plot(row['display'], measure, list(gains.values())))
        counts = row['comparison'][measure]
        ranked = sorted(gains, key=lambda qid: (-gains[qid], qid))
        shown = [qid for qid in ranked[:SHOWN] if gains[qid] > 0] + [qid for qid in ranked[-SHOWN:] if gains[qid] < 0]
        p = counts['corrected']
        line = [row['display'], f'{counts["difference"]:+.4f}', f'{p:.4f}' if p >= 1e-4 else '< 0.0001']
        line += [str(counts[name]) for name in ('wins', 'ties', 'losses')]
        queries = [
            [found['topics'].get(qid, qid), f'{theirs[qid]:.2f}', f'{mine[qid]:.2f}', f'{gains[qid]:+.2f}']
            for qid in dict.fromkeys(shown)
        ]
        rows.append((line, _page.table(['query', base['display'], row['display'], 'gain'], queries)))
    if not rows:
        return ''
    head = ['system', f'difference in {measure}', 'p (Holm)', 'wins', 'ties', 'losses']
    heading = (
        f'<h2>Query by query against {html.escape(base["display"])}</h2><p>A row opens to the largest gains and losses.'
    )
    return f'{heading}</p>{_page.opening_table(head, rows)}{_page.figures(plots)}'


def _commands(found: Found) -> list[str]:
    return ['\n'.join([f'## {row["display"]}', '', '```', *row['commands'], '```']) for row in found['systems']]
