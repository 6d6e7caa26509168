# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.colbert``: topics to a run, by ColBERT's two stages."""

from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.search import _arguments


def main(argv: Sequence[str]) -> None:
    """Parse the flags and search."""
    parser = _cli.Parser('pyserini_tct.search.colbert', 'Two-stage ColBERT search: nearest tokens, then exact MaxSim.')
    add = parser.add_argument
    add('--index', required=True, help='folder, from pyserini_tct.index.colbert')
    add('--encoder', required=True, help='the ColBERT that made its token vectors: folder or hub name')
    add('--candidates', type=_cli.positive, default=1024, help='nearest token vectors taken for each query token')
    add('--nprobe', type=_cli.positive, help='cells that an IVF index looks into (10)')
    add('--ef-search', type=_cli.positive, help='candidates that an HNSW index keeps; at least --candidates')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help='auto: bf16 where the machine has it')
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    _arguments.check_output(args, args.index, args.encoder)

    from pyserini_tct import _env
    from pyserini_tct.models import colbert
    from pyserini_tct.search.colbert import ColbertSearcher

    model = colbert.load(args.encoder, args.device)
    precision = _env.precision_of(args.precision, model.device.type)
    searcher = ColbertSearcher(args.index, model, args.candidates, args.nprobe, args.ef_search, precision)
    _arguments.search_topics(
        args, 'colbert', 'colbert', lambda queries, qids: searcher.batch_search(queries, qids, args.hits, args.threads)
    )
    print(f'{searcher.scored / searcher.searched:.1f} of {searcher.num_docs} passages scored a query')


if __name__ == '__main__':
    _cli.run(main)
