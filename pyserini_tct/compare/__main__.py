# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.compare``: build what is missing, run every system, score and time it, write the table."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError

MEASURES = ('RR@10', 'nDCG@10', 'R@1000')
ABOUT = """The paper's table for a collection and models: effectiveness, latency, index size, build time of BM25,
doc2query, a student, a teacher and their hybrids. Given again, only what changed is made again."""


def _parser() -> _cli.Parser:
    parser = _cli.Parser('pyserini_tct.compare', ABOUT)
    add = parser.add_argument
    text = 'folder with corpus.jsonl (.gz too), queries.SPLIT.tsv, qrels.SPLIT.txt; or a data set of ir_datasets'
    add('--collection', required=True, metavar='FOLDER|irds:NAME', help=text)
    add('--split', help='topics and judgments that are reported (dev; of irds:NAME its own)')
    add('--student', metavar='PATH', help='folder or hub name of the student')
    add('--teacher', metavar='PATH', help='folder or hub name of a ColBERT, for MaxSim')
    add('--cross', metavar='PATH', help='folder or hub name of a cross-encoder')
    add('--predictions', metavar='FILE', help="predicted queries for doc2query (the collection's expansions.jsonl)")
    add('--systems', metavar='NAME,NAME', help='rows of the table (all for which models and data are given)')
    add('--alpha', type=float, help='weight of the sparse scores in hybrids')
    add('--tune-split', metavar='SPLIT', help='tune alpha on these topics instead')
    add('--measures', nargs='+', default=list(MEASURES), metavar='NAME', help='as ir_measures spells them')
    add('--baseline', metavar='NAME', help='system that the others are compared with (the first)')
    add('--hits', type=_cli.positive, default=1000, help='hits a query, also of each side of a hybrid')
    add('--depth', type=_cli.positive, default=100, help='passages that a teacher or cross-encoder re-ranks')
    add('--latency-queries', type=_cli.positive, default=50, metavar='N', help='queries that are timed: the first N')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    text = 'of all models; auto: bf16 where the machine has it'
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help=text)
    add('--output', type=Path, required=True, help='folder for everything that is made')
    parser.add_heap()
    parser.add_overwrite()
    return parser


def main(argv: Sequence[str]) -> None:
    """Plan, build, run, time, score, write."""
    args = _parser().parse_args(argv)
    from pyserini_tct import _env
    from pyserini_tct.collection import IRDS
    from pyserini_tct.compare import _collection, _plan

    collection = _collection.open_collection(args.collection, args.predictions)
    args.split = args.split or (_collection.WHOLE if collection.source.startswith(IRDS) else 'dev')
    given = {name for name in _plan.MODELS if getattr(args, name)}
    given |= {'predictions'} if collection.predictions else set()
    given |= {'alpha'} if args.tune_split or args.alpha is not None else set()
    asked = args.systems.split(',') if args.systems is not None else None
    systems, left_out = _plan.select(asked, given)
    baseline = args.baseline or systems[0]
    if baseline not in systems:
        raise TctError(f'the baseline {baseline} is none of the systems {", ".join(systems)}: choose one of these')
    _check(args, collection)
    for name, needed in left_out.items():
        _cli.note(f'left out: {name} (needs {needed})')
    settings = _plan.Settings(
        *(args.split, args.student, args.teacher, args.cross, args.alpha, args.tune_split),
        *(args.measures[0], args.hits, args.depth, args.device),
        _env.precision_of(args.precision, _env.device_of(args.device)),
    )

    from pyserini_tct import _jvm
    from pyserini_tct.compare import _report, _results
    from pyserini_tct.compare._ledger import Ledger, keys_of

    with _atomic.lock(args.output):
        ledger = Ledger(args.output, args.overwrite)
        _jvm.prepare(args.heap)
        plan = _plan.Plan(collection, settings, args.output)
        for system in systems:
            plan.run(system)
        keys = keys_of(plan)
        ledger.take(plan, keys)
        found = _results.collect(plan, ledger, keys, systems, args.measures, baseline, args.latency_queries)
        found['left_out'] = left_out
        for path, content in _report.documents(args.output, found).items():
            with _atomic.atomic_file(path) as out:
                out.write(content)
    print(_report.as_text(found))
    print(f'Page: {args.output}/compare.html; also compare.json, compare.md, compare.tex, commands.txt')


def _check(args: argparse.Namespace, collection: Any) -> None:
    """Refuse what would fail after hours of work."""
    from pyserini_tct import _env
    from pyserini_tct.compare._collection import judged_topics, refuse_shared
    from pyserini_tct.eval import parse_measures
    from pyserini_tct.fusion._alpha import read_alpha
    from pyserini_tct.models import _weights
    from pyserini_tct.models.teachers import factory

    for name in ('collection', 'student', 'teacher', 'cross', 'predictions'):
        path = Path(getattr(args, name) or '')
        if getattr(args, name) and path.exists() and path.resolve().is_relative_to(args.output.resolve()):
            raise TctError(f'--{name} {path} lies in the output {args.output}: choose another --output')
    if args.alpha is not None and args.tune_split:
        raise TctError('--alpha and --tune-split exclude each other: give one of them')
    judged_topics(collection, args.split)
    if args.tune_split:
        refuse_shared(collection, args.split, args.tune_split)
    if args.alpha is not None:
        read_alpha(str(args.alpha))
    for measure in parse_measures(args.measures):
        if measure.params.get('cutoff', 0) > args.hits:
            _cli.note(f'note: {measure} sees no more than the {args.hits} hits of a query: raise --hits')
    _env.device_of(args.device)
    _env.need('matplotlib', 'plot', 'the page of a comparison')
    for name, kind in (('teacher', 'ColBERT'), ('cross', 'cross-encoder')):
        model = getattr(args, name)
        if model and factory.kind_of(model) != kind:
            raise TctError(f'--{name} {model} is a {factory.kind_of(model)}: a {kind} is needed')
        # Any BERT can be a student; one that was trained to be another model is a mistake.
        if args.student and factory.KINDS[kind].shown_by(_weights.resolve(args.student), args.student):
            raise TctError(f'--student {args.student} is a {kind}: a student is needed')


if __name__ == '__main__':
    _cli.run(main)
