# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``regressions/schema.json``, the grammar as a JSON schema: the loader takes its keys from it."""

import functools
from typing import Any

from pyserini_tct._files import data_dir, read_json

NAME = 'schema.json'


@functools.cache
def _definitions() -> dict[str, Any]:
    return read_json(data_dir('regressions') / NAME)['$defs']


def keys(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the required and the optional keys of a mapping, ``condition`` for example.

    >>> keys('queries')
    (('topics', 'qrels'), ())
    """
    definition = _definitions()[kind]
    required = tuple(definition.get('required', ()))
    return required, tuple(key for key in definition['properties'] if key not in required)
