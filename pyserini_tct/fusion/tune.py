# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.fusion.tune``: two runs and judgments to the best alpha, with its curve."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli
from pyserini_tct.fusion._tuning import GRID, tune


def main(argv: Sequence[str]) -> None:
    """Parse the flags and tune."""
    parser = _cli.Parser('pyserini_tct.fusion.tune', 'Choose alpha of dense + alpha * sparse on dev queries.')
    add = parser.add_argument
    add('--dense', required=True, type=Path, help='run of the dense side')
    add('--sparse', required=True, type=Path, help='run of the sparse side')
    add('--qrels', required=True, help='judgments of the dev queries, or irds:NAME')
    add('--measure', default='RR@10', help='as ir_measures spells it')
    add('--grid', nargs='+', type=float, default=list(GRID), help='alphas tried')
    add('--normalization', action='store_true', help='map each list to [-0.5, 0.5] first')
    add('--weight-on-dense', action='store_true', help='score = sparse + alpha * dense instead')
    add('--output', required=True, type=Path, help='new JSON file, for --alpha @FILE')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _atomic.check_free(args.output, args.overwrite, inputs=[args.dense, args.sparse, args.qrels])

    from pyserini_tct.runs import read_run
    from pyserini_tct.topics import read_qrels

    options = {'normalization': args.normalization, 'weight_on_dense': args.weight_on_dense}
    found = tune(
        read_run(args.dense), read_run(args.sparse), read_qrels(args.qrels), args.measure, args.grid, **options
    )
    _atomic.write_json(args.output, found)
    for alpha, score in found['curve']:
        print(f'alpha {alpha:<6g} {found["measure"]} {score:.4f}{"  <- best" if alpha == found["alpha"] else ""}')


if __name__ == '__main__':
    _cli.run(main)
