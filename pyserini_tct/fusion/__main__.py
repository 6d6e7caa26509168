# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.fusion``: two runs to one, by interpolation."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli


def main(argv: Sequence[str]) -> None:
    """Parse the flags and fuse."""
    parser = _cli.Parser('pyserini_tct.fusion', 'Fuse a dense and a sparse run: dense + alpha * sparse.')
    add = parser.add_argument
    add('--dense', required=True, type=Path, help='run of the dense side')
    add('--sparse', required=True, type=Path, help='run of the sparse side')
    add('--alpha', default='0.1', help='weight of the sparse scores, or @FILE from fusion.tune')
    add('--normalization', action='store_true', help='map each list to [-0.5, 0.5] first')
    add('--weight-on-dense', action='store_true', help='score = sparse + alpha * dense instead')
    add('--hits', type=_cli.positive, default=1000, help='hits a query')
    add('--output', required=True, type=Path, help='new run file')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _atomic.check_free(args.output, args.overwrite, inputs=[args.dense, args.sparse])

    from pyserini_tct.fusion._tuning import fuse, read_alpha
    from pyserini_tct.runs import read_run, write_run

    dense, sparse = read_run(args.dense), read_run(args.sparse)
    options = {'normalization': args.normalization, 'weight_on_dense': args.weight_on_dense}
    alpha = read_alpha(args.alpha, **options)
    fused = fuse(dense, sparse, alpha, args.hits, **options)
    write_run(args.output, fused, 'interpolation')
    lacking = len(set(dense) ^ set(sparse))
    if lacking:
        _cli.note(f'note: {lacking} queries are in one of the two runs only')
    print(f'{args.output}: {len(fused)} queries, alpha {alpha:g}')


if __name__ == '__main__':
    _cli.run(main)
