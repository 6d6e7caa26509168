# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.eval``: a table over any number of runs, and which of their differences are significant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _cli
from pyserini_tct._atomic import atomic_file, check_free
from pyserini_tct._errors import TctError
from pyserini_tct.eval import _significance
from pyserini_tct.eval._measures import DEFAULT_MEASURES, MISSING, TIES, Scores, check_grades, evaluate, provider_of
from pyserini_tct.eval._names import as_trec_eval, expanded, parse_measures
from pyserini_tct.eval._ranks import Qrels
from pyserini_tct.eval._report import FORMATS, Report, document
from pyserini_tct.runs import load_run, notes_on
from pyserini_tct.topics import read_qrels

ABOUT = """Evaluate runs as trec_eval -c does; all measures break ties alike. trec_eval's own flags are understood:
-c -l 2 -m map -m recall.1000 asks for AP(rel=2) and R(rel=2)@1000, and -M 10 -m recip_rank for RR@10."""


def _parser() -> _cli.Parser:
    parser = _cli.Parser('pyserini_tct.eval', ABOUT)
    add = parser.add_argument
    add('qrels', metavar='QRELS', help='TREC relevance judgments, or irds:NAME')
    add('runs', metavar='RUN', nargs='+', type=Path, help='run in TREC or MS MARCO format')
    usual = ' '.join(DEFAULT_MEASURES)
    text = f'as ir_measures spells them, e.g. AP(rel=2) or R@1000, or as trec_eval does (without any: {usual})'
    add('--measures', nargs='+', metavar='NAME', help=text)
    add('-m', action='append', metavar='NAME', dest='trec', help='one more, e.g. ndcg_cut.10 or recall.10,50')
    add('-M', type=_cli.positive, metavar='DEPTH', dest='depth', help='count only the first documents of a list')
    add('-l', type=_cli.positive, metavar='GRADE', dest='level', help='least grade of a relevant document')
    add('--missing', choices=MISSING, default='zero', help='judged queries without a result: count as 0, or leave out')
    add('-c', action='store_const', const='zero', default='zero', dest='missing', help='the same as --missing zero')
    text = 'documents with equal scores: by docid, or in the order of trec_eval, which turns it round'
    add('--ties', choices=TIES, default='docid', help=text)
    add('-q', '--per-query', action='store_true', help='values of each query as well')
    add('--baseline', type=Path, metavar='RUN', help='one of the runs, which the others are compared with')
    add('--test', choices=_significance.TESTS, default='t', help='paired test, two-sided')
    add('--correction', choices=_significance.CORRECTIONS, default='holm', help='of p, for the number of runs compared')
    add('--permutations', type=_cli.positive, default=_significance.PERMUTATIONS, help='of the randomization test')
    add('--seed', type=_cli.positive, default=_significance.SEED, help='of the randomization test')
    add('--format', choices=FORMATS, default='text', help='JSON has all digits')
    add('--output', type=Path, help='write to this file, not to standard output')
    parser.add_overwrite()
    return parser


def _evaluated(qrels: Qrels, path: Path, measures: list[Any], missing: str, ties: str) -> Scores:
    run = load_run(path)
    for note in notes_on(path, run, scored=False):
        _cli.note(f'note: {note}')
    try:
        return evaluate(qrels, run, measures, missing, ties)
    except TctError as error:
        raise TctError(f'{path}: {error}') from error


def _checked(runs: Sequence[Path], baseline: Path | None) -> str | None:
    """Refuse a run that is named twice and a baseline that is none of them; return the baseline's name."""
    twice = next((path for i, path in enumerate(runs) if path in runs[:i]), None)
    if twice:
        raise TctError(f'the run {twice} is named twice: name it once')
    if baseline is None:
        return None
    if baseline not in runs:
        raise TctError(
            f'the baseline {baseline} is not among the runs ({", ".join(map(str, runs))}): name it there too'
        )
    if len(runs) == 1:
        raise TctError(f'there is no run besides the baseline {baseline}: name one to compare with it')
    return str(baseline)


def main(argv: Sequence[str]) -> None:
    """Evaluate, compare, then print or write."""
    args = _parser().parse_args(argv)
    if args.output:
        check_free(args.output, args.overwrite, inputs=[args.qrels, *args.runs])
    baseline = _checked(args.runs, args.baseline)
    names = [part for name in [*(args.measures or []), *(args.trec or [])] for part in expanded(name)]
    measures = as_trec_eval(parse_measures(names or DEFAULT_MEASURES), args.depth, args.level)
    providers = {str(measure): provider_of(measure) for measure in measures}
    qrels = read_qrels(args.qrels)
    try:
        check_grades(qrels, measures)
    except TctError as error:
        raise TctError(f'{args.qrels}: {error}') from error
    results = {str(path): _evaluated(qrels, path, measures, args.missing, args.ties) for path in args.runs}
    test = {'test': args.test, 'correction': args.correction}
    comparisons = {}
    if baseline:
        drawn = {'permutations': args.permutations, 'seed': args.seed}
        others = {run: scores.per_query for run, scores in results.items() if run != baseline}
        comparisons = _significance.compare_to(results[baseline].per_query, others, **test, **drawn)
        test |= drawn if args.test == 'randomization' else {}
    report = Report(
        args.qrels, results, providers, args.missing, args.ties, baseline, comparisons, test, args.per_query
    )
    text = document(report, args.format)
    if args.output:
        with atomic_file(args.output) as out:
            out.write(text)
    else:
        print(text, end='')


if __name__ == '__main__':
    _cli.run(main)
