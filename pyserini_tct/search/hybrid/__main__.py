# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.hybrid dense ... sparse ... fusion ... run ...``: two sides, fused."""

from collections.abc import Sequence

from pyserini_tct import _cli
from pyserini_tct.search import _arguments
from pyserini_tct.search.hybrid import _flags, _sides


def main(argv: Sequence[str]) -> None:
    """Parse the four groups and search."""
    groups = _flags.groups()
    args = _cli.parse_groups('python -m pyserini_tct.search.hybrid', 'Two sides, searched and fused.', groups, argv)
    dense, sparse, fusion, run = (args[name] for name in groups)
    _flags.check_sides(dense, sparse)
    rule = _sides.rule_of(fusion)
    _arguments.check_output(run, dense.index, dense.run, sparse.index, sparse.run, dense.encoder, sparse.encoder)

    from pyserini_tct.fusion._runs import as_written
    from pyserini_tct.search.hybrid import HybridSearcher

    sides = _sides.open_dense(dense, run.batch_size), _sides.open_sparse(sparse)
    searcher = HybridSearcher(*sides, rule=rule, dense_hits=dense.hits, sparse_hits=sparse.hits)

    def search(queries: list[str], qids: list[str]) -> dict[str, dict[str, float]]:
        found = searcher.batch_search(queries, qids, fusion.hits, run.hits, run.threads)
        return as_written({qid: {hit.docid: hit.score for hit in hits} for qid, hits in found.items()}, rule)

    _arguments.search_topics(run, 'hybrid', 'hybrid', search)
    _sides.tell(sides)


if __name__ == '__main__':
    _cli.run(main)
