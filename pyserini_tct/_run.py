# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct run MODULE ...``: an unmodified module of Pyserini on a prepared JVM.

Where the module loads encoders, Pyserini's ``tct_colbert`` is replaced by this package's (batched, checked lengths)
unless ``--stock`` is given, and the names of ``prebuilt`` are known. What the module prints, its tracebacks and its
exit code are its own.
"""

import argparse
import importlib
import importlib.util
import re
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _cli, _jvm, _pyserini_names  # _env sets the thread policy, before Pyserini imports torch
from pyserini_tct._errors import TctError

WITH_ENCODERS = ('pyserini.search', 'pyserini.encode', 'pyserini.server', 'pyserini.demo')


def main(argv: Sequence[str]) -> int:
    """Prepare the JVM, register the encoders, run the module as ``python -m`` would."""
    parser = _cli.Parser('pyserini_tct run', 'Run a module of Pyserini, for example pyserini.search.faiss.')
    parser.add_argument('--stock', action='store_true', help="keep Pyserini's own tct_colbert encoders")
    parser.add_heap()
    parser.add_argument('module', metavar='MODULE', help='pyserini. …')
    parser.add_argument('args', nargs=argparse.REMAINDER, help='arguments of the module')
    args = parser.parse_args(argv)
    _check_runnable(args.module)
    words = args.args
    if args.module.startswith(WITH_ENCODERS):
        words = _pyserini_names.bring(words)  # before the JVM: nothing may fork after it has started
    _jvm.prepare(args.heap)
    if args.module.startswith(WITH_ENCODERS):
        _pyserini_names.register()
        if not args.stock:
            _register()
    sys.argv = [args.module, *words]
    try:
        runpy.run_module(args.module, run_name='__main__', alter_sys=True)
    except (BrokenPipeError, TctError):
        raise
    except Exception:  # else _cli.run would shorten it to a sentence of our own
        traceback.print_exc()
        return _cli.FAILED
    return 0


def _check_runnable(module: str) -> None:
    """Refuse a name that ``python -m`` cannot run, by the files alone: importing Pyserini's packages takes seconds."""
    example = 'give one that Pyserini documents, for example pyserini.search.lucene'
    if not re.fullmatch(r'pyserini(\.[A-Za-z_0-9]\w*)+', module):
        raise TctError(f'{module} is not a module of Pyserini (pyserini. …): {example}')
    spec = importlib.util.find_spec('pyserini')
    if spec is None or not spec.submodule_search_locations:
        raise TctError('Pyserini is not installed: pip install pyserini')
    for root in spec.submodule_search_locations:
        path = Path(root, *module.split('.')[1:])
        if path.with_name(path.name + '.py').is_file() or (path / '__main__.py').is_file():
            return
    raise TctError(f'{module} is not in the installed Pyserini or is no command: {example}')


def _register() -> None:
    """Put our classes where Pyserini looks up ``tct_colbert``, in both directions."""
    encode = importlib.import_module('pyserini.encode')
    ours = importlib.import_module('pyserini_tct.encode')
    encode.query_encoder_class_map['tct_colbert'] = ours.TctColBertQueryEncoder
    encode.document_encoder_class_map['tct_colbert'] = ours.TctColBertDocumentEncoder
