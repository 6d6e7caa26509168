# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A run and its judgments in, one row for each pinned figure out; what could not run gives rows too."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pyserini_tct.eval import Scores, evaluate
from pyserini_tct.regress._matrix import NO_PIN, NOT_RUN, OK, RANKS, Row, verdict
from pyserini_tct.regress._ranks import rank_misses
from pyserini_tct.regress._records import Condition, Evaluation, Pin, Ranks
from pyserini_tct.runs import Run, read_run
from pyserini_tct.topics import read_qrels


class Judged(NamedTuple):
    """The rows of one set of queries, and what they were computed from."""

    rows: list[Row]
    run: Run
    scores: Scores
    qids: tuple[str, ...]


def not_run(condition: Condition, part: Evaluation, reason: str) -> list[Row]:
    """Return the rows of figures that could not be had."""
    figures = [(pin.measure, pin.expected, pin.tolerance, pin.source, pin.note) for pin in part.pins]
    if part.ranks:
        figures.append((part.ranks.measure, 0.0, 0.0, None, ''))
    return [
        Row(condition.name, part.topic_key, measure, expected, None, tolerance, NOT_RUN, reason, source, note)
        for measure, expected, tolerance, source, note in figures
    ]


def judge(condition: Condition, part: Evaluation, run_path: Path, qrels_path: str) -> Judged:
    """Score a run and compare it with what is pinned.

    Raises:
        TctError: run or judgments are unusable, or do not belong together.
    """
    run, qrels = read_run(run_path), read_qrels(qrels_path)
    scores = evaluate(qrels, run, [pin.measure for pin in part.pins])
    rows = [_row(condition, part, pin, scores.mean) for pin in part.pins]
    if part.ranks:
        rows.append(_ranked(condition, part, part.ranks, run))
    return Judged(rows, run, scores, tuple(qrels))


def _row(condition: Condition, part: Evaluation, pin: Pin, found: Mapping[str, float]) -> Row:
    value = found[pin.measure]
    status = verdict(pin, value)
    detail = ''
    if status not in (OK, NO_PIN) and round(value, 4) in pin.also:
        detail = f'{pin.measure} {value:.4f} is what another document says ({pin.note})'
    return Row(
        *(condition.name, part.topic_key, pin.measure, pin.expected, value, pin.tolerance, status, detail),
        *(pin.source, pin.note),
    )


def _ranked(condition: Condition, part: Evaluation, ranks: Ranks, run: Run) -> Row:
    misses = rank_misses(read_run(ranks.path), run, ranks.depth, ranks.near_tie)
    detail = ''
    if misses:
        first = misses[0]
        detail = (
            f'{len(misses)} queries list other documents, first {first.qid} at rank {first.rank}: '
            f'expected {first.expected or "nothing"}, found {first.found or "nothing"}'
        )
    status = RANKS if misses else OK
    return Row(condition.name, part.topic_key, ranks.measure, 0.0, float(len(misses)), 0.0, status, detail)
