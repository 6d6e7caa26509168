# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.ablate``: what does distillation bring, and which of its choices? A table, a plot, cells."""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _env
from pyserini_tct._errors import TctError

ABOUT = """Train students with every combination of coupling, temperature, start and teacher, several seeds each, on the
same data in the same order; evaluate them and compare them with the student without soft labels. The same command goes
on where it was stopped."""


def _parser() -> _cli.Parser:
    parser = _cli.Parser('pyserini_tct.ablate', ABOUT)
    add = parser.add_argument
    add('--collection', nargs='+', default=[], metavar='FOLDER', help='trained on together, each evaluated on its dev')
    add('--evaluate', nargs='+', default=[], metavar='FOLDER[:SPLIT]', help='evaluated only (split: dev)')
    add('--output', required=True, type=Path, help='folder for everything; an unfinished ablation there goes on')
    add('--coupling', default='none,loose,tight', help='any of none, loose, tight')
    add('--temperature', default='0.25,1,2,4', help="of the teacher, relative to its training's scale")
    add('--student-init', default='backbone', help='backbone, teacher or both')
    add('--teacher-class', default='colbert', help='colbert, cross or both')
    add('--seeds', default='3', help='how many: 0, 1, ...')
    add('--measures', nargs='+', default=['RR@10', 'nDCG@10'], metavar='NAME', help='as ir_measures spells them')
    add('--dev-queries', type=_cli.positive, help='a fixed sample of so many queries of each collection (all)')
    text = 'collections that are only evaluated are searched with the models of so many seeds (all)'
    add('--evaluate-seeds', type=_cli.positive, help=text)
    add('--hits', type=_cli.positive, default=100, help='length of the lists that are scored')
    add('--rerank-depth', type=_cli.positive, default=50, help="BM25's best passages that a teacher re-ranks")
    text = 'of the evaluation (fp32); auto: bf16 where the machine has it'
    add('--evaluation-precision', choices=('fp32', 'bf16', 'auto'), default='fp32', help=text)
    text = 'a ColBERT teacher scores all passages too where a collection has at most so many'
    add('--full-maxsim-limit', type=_cli.positive, default=5000, help=text)
    add('--only', metavar='PATTERN', help='run the cells of this name (* and ?) and the teachers they need')
    add('--discard-students', action='store_true', help="remove a student's checkpoint once it is evaluated")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--list', action='store_true', help='print the cells and their commands, run nothing')
    mode.add_argument('--report-only', action='store_true', help='write table and plot anew from the cells there are')
    from pyserini_tct.ablate._training import add_flags

    add_flags(parser)
    return parser


def main(argv: Sequence[str]) -> None:
    """Check everything, prepare the data, run the cells, report."""
    args = _parser().parse_args(argv)
    if args.report_only:
        _report(args.output)
        return
    from pyserini_tct.ablate import _data, _grid, _run
    from pyserini_tct.ablate._training import ALL, TAUGHT, TEACHERS, Training
    from pyserini_tct.eval import parse_measures, provider_of

    chosen = _grid.choices(args.coupling, args.temperature, args.student_init, args.teacher_class, args.seeds)
    if not args.collection:
        raise TctError('--collection is missing: name at least one folder to train on')
    measures = parse_measures(args.measures)
    for measure in measures:
        provider_of(measure)
        if measure.params.get('cutoff', 0) > args.hits:
            raise TctError(f'{measure} looks at more than the {args.hits} passages that are kept: raise --hits')
    found = _data.collections(args.collection, args.evaluate)
    root = args.output.resolve()
    _check_place(root, found)
    given = {name: value for name, value in vars(args).items() if name in (*ALL, *TEACHERS, *TAUGHT)}
    training = Training(root, args.recipe, given)
    shared = training.record()
    for collection in found:
        for split in collection.splits():
            _data.judged(collection, split)
    sizes = [sum(1 for _ in _data.read_corpus(collection.corpus)) for collection in found]
    cells = chosen.cells(min(sizes) <= args.full_maxsim_limit)
    configs = [training.config(cell) for cell in cells if cell.kind in ('student', 'teacher')]
    wanted = _selected(cells, args.only)
    if collapsed := chosen.collapsed():
        _cli.note(collapsed)
    if args.list:
        for cell in wanted:
            print(f'{cell.name}\n    {training.line(cell) or "(nothing to train)"}')
        return
    precision = _env.precision_of(args.evaluation_precision, _env.device_of(configs[0].device))
    settings = {
        'measures': [str(measure) for measure in measures],
        'dev-queries': args.dev_queries,
        'evaluate-seeds': args.evaluate_seeds,
        'hits': args.hits,
        'rerank-depth': args.rerank_depth,
        'full-maxsim-limit': args.full_maxsim_limit,
        'evaluation-precision': precision,
        'training': shared,
        'backbone': _backbone(shared['student']['backbone']),
        'collections': {collection.name: 'trained' if collection.trained else 'evaluated' for collection in found},
        'data': _data.digests(found),
    }
    _run.claim(root, settings)
    with _atomic.lock(root / 'data', 'waiting for another process to prepare the data'):
        depths = max(config.negatives_depth for config in configs), max(args.hits, args.rerank_depth)
        entries = _data.prepare(found, root / 'data', args.dev_queries or 0, *depths)
        plan: dict[str, Any] = {
            'settings': settings,
            'data': str(root / 'data'),
            'collections': entries,
            'measures': settings['measures'],
            'hits': args.hits,
            'rerank_depth': args.rerank_depth,
            'full_maxsim_limit': args.full_maxsim_limit,
            'device': configs[0].device,
            'precision': precision,
            'evaluate_seeds': args.evaluate_seeds,
        }
        plan = _run.write_plan(root, plan, cells)
    _run.run(root, plan, wanted, training, args.discard_students)
    _report(root)


def _check_place(root: Path, found: Sequence[Any]) -> None:
    """Refuse an output that lies in a collection or around one."""
    for collection in found:
        if root.is_relative_to(collection.folder) or collection.folder.is_relative_to(root):
            raise TctError(
                f'the output {root} and the collection {collection.folder} are in each other: choose another'
            )


def _selected(cells: Sequence[Any], pattern: str | None) -> list[Any]:
    """Return the cells of a name, with the teachers that they need, in order."""
    named = [cell for cell in cells if pattern is None or fnmatch.fnmatchcase(cell.name, pattern)]
    if not named:
        raise TctError(f'--only {pattern} is the name of no cell: see --list')
    wanted = {*named, *(cell.teacher for cell in named)}
    return [cell for cell in cells if cell in wanted]


def _backbone(name: str) -> str:
    from pyserini_tct._files import sha256

    return sha256(Path(name)) if Path(name).is_dir() else name


def _report(root: Path) -> None:
    from pyserini_tct.ablate._report import write_report

    print(write_report(root))


if __name__ == '__main__':
    _cli.run(main)
