# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.faiss``: topics to a run, by dot product with a student's vectors."""

from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.search import _arguments
from pyserini_tct.search.faiss import _prf


def main(argv: Sequence[str]) -> None:
    """Parse Pyserini's flags and search."""
    parser = _cli.Parser('pyserini_tct.search.faiss', 'Dense search of a Faiss index.')
    _arguments.add_dense(parser)
    _prf.add_flags(parser)
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    feedback = _prf.feedback_of(args)
    _arguments.check_encoder(args)
    _arguments.check_output(args, args.index, args.encoder)

    from pyserini_tct.search.faiss._searcher import open_searcher

    searcher = open_searcher(
        args.index,
        args.encoder,
        args.tokenizer,
        args.encoded_queries,
        args.device,
        args.batch_size,
        args.normalize_distances,
        not args.any_encoder,
        **_arguments.computing(args),
    )
    searching = _prf.FeedbackSearcher(searcher, feedback) if feedback else searcher
    _arguments.search_topics(
        args,
        'dense',
        'tct_colbert',
        lambda queries, qids: searching.batch_search(queries, qids, args.hits, args.threads),
    )


if __name__ == '__main__':
    _cli.run(main)
