# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Measures of one run: judgments and ``{qid: {docid: score}}`` in, means and values per query out.

The usual measures are computed here, the others by the tools of ir_measures. These break ties in different ways; so
the order is settled first (score, then docid), and every tool gets the same lists without ties.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pyserini_tct._columns import Columns
from pyserini_tct._errors import TctError
from pyserini_tct.eval._formulas import Ranking, formula_of
from pyserini_tct.eval._names import parse_measures
from pyserini_tct.eval._ranks import Qrels, Run, in_single_precision, rankings

DEFAULT_MEASURES = ('RR@10', 'nDCG@10', 'R@100')
OWN = 'pyserini_tct'
MISSING = ('zero', 'skip')
TIES = ('docid', 'trec_eval')
UNGRADED = ('Judged', 'NumQ', 'NumRel', 'NumRet')  # these say something of judgments without a relevant document


class Scores(NamedTuple):
    """What :func:`evaluate` found; both dictionaries begin with the name of the measure."""

    mean: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int  # judged queries in the mean
    missing: int  # judged queries without a result: counted as 0, or left out
    unjudged: int  # queries of the run without judgments, ignored
    irrelevant: int = 0  # queries in the mean whose judgments name no relevant document, counted as 0
    tied: int = 0  # judged queries with equal scores (as 32-bit floats)


def provider_of(measure: Any) -> str:
    """Return the name of the tool that computes a measure: this package, or one to which ir_measures gives it.

    Raises:
        TctError: no installed tool computes it.
    """
    import ir_measures

    if formula_of(measure):
        return OWN
    tools = [tool for tool in ir_measures.DefaultPipeline.providers if tool.supports(measure)]
    for tool in tools:
        if tool.is_available():
            return str(tool.NAME)
    hints = '; '.join(f'{tool.NAME}: {tool.install_instructions()}' for tool in tools)
    raise TctError(f'no installed tool computes {measure}: ' + (hints or 'choose another measure'))


def evaluate(
    qrels: Qrels,
    run: Run | Columns,
    measures: Iterable[Any] = DEFAULT_MEASURES,
    missing: str = 'zero',
    ties: str = 'docid',
) -> Scores:
    """Evaluate a run as ``trec_eval -c`` does: every judged query counts.

    A judged query without a result has the value 0, and so has one whose judgments name no relevant document (verified
    against trec_eval and pytrec_eval). Queries without judgments are ignored. A list is ranked on its full scores, ties
    by docid ascending, whatever ranks a file states.

    Args:
        qrels: ``{qid: {docid: grade}}``.
        run: ``{qid: {docid: score}}``, or the columns of a file.
        measures: names, or what :func:`parse_measures` returns.
        missing: ``zero``, or ``skip`` for the mean over the answered queries alone, as trec_eval without ``-c``.
        ties: ``docid``, or ``trec_eval`` for its order: by 32-bit scores, of equal ones the last docid first.

    Raises:
        TctError: no query in common, no relevant document in the judgments, a score that is NaN, or a measure that
            cannot be computed here.

    >>> evaluate({'1': {'a': 1}}, {'1': {'b': 0.5, 'a': 0.5}}, ['RR@10']).mean
    {'RR@10': 1.0}
    """
    if missing not in MISSING:
        raise TctError(f'missing={missing!r} is unknown: choose one of {", ".join(MISSING)}')
    if ties not in TIES:
        raise TctError(f'ties={ties!r} is unknown: choose one of {", ".join(TIES)}')
    descending = ties == 'trec_eval'
    run = in_single_precision(run) if descending else run
    parsed = parse_measures(measures)
    others = [measure for measure in parsed if provider_of(measure) != OWN]
    check_grades(qrels, parsed)
    queries = run.rows if isinstance(run, Columns) else run
    found = {item.qid: item for item in rankings(qrels, run, descending)}
    if not found:
        raise TctError(
            f'run and judgments share no query id: the run has {_examples(queries)}, the judgments have '
            f'{_examples(qrels)}; check that they belong together'
        )
    counted = [qid for qid in qrels if missing == 'zero' or qid in found]
    lists = [found[qid].ranking if qid in found else Ranking((), (), [*qrels[qid].values()], 0) for qid in counted]
    per_query: dict[str, dict[str, float]] = {}
    for measure in parsed:
        formula = formula_of(measure)
        values = [formula(ranking) for ranking in lists] if formula else [0.0] * len(counted)
        per_query[str(measure)] = dict(zip(counted, values, strict=True))
    if others:
        _by_other_tools(others, qrels, run, found, per_query, descending)
    mean = {}
    for measure in parsed:
        aggregator = measure.aggregator()
        for value in per_query[str(measure)].values():
            aggregator.add(value)
        mean[str(measure)] = float(aggregator.result())
    return Scores(
        mean,
        per_query,
        len(counted),
        len(qrels) - len(found),
        sum(qid not in qrels for qid in queries),
        sum(not ranking.relevant(1) for ranking in lists),
        sum(item.tied for item in found.values()),
    )


def check_grades(qrels: Qrels, measures: Iterable[Any]) -> None:
    """Refuse judgments without one document that a measure counts as relevant: every run would have 0.

    Raises:
        TctError: the measure and the largest grade are named.
    """
    largest = max((grade for grades in qrels.values() for grade in grades.values()), default=0)
    for measure in measures:
        needed = 0 if measure.NAME in UNGRADED else measure.params.get('rel', 1)
        if needed > largest:
            raise TctError(
                f'the judgments name no relevant document for {measure}: their largest grade is {largest}, '
                f'{needed} is needed'
            )


def _by_other_tools(
    measures: list[Any],
    qrels: Qrels,
    run: Run | Columns,
    judged: Iterable[str],
    per_query: dict[str, dict[str, float]],
    descending: bool,
) -> None:
    """Fill in what ir_measures computes."""
    import ir_measures

    lists = run.as_run() if isinstance(run, Columns) else run
    settled = {qid: _settled(lists[qid], descending) for qid in judged}
    for metric in ir_measures.iter_calc(measures, qrels, settled):
        if metric.query_id in per_query[str(metric.measure)]:
            per_query[str(metric.measure)][metric.query_id] = metric.value


def _settled(found: Mapping[str, float], descending: bool) -> dict[str, float]:
    """Replace the scores of one list by whole numbers in the same order: no tie and no rounding is left to a tool."""
    order = sorted(sorted(found, reverse=descending), key=lambda docid: -found[docid])
    return {docid: float(len(order) - position) for position, docid in enumerate(order)}


def _examples(queries: Iterable[str]) -> str:
    names = list(queries)
    return ', '.join(names[:3]) + (', …' if len(names) > 3 else '') if names else 'none'
