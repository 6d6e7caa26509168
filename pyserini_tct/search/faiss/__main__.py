# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.faiss``: topics to a run, by dot product with a student's vectors."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pyserini_tct import _cli
from pyserini_tct.search import _arguments
from pyserini_tct.search.faiss import _prf


def main(argv: Sequence[str]) -> None:
    """Parse Pyserini's flags and search."""
    parser = _cli.Parser('pyserini_tct.search.faiss', 'Dense search of a Faiss index.')
    _arguments.add_dense(parser, several=True)
    add = parser.add_argument
    add(
        '--ef-search',
        type=_cli.positive,
        help='candidates that an HNSW graph keeps (what the index says); at least the hits',
    )
    add('--nprobe', type=_cli.positive, help='cells of an inverted file that are visited (what the index says)')
    add('--refine', type=_cli.positive, help='of hits * REFINE candidates the exact scores decide (likewise)')
    add('--profile', action='store_true', help='print the time of each stage: load, encode, search, write')
    _prf.add_flags(parser)
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    feedback = _prf.feedback_of(args)
    _arguments.check_encoder(args)
    _arguments.check_output(args, *args.index, args.encoder)
    started = time.perf_counter()

    from pyserini_tct.index._kinds import set_parameters
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
    for folder, index in zip(args.index, searcher.indexes, strict=True):
        given = {
            name: value for name in ('ef_search', 'nprobe', 'refine') if (value := getattr(args, name)) is not None
        }
        set_parameters(index, given, f'the index {folder}')
    loaded = time.perf_counter() - started

    def search(queries: list[str], qids: list[str]) -> Mapping[str, Sequence[Any]]:
        if feedback:
            return _prf.FeedbackSearcher(searcher, feedback).batch_search(queries, qids, args.hits, args.threads)
        found = searcher.rankings(queries, qids, args.hits, args.threads)
        short = [len(hits) for hits in found.values() if len(hits) < args.hits]
        if short and (missed := sum(count < searcher.distinct_docs for count in short)):
            _cli.note(f'note: the index found fewer hits than asked for {missed} queries: see --ef-search and --nprobe')
        return found

    def stages() -> dict[str, float]:
        return {'load': loaded, 'encode': searcher.encoding}

    _arguments.search_topics(args, 'dense', 'tct_colbert', search, stages if args.profile else None)


if __name__ == '__main__':
    _cli.run(main)
