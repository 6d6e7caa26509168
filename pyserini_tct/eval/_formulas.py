# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The measures of one query as pure functions: where the judged documents stand in, the value out.

They add up in the order of trec_eval, so that both give the same number to the last bit; but they see only the judged
documents of a list, which is why a long run costs little.
"""

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple


class Ranking(NamedTuple):
    """One query's judged documents as a run ranks them.

    Args:
        ranks: of the judged documents that were retrieved, from 1, ascending.
        grades: of these documents.
        judgments: the grades of all judged documents of the query.
        retrieved: length of the list.
    """

    ranks: Sequence[int]
    grades: Sequence[int]
    judgments: Sequence[int]
    retrieved: int

    def found(self, rel: int, cutoff: float) -> list[int]:
        """Return the ranks down to ``cutoff`` at which a document of grade ``rel`` or more stands."""
        return [rank for rank, grade in zip(self.ranks, self.grades, strict=True) if grade >= rel and rank <= cutoff]

    def relevant(self, rel: int) -> int:
        """Return how many documents of the judgments have the grade ``rel`` or more."""
        return sum(grade >= rel for grade in self.judgments)


def reciprocal_rank(ranking: Ranking, rel: int = 1, cutoff: float = math.inf) -> float:
    """Return 1 / rank of the first relevant document."""
    found = ranking.found(rel, cutoff)
    return 1 / found[0] if found else 0.0


def precision(ranking: Ranking, cutoff: int, rel: int = 1) -> float:
    """Return the share of relevant ones among the first ``cutoff`` documents; a missing one counts as not relevant."""
    return len(ranking.found(rel, cutoff)) / cutoff


def recall(ranking: Ranking, cutoff: float, rel: int = 1) -> float:
    """Return the share of the relevant documents that stand among the first ``cutoff``."""
    return _share(len(ranking.found(rel, cutoff)), ranking.relevant(rel))


def success(ranking: Ranking, cutoff: int, rel: int = 1) -> float:
    """Return 1 if a relevant document stands among the first ``cutoff``."""
    return float(bool(ranking.found(rel, cutoff)))


def r_precision(ranking: Ranking, rel: int = 1) -> float:
    """Return recall at as many documents as are relevant."""
    return recall(ranking, ranking.relevant(rel), rel)


def average_precision(ranking: Ranking, rel: int = 1, cutoff: float = math.inf) -> float:
    """Return the mean over all relevant documents of the precision at their rank."""
    found = enumerate(ranking.found(rel, cutoff), 1)
    return _share(_sum(count / rank for count, rank in found), ranking.relevant(rel))


def ndcg(ranking: Ranking, cutoff: float = math.inf) -> float:
    """Return the sum of grade / log2(rank + 1) over that of the ideal list (Järvelin and Kekäläinen 2002)."""
    ideal = enumerate(sorted((grade for grade in ranking.judgments if grade > 0), reverse=True), 1)
    return _share(_gain(zip(ranking.ranks, ranking.grades, strict=True), cutoff), _gain(ideal, cutoff))


def judged(ranking: Ranking, cutoff: float = math.inf) -> float:
    """Return the share of judged ones among the first ``cutoff`` documents, or among all where the list is shorter.

    Pyserini's ``judged.k`` divides sums over all queries: the same where all are judged and all lists are long enough.
    """
    return _share(sum(rank <= cutoff for rank in ranking.ranks), min(ranking.retrieved, cutoff))


def retrieved(ranking: Ranking, rel: int | None = None) -> float:
    """Return the length of the list, or how many relevant documents it has."""
    return float(ranking.retrieved if rel is None else len(ranking.found(rel, math.inf)))


def _gain(ranked: Iterable[tuple[int, int]], cutoff: float) -> float:
    return _sum(grade / math.log2(rank + 1) for rank, grade in ranked if grade > 0 and rank <= cutoff)


def _sum(values: Iterable[float]) -> float:
    """Add one after the other, as C does; from Python 3.12 on, ``sum`` compensates for rounding."""
    return functools.reduce(operator.add, values, 0.0)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


FORMULAS: dict[str, Callable[..., float]] = {
    'AP': average_precision,
    'Judged': judged,
    'NumQ': lambda ranking: 1.0,
    'NumRel': lambda ranking, rel=1: float(ranking.relevant(rel)),
    'NumRet': retrieved,
    'P': precision,
    'R': recall,
    'RR': reciprocal_rank,
    'Rprec': r_precision,
    'Success': success,
    'nDCG': ndcg,
}
PARAMETERS = {'cutoff', 'rel'}


def formula_of(measure: Any) -> Callable[[Ranking], float] | None:
    """Return the function for an ir_measures object; ``None`` if the measure or one of its parameters is not ours."""
    function = FORMULAS.get(measure.NAME)
    used = {name: value for name, value in measure.params.items() if measure.SUPPORTED_PARAMS[name].default != value}
    if function is None or not used.keys() <= PARAMETERS:
        return None
    return lambda ranking: function(ranking, **used)
