# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What was found, as a document: a row a run and a column a measure, comparisons with a baseline, values per query."""

import json
from typing import Any, NamedTuple

from pyserini_tct.eval._measures import Scores
from pyserini_tct.eval._significance import LEVEL, TESTS, Comparison
from pyserini_tct.eval._tables import TABLES, Cells

FORMATS = (*TABLES, 'json')
CORRECTED = {'holm': 'Holm', 'bonferroni': 'Bonferroni', 'none': 'not corrected'}


class Report(NamedTuple):
    """The evaluation of some runs.

    Args:
        qrels: where the judgments come from.
        results: by run.
        providers: who computed each measure.
        missing: ``zero`` or ``skip``.
        ties: ``docid`` or ``trec_eval``.
        baseline: name of a run, or ``None``.
        comparisons: with the baseline, by run and measure.
        test: settings of the comparisons: ``test``, ``correction``, and for a randomization ``permutations``, ``seed``.
        per_query: whether the values of each query belong to the document.
    """

    qrels: str
    results: dict[str, Scores]
    providers: dict[str, str]
    missing: str
    ties: str
    baseline: str | None
    comparisons: dict[str, dict[str, Comparison]]
    test: dict[str, Any]
    per_query: bool


def document(report: Report, output_format: str) -> str:
    """Return the report in one of :data:`FORMATS`; JSON has all digits."""
    if output_format == 'json':
        return json.dumps(_as_dict(report), indent=2, ensure_ascii=False) + '\n'
    table = TABLES[output_format]
    tables = [table(_means(report), 1)]
    if report.per_query:
        tables.insert(0, table(_queries(report), 2))
    remarks = _remarks(report)
    if output_format == 'latex':
        remarks = [f'% {remark}' for remark in remarks]
    if output_format == 'markdown':
        remarks = ['', *(f'- {remark}' for remark in remarks)]
    parts = ['\n\n'.join(tables), *remarks]
    if report.baseline:
        parts += ['', table(_comparisons(report), 2)]
    return '\n'.join(parts) + '\n'


def _figure(measure: str, value: float) -> str:
    return f'{value:.0f}' if measure.startswith('Num') else f'{value:.4f}'


def _means(report: Report) -> Cells:
    rows = []
    for run, scores in report.results.items():
        found = report.comparisons.get(run, {})
        marks = {measure: comparison.mark() for measure, comparison in found.items()}
        blank = ' ' if report.baseline else ''
        rows.append([run, *(_figure(m, scores.mean[m]) + (marks.get(m) or blank) for m in report.providers)])
    return [['run', *report.providers], *rows]


def _queries(report: Report) -> Cells:
    """Return a row for each query and run, a query's runs one below the other."""
    order = dict.fromkeys(qid for scores in report.results.values() for qid in next(iter(scores.per_query.values())))
    rows = [
        [qid, run, *(_figure(measure, scores.per_query[measure][qid]) for measure in report.providers)]
        for qid in order
        for run, scores in report.results.items()
        if qid in scores.per_query[next(iter(report.providers))]
    ]
    return [['query', 'run', *report.providers], *rows]


def _comparisons(report: Report) -> Cells:
    head = ['run', 'measure', 'difference', 'p', 'corrected', 'wins', 'ties', 'losses']
    return [
        head,
        *(
            [
                run,
                measure,
                f'{c.difference:+.4f}',
                f'{c.p:.4g}',
                f'{c.corrected:.4g}',
                *map(str, (c.wins, c.ties, c.losses)),
            ]
            for run, found in report.comparisons.items()
            for measure, c in found.items()
        ),
    ]


def _remarks(report: Report) -> list[str]:
    """Return who computed what, how many queries there are, what was counted in which way, and what a mark means."""
    meanings = {
        'missing': 'judged queries without a result, ' + ('counted as 0' if report.missing == 'zero' else 'left out'),
        'unjudged': 'queries without judgments, ignored',
        'irrelevant': 'queries without a relevant document, counted as 0',
        'tied': 'queries with equal scores, ordered '
        + (
            'as trec_eval does'
            if report.ties == 'trec_eval'
            else 'by docid (trec_eval: the other way, --ties trec_eval)'
        ),
    }
    counts = {scores.queries for scores in report.results.values()}
    lines = ['computed by: ' + ', '.join(f'{measure} {provider}' for measure, provider in report.providers.items())]
    if len(counts) == 1:
        lines.append(f'queries: {counts.pop()}')
    else:
        lines += [f'{run}: {scores.queries} queries' for run, scores in report.results.items()]
    for run, scores in report.results.items():
        lines += [f'{run}: {getattr(scores, name)} {text}' for name, text in meanings.items() if getattr(scores, name)]
    if report.baseline:
        extra = ''.join(f', {key} {report.test[key]}' for key in ('permutations', 'seed') if key in report.test)
        lines.append(
            f'+ and -: differs from {report.baseline} ({TESTS[report.test["test"]]}{extra}, '
            f'{CORRECTED[report.test["correction"]]}, p < {LEVEL})'
        )
    return lines


def _as_dict(report: Report) -> dict[str, Any]:
    runs = []
    for run, scores in report.results.items():
        entry: dict[str, Any] = {'run': run, 'scores': scores.mean}
        entry |= {name: getattr(scores, name) for name in ('queries', 'missing', 'unjudged', 'irrelevant', 'tied')}
        if run in report.comparisons:
            entry['comparison'] = {m: comparison._asdict() for m, comparison in report.comparisons[run].items()}
        if report.per_query:
            entry['per_query'] = scores.per_query
        runs.append(entry)
    found: dict[str, Any] = {
        'qrels': report.qrels,
        'missing': report.missing,
        'ties': report.ties,
        'providers': report.providers,
    }
    if report.baseline:
        found['baseline'] = {'run': report.baseline, **report.test, 'level': LEVEL}
    return {**found, 'runs': runs}
