# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.fusion``: two or more runs to one.

``--dense --sparse`` is the paper's interpolation, dense + alpha * sparse; ``--runs`` takes Pyserini's flags, with its
defaults.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError
from pyserini_tct.fusion import _flags
from pyserini_tct.fusion._alpha import DEFAULT_ALPHA, read_alpha
from pyserini_tct.fusion._rule import METHODS, Rule, alpha_rule

AVERAGE, NORMALIZE = 'average', 'normalize'  # Pyserini's names for an interpolation and for a CombSUM


def main(argv: Sequence[str]) -> None:
    """Parse the flags and fuse."""
    parser = _cli.Parser('pyserini_tct.fusion', 'Fuse a dense and a sparse run, or any number of runs.')
    add = parser.add_argument
    add('--dense', type=Path, help='run of the dense side')
    add('--sparse', type=Path, help='run of the sparse side')
    add('--runs', nargs='+', type=Path, metavar='RUN', help='two or more runs, instead of --dense and --sparse')
    add(
        '--method',
        choices=(*METHODS, AVERAGE, NORMALIZE),
        help='interpolation of --dense and --sparse, rrf of --runs; average is an interpolation with equal weights, '
        'normalize is combsum with --normalization min-max',
    )
    add('--alpha', help='dense + alpha * sparse (0.1, or @FILE from fusion.tune); '
        'with --runs: alpha * first + (1 - alpha) * second (0.5)')  # fmt: skip
    add('--weights', nargs='+', type=float, metavar='W', help='weight of each run, instead of --alpha')
    _flags.add_rule(parser, missing=None)
    add('--rrf.k', dest='rrf_k', type=_cli.positive, help='constant of reciprocal rank fusion (60)')
    add('--depth', type=_cli.positive, help='best hits of each list that are fused (all; with --runs 1000)')
    add('--hits', '--k', dest='hits', type=_cli.positive, default=1000, help='hits a query')
    add('--runtag', help='last column of the run (the method)')
    add('--resort', action='store_true', help="no effect, for Pyserini's sake: ranks are always those of the scores")
    add('--output', required=True, type=Path, help='new run file')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    paths = _paths(args)
    rule = _rule(args, len(paths))
    if args.runtag is not None and args.runtag.split() != [args.runtag]:
        raise TctError(f'the tag {args.runtag!r} is blank or holds white space, which breaks run files: replace it')
    _atomic.check_free(args.output, args.overwrite, inputs=paths)

    from pyserini_tct.fusion._runs import as_written, pool, queries
    from pyserini_tct.runs import load_run, notes_on, write_run

    runs = [load_run(path) for path in paths]
    pools = pool(runs, args.depth or (1000 if args.runs else None))
    fused = {qid: pooled.run(rule, args.hits) for qid, pooled in pools.items()}
    write_run(args.output, as_written(fused, rule), args.runtag or rule.method)
    for path, run in zip(paths, runs, strict=True):
        absent = len(fused) - len(queries(run))
        told = [f'{absent} of {len(fused)} queries are not in {path}'] if absent else []
        for note in [*told, *notes_on(path, run, rule.method != 'rrf')]:
            _cli.note(f'note: {note}')
    if rule.method == 'combmnz' and any(score < 0 for found in fused.values() for score in found.values()):
        _cli.note('note: scores below 0 make CombMNZ prefer what few runs found: add --normalization min-max')
    print(f'{args.output}: {len(fused)} queries, {sum(map(len, fused.values()))} hits, {_described(rule)}')


def _paths(args: argparse.Namespace) -> list[Path]:
    if args.runs:
        if args.dense or args.sparse:
            raise TctError('--runs and --dense or --sparse exclude each other: name the runs in one way')
        if len(args.runs) < 2:
            raise TctError('--runs names one run: fusion needs at least two')
        return list(args.runs)
    if not (args.dense and args.sparse):
        raise TctError('name the runs: --dense RUN --sparse RUN, or --runs RUN RUN ...')
    return [args.dense, args.sparse]


def _rule(args: argparse.Namespace, count: int) -> Rule:
    """Turn the flags into a rule; a flag without effect is refused.

    Raises:
        TctError: flags that contradict each other.
    """
    method = args.method or ('rrf' if args.runs else 'interpolation')
    useless = {
        '--alpha': args.alpha is not None and (method != 'interpolation' or args.weights is not None),
        '--weights': args.weights is not None and method != 'interpolation',
        '--weight-on-dense': args.weight_on_dense and (method != 'interpolation' or args.runs or args.weights),
        '--rrf.k': args.rrf_k is not None and method != 'rrf',
    }
    for flag in (flag for flag, is_useless in useless.items() if is_useless):
        raise TctError(f'{flag} has no effect on {method} of these runs with the other flags: leave it out')
    if method == NORMALIZE and args.normalization not in ('none', 'min-max'):
        raise TctError(f'normalize means min-max, not {args.normalization}: use --method combsum')
    if method == NORMALIZE:
        method, args.normalization = 'combsum', 'min-max'
    missing = args.missing or ('min' if args.dense and method == 'interpolation' else 'zero')
    weights: tuple[float, ...] = ()
    if method == AVERAGE:
        method, weights = 'interpolation', (1 / count,) * count
    elif args.weights is not None:
        weights = tuple(args.weights)
    elif method == 'interpolation' and args.dense:
        options = {'normalization': args.normalization, 'weight_on_dense': args.weight_on_dense, 'missing': missing}
        return alpha_rule(read_alpha(str(DEFAULT_ALPHA) if args.alpha is None else args.alpha, **options), **options)
    elif method == 'interpolation':
        weights = _two_weights('0.5' if args.alpha is None else args.alpha, count)
    rule = Rule(method, weights, args.normalization, missing, args.rrf_k or 60)
    rule.check_lists(count)
    return rule


def _two_weights(text: str, count: int) -> tuple[float, float]:
    """Return Pyserini's weights of two runs."""
    if text.startswith('@'):
        raise TctError(f'{text[1:]} holds an alpha of dense + alpha * sparse: name the runs by --dense and --sparse')
    if count != 2:
        raise TctError(f'--alpha is for two runs, here are {count}: give --weights')
    alpha = read_alpha(text)
    if not 0 <= alpha <= 1:
        raise TctError(f'--alpha {text} is not between 0 and 1, where --runs has it: use --weights for others')
    return alpha, 1 - alpha


def _described(rule: Rule) -> str:
    parts = [rule.method]
    if rule.method == 'rrf':
        parts.append(f'k {rule.rrf_k}')
    else:
        parts += [f'weights {" ".join(f"{weight:g}" for weight in rule.weights)}'] if rule.weights else []
        parts += [f'normalization {rule.normalization}', f'missing {rule.missing}']
    return ', '.join(parts)


if __name__ == '__main__':
    _cli.run(main)
