# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Folder names by which stock Pyserini knows a student: it guesses the encoder class from the path."""

from pathlib import Path

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError

# Stock Pyserini looks for these anywhere in an encoder's path: the first three come before `tct_colbert` in its map of
# classes, the others add arguments that its TCT-ColBERT document encoder does not take (init_encoder, 1.6 and 2.x).
OTHER_CLASSES = ('dkrr', 'dpr', 'bpr', 'clip', 'dse', 'contriever', 'sentence-transformers')


def check_name(folder: Path) -> None:
    """Refuse a folder name by which stock Pyserini would pick another encoder class.

    Raises:
        TctError: ``tct_colbert`` is not in the name, or the key of another class is.
    """
    if 'tct_colbert' not in folder.name.lower():
        raise TctError(
            f"{folder.name} has no 'tct_colbert', by which Pyserini knows the model: use tct_colbert-{folder.name}"
        )
    for key in OTHER_CLASSES:
        if key in folder.name.lower():
            raise TctError(
                f'{folder.name} contains {key!r}, by which Pyserini takes another encoder class: choose another name'
            )
        if key in str(folder).lower():
            note(
                f'note: the path {folder} contains {key!r}, by which Pyserini takes another encoder class: move the '
                'folder before you use it there without --encoder-class'
            )
