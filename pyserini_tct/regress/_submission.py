# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A run that somebody hands in, scored against one condition: for courses and for runs made elsewhere."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct._errors import TctError
from pyserini_tct.regress import _drift, _pinned
from pyserini_tct.regress._judge import judge, not_run
from pyserini_tct.regress._matrix import HIGH, LOW, RANKS
from pyserini_tct.regress._places import why_missing
from pyserini_tct.regress._records import Condition, Spec
from pyserini_tct.regress._runner import Part, qrels_file


def score(spec: Spec, conditions: Sequence[Condition], run: Path, work: Path) -> list[Part]:
    """Score a run as if the condition had made it; nothing of the condition is executed.

    Args:
        spec: the regression file.
        conditions: one condition with one set of queries.
        run: the run handed in.
        work: folder for judgments that have to be fetched.

    Raises:
        TctError: more than one condition or set of queries is meant, or the run is unusable.
    """
    if len(conditions) > 1:
        names = ', '.join(condition.name for condition in conditions)
        raise TctError(f'--submission needs one condition: name one of {names} with --condition')
    (condition,) = conditions
    if len(condition.topics) > 1:
        keys = ', '.join(part.topic_key for part in condition.topics)
        raise TctError(f'--submission needs one set of queries: name one of {keys} with --topics')
    (part,) = condition.topics
    place = spec.topics[part.eval_key].qrels
    reason, qrels = why_missing(place), place
    if not reason:
        reason, qrels = qrels_file(spec, part, work)
    if reason:
        return [Part(condition, part, not_run(condition, part, reason))]
    judged = judge(condition, part, run, qrels)
    pinned = _pinned.load(_pinned.path_of(spec, condition, part))
    moved = _drift.moves(pinned, _drift.of_run(judged.run, judged.scores)) if pinned else []
    finding = '; '.join(f'differs from the pinned run in {move.stage} ({move.amount})' for move in moved)
    rows = [row._replace(finding=finding) if row.status in (LOW, HIGH, RANKS) else row for row in judged.rows]
    return [Part(condition, part, rows, judged)]
