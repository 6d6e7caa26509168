# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Opening the sides of a hybrid search as the command's flags say."""

import argparse
from pathlib import Path
from typing import Any

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.fusion._alpha import DEFAULT_ALPHA, read_alpha
from pyserini_tct.fusion._rule import Rule, alpha_rule
from pyserini_tct.search import _arguments
from pyserini_tct.search.faiss import _prf
from pyserini_tct.search.lucene import _scoring


def rule_of(args: argparse.Namespace) -> Rule:
    """Return the rule of the group ``fusion``; flags without effect are refused.

    Raises:
        TctError: flags that contradict each other.
    """
    useless = {'--rrf.k': args.rrf_k is not None and args.method != 'rrf'}
    if args.method != 'interpolation':
        useless.update({'--alpha': args.alpha is not None, '--weight-on-dense': args.weight_on_dense})
    for flag in (flag for flag, is_useless in useless.items() if is_useless):
        raise TctError(f'fusion {flag} has no effect on {args.method}: leave it out')
    if args.method != 'interpolation':
        return Rule(args.method, (), args.normalization, args.missing or 'zero', args.rrf_k or 60)
    options = {
        'normalization': args.normalization,
        'weight_on_dense': args.weight_on_dense,
        'missing': args.missing or 'min',
    }
    return alpha_rule(read_alpha(str(DEFAULT_ALPHA) if args.alpha is None else args.alpha, **options), **options)


def open_dense(args: argparse.Namespace, batch_size: int) -> Any:
    """Open the dense side.

    Raises:
        TctError: it cannot be had.
    """
    if args.run:
        return _ready(args.run)
    if args.lucene:
        from pyserini_tct.search.lucene._dense import open_dense

        return open_dense(args, batch_size)
    from pyserini_tct.search.faiss._searcher import open_searcher

    searcher = open_searcher(
        args.index,
        args.encoder,
        args.tokenizer,
        args.encoded_queries,
        args.device,
        batch_size,
        args.normalize_distances,
        not args.any_encoder,
        **_arguments.computing(args),
    )
    if args.ef_search:
        if not hasattr(searcher.index, 'hnsw'):
            raise TctError(f'dense --ef-search is for HNSW, and {args.index} is another kind of index: leave it out')
        searcher.index.hnsw.efSearch = args.ef_search
    feedback = _prf.feedback_of(args)
    return _prf.FeedbackSearcher(searcher, feedback) if feedback else searcher


def open_sparse(args: argparse.Namespace) -> Any:
    """Open the sparse side.

    Raises:
        TctError: it cannot be had.
    """
    if args.run:
        return _ready(args.run)
    from pyserini_tct.search.hybrid._lucene import ImpactSearcher

    if args.impact:
        from pyserini_tct import _jvm, _pyserini

        _jvm.prepare(args.heap)
        folder = Path(args.index) if Path(args.index).exists() else _pyserini.index(args.index, 'IMPACT')
        return ImpactSearcher(folder, args.encoder, args.min_idf or 0)
    from pyserini_tct.search.lucene._searcher import open_searcher

    searcher = open_searcher(args.index, args.k1, args.b, args.heap)
    _scoring.configure(searcher, args)
    return searcher


def _ready(name: str) -> Any:
    from pyserini_tct.search.hybrid._ready import ReadyRun

    return ReadyRun(Path(name))


def tell(sides: tuple[Any, Any]) -> None:
    """Print how the queries of ready runs differ from the topics."""
    for side in sides:
        for note in side.notes() if hasattr(side, 'notes') else ():
            _cli.note(f'note: {note}')
