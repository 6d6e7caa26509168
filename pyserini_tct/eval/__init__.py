# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: judgments and runs in; effectiveness, tests of differences and tables out.

Importing the package loads nothing else; names are resolved when they are used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyserini_tct.eval._measures import DEFAULT_MEASURES, Scores, evaluate, provider_of
    from pyserini_tct.eval._names import parse_measures
    from pyserini_tct.eval._significance import Comparison, bonferroni, compare_to, holm, randomization, t_test
    from pyserini_tct.eval._tables import latex_table, markdown_table, text_table

_HOMES = {
    '_measures': ('DEFAULT_MEASURES', 'Scores', 'evaluate', 'provider_of'),
    '_names': ('parse_measures',),
    '_significance': ('Comparison', 'bonferroni', 'compare_to', 'holm', 'randomization', 't_test'),
    '_tables': ('latex_table', 'markdown_table', 'text_table'),
}
__all__ = [
    'DEFAULT_MEASURES',
    'Comparison',
    'Scores',
    'bonferroni',
    'compare_to',
    'evaluate',
    'holm',
    'latex_table',
    'markdown_table',
    'parse_measures',
    'provider_of',
    'randomization',
    't_test',
    'text_table',
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f'pyserini_tct.eval.{module}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
