# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.hybrid dense ... sparse ... fusion ... run ...``: two sides, fused."""

from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.fusion._tuning import read_alpha
from pyserini_tct.search import _arguments


def main(argv: Sequence[str]) -> None:
    """Parse the four groups and search."""
    groups = {
        name: _cli.Parser(name, about, debug=False)
        for name, about in (
            ('dense', 'The dense side.'),
            ('sparse', 'The BM25 side.'),
            ('fusion', 'score = dense + alpha * sparse.'),
            ('run', 'Topics and output.'),
        )
    }
    _arguments.add_dense(groups['dense'])
    _arguments.add_sparse(groups['sparse'])
    add = groups['fusion'].add_argument
    add('--alpha', default='0.1', help='weight of the sparse scores, or @FILE from fusion.tune')
    add('--hits', type=_cli.positive, default=1000, help='hits taken from each side')
    add('--normalization', action='store_true', help='map each list to [-0.5, 0.5] first')
    add('--weight-on-dense', action='store_true', help='score = sparse + alpha * dense instead')
    _arguments.add_run(groups['run'])
    args = _cli.parse_groups('python -m pyserini_tct.search.hybrid', 'Dense and BM25 search, fused.', groups, argv)
    dense, sparse, fusion, run = (args[name] for name in groups)
    _arguments.check_encoder(dense)
    options = {'normalization': fusion.normalization, 'weight_on_dense': fusion.weight_on_dense}
    alpha = read_alpha(fusion.alpha, **options)
    _arguments.check_output(run, dense.index, sparse.index, dense.encoder)

    from pyserini_tct.search.faiss._searcher import open_searcher as open_dense
    from pyserini_tct.search.hybrid import HybridSearcher
    from pyserini_tct.search.lucene._searcher import open_searcher as open_sparse

    searcher = HybridSearcher(
        open_dense(
            dense.index,
            dense.encoder,
            dense.tokenizer,
            dense.encoded_queries,
            dense.device,
            run.batch_size,
            dense.normalize_distances,
            not dense.any_encoder,
        ),
        open_sparse(sparse.index, sparse.k1, sparse.b, sparse.heap),
    )
    _arguments.search_topics(
        run,
        'hybrid',
        'hybrid',
        lambda queries, qids: searcher.batch_search(
            queries, qids, fusion.hits, run.hits, run.threads, alpha, fusion.normalization, fusion.weight_on_dense
        ),
    )


if __name__ == '__main__':
    _cli.run(main)
