# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Flags of a fusion rule, shared by the commands that fuse."""

import argparse

from pyserini_tct.fusion._normalization import NORMALIZATIONS
from pyserini_tct.fusion._rule import MISSING


def add_rule(parser: argparse.ArgumentParser, missing: str | None) -> None:
    """Add ``--normalization``, ``--weight-on-dense`` and ``--missing``.

    Args:
        parser: of the command or group.
        missing: the default rule for a missing score; ``None``: the command decides.
    """
    add = parser.add_argument
    add(
        '--normalization',
        nargs='?',
        choices=tuple(NORMALIZATIONS),
        const='centred',
        default='none',
        help='of each list first; without a value centred (to -0.5 and 0.5), as in Pyserini',
    )
    add('--weight-on-dense', action='store_true', help='score = sparse + alpha * dense instead')
    add('--missing', choices=MISSING, default=missing, help="score of what a list lacks: the list's lowest, or zero")
