# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names of measures: as ir_measures spells them (``nDCG@10``) or as trec_eval does (``ndcg_cut_10``, ``map``)."""

import re
from collections.abc import Iterable
from typing import Any

from pyserini_tct._errors import TctError

TREC_NAMES = {
    'P': 'P@{}',
    'Rprec': 'Rprec',
    'bpref': 'Bpref',
    'infAP': 'infAP',
    'iprec_at_recall': 'IPrec@{}',
    'judged': 'Judged@{}',
    'map': 'AP',
    'map_cut': 'AP@{}',
    'ndcg': 'nDCG',
    'ndcg_cut': 'nDCG@{}',
    'num_q': 'NumQ',
    'num_rel': 'NumRel',
    'num_rel_ret': 'NumRet(rel=1)',
    'num_ret': 'NumRet',
    'recall': 'R@{}',
    'recip_rank': 'RR',
    'set_F': 'SetF',
    'set_P': 'SetP',
    'set_map': 'SetAP',
    'set_recall': 'SetR',
    'success': 'Success@{}',
}
TREC = re.compile(r'([A-Za-z_]+?)(?:[._](\d[\d.]*))?')
# Measures that a shorter list turns into themselves with a smaller cutoff.
CUT = ('AP', 'Judged', 'R', 'RR', 'Success')


def parse_measures(names: Iterable[Any]) -> list[Any]:
    """Turn names such as ``RR@10`` or ``R(rel=2)@1000`` into ir_measures objects, whose ``str`` is the canonical name.

    trec_eval's names go as well.

    Raises:
        TctError: a measure is unknown, lacks a parameter or has an impossible one; it is named.

    >>> [str(measure) for measure in parse_measures(['ndcg_cut.10', 'recall_1000', 'recip_rank', 'R@5'])]
    ['nDCG@10', 'R@1000', 'RR', 'R@5']
    """
    return [_parsed(name) for name in names]


def expanded(name: str) -> list[str]:
    """Return the names that trec_eval packs into one.

    >>> expanded('recall.10,50')
    ['recall.10', 'recall.50']
    """
    match = re.fullmatch(r'([A-Za-z_]+[._])(\d[\d.,]*)', name)
    return [match[1] + number for number in match[2].split(',')] if match else [name]


def _spelled(name: Any) -> Any:
    """Return a name of trec_eval's as ir_measures spells it, any other as it is."""
    match = TREC.fullmatch(name) if isinstance(name, str) else None
    pattern = TREC_NAMES.get(match[1]) if match else None
    if match is None or pattern is None or ('{}' in pattern) != bool(match[2]):
        return name
    return pattern.format(match[2])


def _parsed(name: Any) -> Any:
    import ir_measures

    try:
        measure = ir_measures.parse_measure(_spelled(name))
        measure.validate_params()
    except NameError as error:
        raise TctError(f'the measure {name!r} is unknown: see https://ir-measur.es for the names') from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise TctError(f'the measure {name!r} is malformed ({error}): write it like RR@10') from error
    for parameter in ('cutoff', 'rel'):  # trec_eval aborts the whole process on nDCG@0
        value = measure.params.get(parameter, 1)
        if isinstance(value, bool) or value < 1:
            raise TctError(f'the measure {name!r} has the {parameter} {value}: a number of at least 1 is needed')
    return measure


def as_trec_eval(measures: Iterable[Any], depth: int | None = None, level: int | None = None) -> list[Any]:
    """Return what measures become under trec_eval's ``-M`` (so many first documents) and ``-l`` (least relevant grade).

    RR with ``-M 10`` is RR@10; R@1000 with ``-l 2`` is R(rel=2)@1000. nDCG takes every grade as its gain, so ``-l``
    leaves it alone, as it does a measure with a higher ``rel`` of its own.

    Raises:
        TctError: a shorter list gives what is no measure, such as nDCG over an ideal list that is longer.

    >>> [str(measure) for measure in as_trec_eval(parse_measures(['recip_rank', 'nDCG@5']), depth=10, level=2)]
    ['RR(rel=2)@10', 'nDCG@5']
    """
    changed = []
    for measure in measures:
        cutoff = measure.params.get('cutoff')
        if depth is not None and measure.NAME not in ('NumQ', 'NumRel') and (cutoff is None or cutoff > depth):
            if measure.NAME not in CUT:
                raise TctError(f'-M {depth} makes no measure of {measure}: name one with its cutoff, such as nDCG@10')
            measure = measure(cutoff=depth)
        stated = measure.params.get('rel')
        if level is not None and 'rel' in measure.SUPPORTED_PARAMS and (stated == 1 or not stated):
            measure = measure(rel=level) if stated or measure.NAME != 'NumRet' else measure
        changed.append(measure)
    return changed
