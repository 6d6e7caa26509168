# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.lucene``: topics to a run, by BM25 or by dense vectors in Lucene."""

import time
from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.search import _arguments
from pyserini_tct.search.lucene import _scoring

DENSE = (
    'hnsw',
    'flat',
    'ef_search',
    'encoder',
    'tokenizer',
    'encoded_queries',
    'normalize_distances',
    'any_encoder',
    'profile',
)


def main(argv: Sequence[str]) -> None:
    """Parse Pyserini's flags and search."""
    parser = _cli.Parser('pyserini_tct.search.lucene', 'BM25 or dense search of a Lucene index.')
    _arguments.add_sparse(parser)
    add = parser.add_argument
    add('--dense', action='store_true', help='the index is one of vectors, from pyserini_tct.index.lucene or Anserini')
    add('--hnsw', action='store_true', help="as in Pyserini's commands: the index knows its kind")
    add('--flat', action='store_true', help='likewise')
    add('--ef-search', type=_cli.positive, help='candidates that an HNSW index keeps; at least the hits')
    _arguments.add_encoder(parser)
    add('--profile', action='store_true', help='with --dense: print the time of each stage')
    _scoring.add_flags(parser)
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    _scoring.check_flags(args)
    _scoring.without('--dense', args.dense, args, _scoring.BM25)
    _scoring.without('search without --dense', not args.dense, args, DENSE)
    if args.dense:
        _arguments.check_encoder(args)
    _arguments.check_output(args, args.index, args.encoder)
    if args.dense:
        from pyserini_tct.search.lucene._dense import open_dense

        started = time.perf_counter()
        dense = open_dense(args, args.batch_size)
        loaded = time.perf_counter() - started
        _arguments.search_topics(
            args,
            'dense',
            'tct_colbert',
            lambda queries, qids: dense.batch_search(queries, qids, args.hits, args.threads),
            (lambda: {'load': loaded, 'encode': dense.encoding}) if args.profile else None,
        )
        return

    from pyserini_tct.search.lucene._searcher import open_searcher

    searcher = open_searcher(args.index, args.k1, args.b, args.heap)
    _scoring.configure(searcher, args)
    tag = '+'.join(['qld' if args.qld else 'bm25', *(name for name in ('rm3', 'rocchio') if getattr(args, name))])
    _arguments.search_topics(
        args, 'bm25', tag, lambda queries, qids: searcher.batch_search(queries, qids, args.hits, args.threads)
    )


if __name__ == '__main__':
    _cli.run(main)
