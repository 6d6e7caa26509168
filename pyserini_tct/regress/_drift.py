# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where did a score move? Two fingerprints in, the stages that differ out, with how much, in the order of the flow."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct.eval import Scores
from pyserini_tct.regress._fingerprint import sampled
from pyserini_tct.runs import Run, rank

STAGES = ('tokens', 'query vectors', 'passage vectors', 'index', 'top-k', 'metric')
SAME_SCORE = 1e-5
SAME_VECTOR = 1e-3  # relative difference below which vectors count as the same: machines differ by some 1e-6
DEPTH, QUERIES = 10, 50  # ranks and queries that are kept of a run
ALL = '*'
Fingerprint = dict[str, Any]


class Move(NamedTuple):
    """A stage that differs from the pinned state, and by how much."""

    stage: str
    amount: str


def of_run(run: Run, scores: Scores) -> Fingerprint:
    """Return what a run looks like: ranks and scores of some queries, and one figure over all of them under ``*``.

    The first :data:`DEPTH` docids of a list are followed by a digest of all its documents.
    """
    heads = {qid: [hit.docid for hit in rank(found, DEPTH)] for qid, found in run.items()}
    sets = {qid: _digest(sorted(found)) for qid, found in run.items()}
    qids = sampled(sorted(run), QUERIES)
    return {
        'top-k': {
            ALL: [
                _digest([f'{qid} {docid}' for qid in sorted(heads) for docid in heads[qid]]),
                _digest([sets[qid] for qid in sorted(sets)]),
            ],
            **{qid: [*heads[qid], sets[qid]] for qid in qids},
        },
        'metric': {
            measure: {
                ALL: _rounded(scores.mean[measure]),
                **{qid: _rounded(found[qid]) for qid in qids if qid in found},
            }
            for measure, found in scores.per_query.items()
        },
    }


def moves(pinned: Fingerprint, found: Fingerprint) -> list[Move]:
    """Return the stages that moved, first things first; a stage that one of the two lacks is left out."""
    pairs = ((stage, _COMPARED[stage](pinned[stage], found[stage])) for stage in looked_at(pinned, found))
    return [Move(stage, amount) for stage, amount in pairs if amount]


def looked_at(pinned: Fingerprint, found: Fingerprint) -> list[str]:
    """Return the stages that both have and that are not empty in both (BM25 has no vectors)."""
    both = [stage for stage in STAGES if stage in pinned and stage in found]
    return [stage for stage in both if pinned[stage] or found[stage]]


def context(pinned: Fingerprint, found: Fingerprint) -> list[str]:
    """Return what differs around the stages: inputs, versions, the machine."""
    changed = []
    for section, what in (('inputs', 'input'), ('versions', ''), ('machine', 'machine:')):
        before, now = pinned.get(section, {}), found.get(section, {})
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                values = '' if section == 'inputs' else f' {now.get(key)} (was {before.get(key)})'
                changed.append(f'{what} {key}{values}'.strip())
    return changed


def sentence(moved: list[Move], stages: list[str], around: list[str]) -> str:
    """Return the finding as one sentence.

    >>> sentence([Move('index', '599 passages (was 600)')], ['tokens', 'index', 'top-k'], [])
    'first stage that moved: index (599 passages (was 600)); same before it: tokens'
    """
    if not moved:
        text = 'no stage moved since the fingerprint was pinned: the pin itself was changed'
    else:
        text = f'first stage that moved: {moved[0].stage} ({moved[0].amount})'
        before = stages[: stages.index(moved[0].stage)]
        text += f'; same before it: {", ".join(before)}' if before else ''
        later = ', '.join(f'{move.stage} ({move.amount})' for move in moved[1:])
        text += f'; moved after it: {later}' if later else ''
    return text + (f'; changed besides: {", ".join(around)}' if around else '')


def _tokens(pinned: Mapping[str, list[Any]], found: Mapping[str, list[Any]]) -> str:
    texts = [text for text in pinned if found.get(text) != pinned[text]]
    return f'{len(texts)} of {len(pinned)} fixed texts, first {texts[0]!r}' if texts else ''


def _vectors(pinned: Mapping[str, list[float]], found: Mapping[str, list[float]]) -> str:
    gone = [name for name in pinned if name not in found or len(found[name]) != len(pinned[name])]
    if gone:
        return f'{len(gone)} of {len(pinned)} sampled vectors are gone or have another dimension, first {gone[0]!r}'
    differences = {
        name: float(np.linalg.norm(np.subtract(found[name], vector)) / (np.linalg.norm(vector) or 1.0))
        for name, vector in pinned.items()
    }
    moved = {name: value for name, value in differences.items() if value > SAME_VECTOR}
    if not moved:
        return ''
    worst = max(moved, key=lambda name: moved[name])
    return (
        f'{len(moved)} of {len(pinned)} sampled vectors differ, relatively by up to {moved[worst]:.2g}, most {worst!r}'
    )


def _index(pinned: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    amounts = []
    for role, before in pinned.items():
        now = found.get(role, {})
        plain = [key for key in before if key != 'vectors' and now.get(key) != before[key]]
        amounts += [
            f'{role}: other docids' if key == 'docids' else f'{role}: {key} {now.get(key)} (was {before[key]})'
            for key in plain
        ]
        inside = _vectors(before.get('vectors', {}), now.get('vectors', {}))
        amounts += [f'{role}: {inside}'] if inside else []
    return ', '.join(amounts)


def _ranks(pinned: Mapping[str, list[str]], found: Mapping[str, list[str]]) -> str:
    before = {qid: ranks for qid, ranks in pinned.items() if qid != ALL}
    now = {qid: found.get(qid, ['']) for qid in before}
    moved = [qid for qid in before if before[qid][:-1] != now[qid][:-1]]
    if moved:
        overlap = sum(len({*before[qid][:-1]} & {*now[qid][:-1]}) / max(len(before[qid]) - 1, 1) for qid in before)
        return (
            f'the top {DEPTH} of {len(moved)} of {len(before)} queries looked at, first {moved[0]}; '
            f'mean overlap {overlap / len(before):.3f}'
        )
    if pinned[ALL][0] != found[ALL][0]:
        return f'the top {DEPTH} of queries other than the {len(before)} looked at'
    return f'other documents below rank {DEPTH}' if pinned[ALL][1] != found[ALL][1] else ''


def _metric(pinned: Mapping[str, Mapping[str, float]], found: Mapping[str, Mapping[str, float]]) -> str:
    amounts = []
    for measure, before in pinned.items():
        now = found.get(measure, {})
        differences = {qid: abs(now.get(qid, 0.0) - value) for qid, value in before.items()}
        if differences.pop(ALL) > SAME_SCORE:
            text = f'{measure} {now.get(ALL, 0.0):.4f} (was {before[ALL]:.4f})'
            worst = max(differences, key=lambda qid: differences[qid], default='')
            if worst and differences[worst] > SAME_SCORE:
                text += f', most of query {worst}: {now.get(worst, 0.0):.4f} (was {before[worst]:.4f})'
            amounts.append(text)
    return ', '.join(amounts)


def _digest(names: list[str]) -> str:
    return hashlib.sha256('\n'.join(names).encode()).hexdigest()[:8]


def _rounded(value: float) -> float:
    return float(f'{value:.6g}')


_COMPARED = {
    'tokens': _tokens,
    'query vectors': _vectors,
    'passage vectors': _vectors,
    'index': _index,
    'top-k': _ranks,
    'metric': _metric,
}
