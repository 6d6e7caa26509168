# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.lucene``: topics to a run, by BM25."""

from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.search import _arguments
from pyserini_tct.search.lucene import _scoring


def main(argv: Sequence[str]) -> None:
    """Parse Pyserini's flags and search."""
    parser = _cli.Parser('pyserini_tct.search.lucene', 'BM25 search of a Lucene index.')
    _arguments.add_sparse(parser)
    _scoring.add_flags(parser)
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    _scoring.check_flags(args)
    _arguments.check_output(args, args.index)

    from pyserini_tct.search.lucene._searcher import open_searcher

    searcher = open_searcher(args.index, args.k1, args.b, args.heap)
    _scoring.configure(searcher, args)
    tag = '+'.join(['qld' if args.qld else 'bm25', *(name for name in ('rm3', 'rocchio') if getattr(args, name))])
    _arguments.search_topics(
        args, 'bm25', tag, lambda queries, qids: searcher.batch_search(queries, qids, args.hits, args.threads)
    )


if __name__ == '__main__':
    _cli.run(main)
