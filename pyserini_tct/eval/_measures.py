# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Measures of one run: judgments and ``{qid: {docid: score}}`` in, means and values per query out.

ir_measures hands each measure to one of several tools, and these break ties in different ways. So the order is settled
here (score, then docid), and every tool gets the same lists without ties.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pyserini_tct._errors import TctError

DEFAULT_MEASURES = ('RR@10', 'nDCG@10', 'R@100')


class Scores(NamedTuple):
    """What :func:`evaluate` found; both dictionaries begin with the name of the measure."""

    mean: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int  # judged queries, each counted in the mean
    missing: int  # judged queries without a result, counted as 0
    unjudged: int  # queries of the run without judgments, ignored


def parse_measures(names: Iterable[Any]) -> list[Any]:
    """Turn names such as ``RR@10`` or ``R(rel=2)@1000`` into ir_measures objects, whose ``str`` is the canonical name.

    Raises:
        TctError: a measure is unknown, lacks a parameter or has an impossible one; it is named.
    """
    import ir_measures

    measures = []
    for name in names:
        try:
            measure = ir_measures.parse_measure(name)
            measure.validate_params()
        except NameError as error:
            raise TctError(f'the measure {name!r} is unknown: see https://ir-measur.es for the names') from error
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise TctError(f'the measure {name!r} is malformed ({error}): write it like RR@10') from error
        for parameter in ('cutoff', 'rel'):  # trec_eval aborts the whole process on nDCG@0
            value = measure.params.get(parameter, 1)
            if isinstance(value, bool) or value < 1:
                raise TctError(f'the measure {name!r} has the {parameter} {value}: a number of at least 1 is needed')
        measures.append(measure)
    return measures


def provider_of(measure: Any) -> str:
    """Return the name of the tool to which ir_measures gives this measure.

    Raises:
        TctError: no installed tool computes it.
    """
    import ir_measures

    tools = [tool for tool in ir_measures.DefaultPipeline.providers if tool.supports(measure)]
    for tool in tools:
        if tool.is_available():
            return str(tool.NAME)
    hints = '; '.join(f'{tool.NAME}: {tool.install_instructions()}' for tool in tools)
    raise TctError(f'no installed tool computes {measure}: ' + (hints or 'choose another measure'))


def evaluate(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    measures: Iterable[Any] = DEFAULT_MEASURES,
) -> Scores:
    """Evaluate a run as ``trec_eval -c`` does: every judged query counts.

    A judged query without a result has the value 0, and so has one whose judgments name no relevant document (verified
    against trec_eval and pytrec_eval). Queries without judgments are ignored. A list is ranked on its full scores, ties
    by docid ascending, whatever ranks a file states.

    Args:
        qrels: ``{qid: {docid: grade}}``.
        run: ``{qid: {docid: score}}``.
        measures: names, or what :func:`parse_measures` returns.

    Raises:
        TctError: no query in common, a score that is NaN, or a measure that cannot be computed here.

    >>> evaluate({'1': {'a': 1}}, {'1': {'b': 0.5, 'a': 0.5}}, ['RR@10']).mean
    {'RR@10': 1.0}
    """
    import ir_measures

    parsed = parse_measures(measures)
    for measure in parsed:
        provider_of(measure)
    judged = {qid: _settled(qid, found) for qid, found in run.items() if qid in qrels and found}
    unjudged = sum(qid not in qrels for qid in run)
    if not judged:
        raise TctError(
            f'run and judgments share no query id: the run has {_examples(run)}, the judgments have '
            f'{_examples(qrels)}; check that they belong together'
        )
    per_query: dict[str, dict[str, float]] = {str(measure): dict.fromkeys(qrels, 0.0) for measure in parsed}
    aggregators = {str(measure): measure.aggregator() for measure in parsed}
    for metric in ir_measures.iter_calc(parsed, qrels, judged) if parsed else ():
        per_query[str(metric.measure)][metric.query_id] = metric.value
    for name, values in per_query.items():
        for value in values.values():
            aggregators[name].add(value)
    mean = {name: float(aggregator.result()) for name, aggregator in aggregators.items()}
    return Scores(mean, per_query, len(qrels), len(qrels) - len(judged), unjudged)


def _settled(qid: str, found: Mapping[str, float]) -> dict[str, float]:
    """Replace the scores of one list by whole numbers in the same order: no tie and no rounding is left to a tool."""
    bad = next((docid for docid, score in found.items() if math.isnan(score)), None)
    if bad is not None:
        raise TctError(f'query {qid}: the score of document {bad} is NaN: make the run again')
    order = sorted(found, key=lambda docid: (-found[docid], docid))
    return {docid: float(len(order) - position) for position, docid in enumerate(order)}


def _examples(queries: Mapping[str, Any]) -> str:
    return ', '.join(list(queries)[:3]) + (', …' if len(queries) > 3 else '') if queries else 'none'
