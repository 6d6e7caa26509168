# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""An alpha as the command lines take it: a number, or the file that ``fusion.tune`` wrote."""

from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct.fusion._rule import LARGEST_WEIGHT, normalization_of

DEFAULT_ALPHA = 0.1  # as Pyserini's HybridSearcher
UNSAID = {'normalization': False, 'weight_on_dense': False, 'missing': 'min'}  # of a file that does not say


def read_alpha(
    text: str, normalization: bool | str = False, weight_on_dense: bool = False, missing: str = 'min'
) -> float:
    """Return an alpha given as a number, or as ``@FILE``.

    Args:
        text: of the flag.
        normalization, weight_on_dense, missing: with which it will be used.

    Raises:
        TctError: it is neither, or out of range, or was tuned with other options.
    """
    value: Any = text
    if text.startswith('@'):
        tuned = read_json(Path(text[1:]))
        value = tuned.get('alpha')
        said = {name: tuned.get(name, default) for name, default in UNSAID.items()}
        if normalization_of(said['normalization']) != normalization_of(normalization):
            raise TctError(
                f'{text[1:]} was tuned with --normalization {normalization_of(said["normalization"])}: use it so'
            )
        if said['weight_on_dense'] != weight_on_dense:
            how = 'with' if said['weight_on_dense'] else 'without'
            raise TctError(f'{text[1:]} was tuned {how} --weight-on-dense: use it so')
        if said['missing'] != missing:
            raise TctError(f'{text[1:]} was tuned with --missing {said["missing"]}: use it so')
    try:
        alpha = float(value)
    except (TypeError, ValueError) as error:
        raise TctError(f'--alpha {text} is neither a number nor @FILE with an `alpha`') from error
    if not 0 <= alpha <= LARGEST_WEIGHT:
        raise TctError(f'--alpha {text} is negative, beyond {LARGEST_WEIGHT:g} or no number: choose another one')
    return alpha
