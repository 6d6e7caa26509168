# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.fusion.tune``: two runs and judgments to the best alpha, and what that choice is worth."""

import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError
from pyserini_tct.fusion import _flags
from pyserini_tct.fusion._tuning import FOLDS, GRID, SAMPLES, tune


def main(argv: Sequence[str]) -> None:
    """Parse the flags and tune."""
    parser = _cli.Parser('pyserini_tct.fusion.tune', 'Choose alpha of dense + alpha * sparse on dev queries.')
    add = parser.add_argument
    add('--dense', required=True, type=Path, help='run of the dense side')
    add('--sparse', required=True, type=Path, help='run of the sparse side')
    add('--qrels', required=True, help='judgments of the dev queries, or irds:NAME')
    add('--measure', default='RR@10', help='as ir_measures spells it')
    add('--grid', nargs='+', type=float, default=list(GRID), help='alphas tried')
    _flags.add_rule(parser, missing='min')
    add('--folds', type=_cli.positive, help=f'folds of the cross-validation ({FOLDS}, or one for each query)')
    add('--samples', type=_cli.positive, default=SAMPLES, help='bootstrap samples of the queries')
    add('--seed', type=int, default=0, help='of folds and bootstrap')
    add('--output', required=True, type=Path, help='new JSON file, for --alpha @FILE')
    add('--plot', type=Path, metavar='FILE.svg', help='new SVG file with the curve')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    inputs = [args.dense, args.sparse, args.qrels]
    _atomic.check_free(args.output, args.overwrite, inputs=inputs)
    if args.seed < 0:
        raise TctError(f'--seed {args.seed} is negative: choose 0 or more')
    if args.plot:
        if args.plot.suffix != '.svg':
            raise TctError(f'--plot {args.plot} is no .svg file: SVG is what is drawn')
        if args.plot.resolve() == args.output.resolve():
            raise TctError(f'--plot and --output name the same file, {args.plot}: choose another name for the plot')
        _atomic.check_free(args.plot, args.overwrite, inputs=inputs)
        from pyserini_tct.fusion._plot import write_plot

    from pyserini_tct._files import sha256
    from pyserini_tct.runs import load_run, notes_on
    from pyserini_tct.topics import read_qrels

    dense, sparse = load_run(args.dense), load_run(args.sparse)
    found = tune(
        dense,
        sparse,
        read_qrels(args.qrels),
        args.measure,
        args.grid,
        args.normalization,
        args.weight_on_dense,
        args.missing,
        args.folds,
        args.samples,
        args.seed,
    )
    files = [path for path in map(Path, inputs) if path.is_file()]
    found['inputs'] = [{'name': path.name, 'sha256': sha256(path)} for path in files]
    _atomic.write_json(args.output, found)
    if args.plot:
        write_plot(args.plot, found)
    for path, run in ((args.dense, dense), (args.sparse, sparse)):
        for note in notes_on(path, run):
            _cli.note(f'note: {note}')
    print(_table(found))


def _table(found: dict[str, Any]) -> str:
    measure, lines = found['measure'], []
    for (alpha, mean), (low, high) in zip(found['curve'], found['band'], strict=True):
        best = '  <- best' if alpha == found['alpha'] else ''
        lines.append(f'alpha {alpha:<6g} {measure} {mean:.4f} [{low:.4f}, {high:.4f}]{best}')
    low, high = found['alpha_interval']
    lines.append(
        f'alpha {found["alpha"]:g}; {100 * found["level"]:g} % of the choices on resampled queries: {low:g} to {high:g}'
    )
    if found['score'] is not None:
        low, high = found['score_interval']
        lines.append(f'held out, {len(found["folds"])} folds: {measure} {found["score"]:.4f} [{low:.4f}, {high:.4f}]')
        for name, side in found['sides'].items():
            gain = f'{side["wins"]} better, {side["ties"]} equal, {side["losses"]} worse; p = {side["p"]:.4f}'
            lines.append(f'{name} alone: {side["score"]:.4f}, hybrid {side["difference"]:+.4f} ({gain})')
    queries = found['queries']
    names = {
        'not_in_dense': 'without a dense hit',
        'not_in_sparse': 'without a sparse hit',
        'not_judged': 'not judged, ignored',
        'irrelevant': 'without a relevant passage, counted as 0',
    }
    told = [f'{queries[key]} {meaning}' for key, meaning in names.items() if queries[key]]
    return '\n'.join([*lines, ', '.join([f'queries: {queries["judged"]} judged', *told])])


class _Function(types.ModuleType):
    """A module that can be called: the package's ``tune`` is a function, and this import puts a module in its place."""

    def __call__(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Call :func:`pyserini_tct.fusion._tuning.tune`."""
        return tune(*args, **options)


sys.modules[__name__].__class__ = _Function

if __name__ == '__main__':
    _cli.run(main)
