# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What Pyserini's ``search.lucene`` can change about BM25: feedback, query likelihood, the analyser's language."""

import argparse
from collections.abc import Sequence
from typing import Any

from pyserini_tct import _cli
from pyserini_tct._errors import TctError

BM25 = ('bm25', 'k1', 'b', 'qld', 'rm3', 'rocchio', 'rocchio_use_negative')


def add_flags(parser: _cli.Parser) -> None:
    """Add the flags, spelled as Pyserini spells them."""
    add = parser.add_argument
    add('--language', default='en', help='of the analyser, such as zh')
    add('--qld', action='store_true', help='query likelihood instead of BM25')
    add('--rm3', action='store_true', help='RM3 feedback')
    add('--rocchio', action='store_true', help='Rocchio feedback')
    add('--rocchio-use-negative', action='store_true', help='with passages that are not relevant')


def check_flags(args: argparse.Namespace, side: str = '') -> None:
    """Refuse flags without effect, and two kinds of feedback at once.

    Args:
        args: parsed flags.
        side: what stands before a flag in messages.

    Raises:
        TctError: one of these.
    """
    without(f'{side}--qld', args.qld, args, ['bm25', 'k1', 'b'])
    without(f'{side or "search "}without --rocchio', not args.rocchio, args, ['rocchio_use_negative'])
    if args.rm3 and args.rocchio:
        raise TctError(f'{side}--rm3 and --rocchio are two kinds of feedback: choose one')


def without(what: str, applies: object, args: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse flags that have no effect where ``applies`` is true."""
    for name in names if applies else ():
        value = getattr(args, name)
        if value is not None and value is not False:  # 0 is a value
            raise TctError(f'{what} has no use for --{name.replace("_", "-")}: leave one of them out')


def configure(searcher: Any, args: argparse.Namespace) -> None:
    """Set what the flags say on a BM25 searcher, and print it.

    Raises:
        TctError: see :func:`configure_bm25`.
    """
    configure_bm25(searcher, args.language, args.qld, args.rm3, args.rocchio, args.rocchio_use_negative)
    changed = [name for name in ('qld', 'rm3', 'rocchio') if getattr(args, name)]
    if changed or args.language != 'en':
        print(f'with {" ".join(changed) or "BM25"}, language {args.language}')


def configure_bm25(
    searcher: Any,
    language: str = 'en',
    qld: bool = False,
    rm3: bool = False,
    rocchio: bool = False,
    use_negative: bool = False,
) -> None:
    """Set what Pyserini's ``search.lucene`` sets on a BM25 searcher, with the same parameters.

    Args:
        searcher: a :class:`BM25Searcher`.
        language: of the analyser, as Pyserini names it.
        qld: query likelihood with Dirichlet smoothing (mu 1000) instead of BM25.
        rm3: RM3 feedback (10 terms of 10 passages, original weight 0.5).
        rocchio: Rocchio feedback (10 terms of 10 passages, alpha 1, beta 0.75).
        use_negative: with 10 passages from the end of the list as not relevant (gamma 0.15).

    Raises:
        TctError: feedback needs document vectors or stored passages, and the index has neither.
    """
    java = searcher.object
    if language != 'en':
        java.set_language(language)
    if qld:
        java.set_qld(1000.0)
    if not (rm3 or rocchio):
        return
    parser = None if java.reader.termVectors().get(0) else 'JsonCollection'
    if parser and java.doc_raw(0) is None:
        raise TctError(
            f'{searcher.index_dir} has neither document vectors nor stored passages, which feedback needs: index '
            'again with -storeDocvectors or -storeRaw'
        )
    if rm3:
        java.set_rm3(parser, 10, 10, 0.5, False, True)
    if rocchio:
        java.set_rocchio(parser, 10, 10, 10, 10, 1.0, 0.75, 0.15 if use_negative else 0.0, False, use_negative)
