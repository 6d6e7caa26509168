# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Judgments that Pyserini knows by name, as a file; in a process of its own, since nothing forks after a JVM starts."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _cli, _pyserini
from pyserini_tct._atomic import atomic_file


def main(argv: Sequence[str]) -> None:
    """Write the judgments of a name to a file."""
    with open(_pyserini.qrels(argv[0]), 'rb') as source, atomic_file(Path(argv[1]), 'wb') as out:
        shutil.copyfileobj(source, out)


if __name__ == '__main__':
    _cli.run(main, sys.argv[1:])
