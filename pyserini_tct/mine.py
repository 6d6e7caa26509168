# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.mine``: hard negatives, a run of the training queries by BM25.

In: a corpus and topics. Out: a run, whose passages that are not relevant serve as negatives. It is a process of its
own, so that training never shares a process with a JVM.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli


def mine_bm25(corpus: str | Path, topics: str | Path, output: Path, depth: int = 50, overwrite: bool = False) -> int:
    """Index a corpus and search it with the training queries.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        topics: training queries.
        output: new run file.
        depth: passages a query.
        overwrite: replace an existing file.

    Returns:
        Queries with at least one passage.

    Raises:
        TctError: bad input, an output that exists, no usable Java.
    """
    from pyserini_tct.index.lucene import build_bm25
    from pyserini_tct.runs import write_run
    from pyserini_tct.search.lucene import BM25Searcher
    from pyserini_tct.topics import read_topics

    _atomic.check_free(output, overwrite, inputs=[corpus, topics])
    queries = read_topics(topics)
    with tempfile.TemporaryDirectory(prefix='tct_mine') as work:
        build_bm25(corpus, Path(work, 'index'))
        found = BM25Searcher(Path(work, 'index')).batch_search(list(queries.values()), list(queries), depth)
        write_run(output, {qid: found[qid] for qid in queries}, 'bm25')
    return sum(bool(hits) for hits in found.values())


def main(argv: Sequence[str]) -> None:
    """Parse the flags and mine."""
    parser = _cli.Parser('pyserini_tct.mine', 'Mine hard negatives for training queries by BM25.')
    parser.add_argument('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    parser.add_argument('--topics', required=True, help='training queries')
    parser.add_argument('--output', required=True, type=Path, help='new run file')
    parser.add_argument('--depth', type=_cli.positive, default=50, help='passages a query')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    count = mine_bm25(args.corpus, args.topics, args.output, args.depth, args.overwrite)
    print(f'{args.output}: the {args.depth} best passages of {count} queries')


if __name__ == '__main__':
    _cli.run(main)
