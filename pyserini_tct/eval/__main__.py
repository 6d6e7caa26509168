# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.eval``: one table over any number of runs, with the tool behind each measure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _cli
from pyserini_tct._atomic import atomic_file, check_free
from pyserini_tct._errors import TctError
from pyserini_tct.eval._measures import DEFAULT_MEASURES, Scores, evaluate, parse_measures, provider_of
from pyserini_tct.runs import read_run
from pyserini_tct.topics import read_qrels

COUNTS = {'missing': 'judged queries without a result, counted as 0', 'unjudged': 'queries without judgments, ignored'}


def _parser() -> _cli.Parser:
    parser = _cli.Parser('pyserini_tct.eval', 'Evaluate runs as trec_eval -c does; all measures break ties by docid.')
    parser.add_argument('qrels', metavar='QRELS', help='TREC relevance judgments, or irds:NAME')
    parser.add_argument('runs', metavar='RUN', nargs='+', type=Path, help='run in TREC or MS MARCO format')
    parser.add_argument(
        '--measures',
        nargs='+',
        metavar='NAME',
        default=list(DEFAULT_MEASURES),
        help='measures as ir_measures spells them, e.g. AP(rel=2) or R@1000',
    )
    parser.add_argument('--format', choices=('text', 'json'), default='text', help='table, or JSON with all digits')
    parser.add_argument('--output', type=Path, help='write to this file, not to standard output')
    parser.add_overwrite()
    return parser


def table(results: dict[str, Scores], providers: dict[str, str]) -> str:
    """Return a row a run and a column a measure, then who computed what, then the counts that are not zero."""
    width = max(len('run'), *map(len, results))
    columns = {name: max(len(name), 6) for name in providers}
    lines = ['  '.join(['run'.ljust(width), *(name.rjust(size) for name, size in columns.items())])]
    for run, scores in results.items():
        figures = [f'{scores.mean[name]:{size}.4f}' for name, size in columns.items()]
        lines.append('  '.join([run.ljust(width), *figures]))
    lines.append('computed by: ' + ', '.join(f'{name} {provider}' for name, provider in providers.items()))
    lines.append(f'queries: {next(iter(results.values())).queries}')
    for run, scores in results.items():
        counts = {meaning: getattr(scores, count) for count, meaning in COUNTS.items()}
        lines += [f'{run}: {count} {meaning}' for meaning, count in counts.items() if count]
    return '\n'.join(lines) + '\n'


def as_json(qrels: str, results: dict[str, Scores], providers: dict[str, str]) -> str:
    """Return the same facts as JSON, with all digits."""
    runs = [
        {
            'run': run,
            'scores': scores.mean,
            'queries': scores.queries,
            'missing': scores.missing,
            'unjudged': scores.unjudged,
        }
        for run, scores in results.items()
    ]
    return json.dumps({'qrels': qrels, 'providers': providers, 'runs': runs}, indent=2, ensure_ascii=False) + '\n'


def _evaluated(qrels: dict[str, dict[str, int]], path: Path, measures: list[Any]) -> Scores:
    run = read_run(path)
    try:
        return evaluate(qrels, run, measures)
    except TctError as error:
        raise TctError(f'{path}: {error}') from error


def main(argv: Sequence[str]) -> None:
    """Evaluate, then print or write."""
    args = _parser().parse_args(argv)
    if args.output:
        check_free(args.output, args.overwrite, inputs=[args.qrels, *args.runs])
    measures = parse_measures(args.measures)
    providers = {str(measure): provider_of(measure) for measure in measures}
    qrels = read_qrels(args.qrels)
    results = {str(path): _evaluated(qrels, path, measures) for path in args.runs}
    text = table(results, providers) if args.format == 'text' else as_json(args.qrels, results, providers)
    if args.output:
        with atomic_file(args.output) as out:
            out.write(text)
    else:
        print(text, end='')


if __name__ == '__main__':
    _cli.run(main)
