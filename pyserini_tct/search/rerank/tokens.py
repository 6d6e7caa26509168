# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.rerank.tokens``: the token vectors of a corpus, for ``search.rerank --tokens``."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli


def main(argv: Sequence[str]) -> None:
    """Parse the flags and encode."""
    parser = _cli.Parser('pyserini_tct.search.rerank.tokens', "A ColBERT's token vectors of a whole corpus.")
    add = parser.add_argument
    add('--maxsim', required=True, metavar='COLBERT', help='ColBERT checkpoint: folder or hub name')
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    add('--output', required=True, type=Path, help='new folder')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help='auto: bf16 where the machine has it')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _atomic.check_free(args.output, args.overwrite, 'token-vectors', [args.corpus, args.maxsim])

    from pyserini_tct import _env
    from pyserini_tct.collection import read_corpus
    from pyserini_tct.models import colbert
    from pyserini_tct.search.rerank import MaxSimReranker

    model = colbert.load(args.maxsim, args.device)
    precision = _env.precision_of(args.precision, model.device.type)
    store = MaxSimReranker(model, read_corpus(args.corpus, args.fields), args.output, precision).store
    print(
        f'{args.output}: token vectors of {len(store)} passages, {store.nbytes / 1024:.0f} KiB, '
        f'{store.nbytes / len(store):.0f} bytes a passage'
    )


if __name__ == '__main__':
    _cli.run(main)
