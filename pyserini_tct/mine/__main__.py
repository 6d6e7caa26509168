# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.mine``: a run of the training queries whose passages serve as hard negatives.

In: a corpus and topics, and BM25, a student or a run as the source of candidates. Out: a run for ``train
--negatives``. It is a process of its own, so that training never shares a process with a JVM.
"""

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError

if TYPE_CHECKING:
    from pyserini_tct.runs import Hit


def ranks(text: str) -> tuple[int, int]:
    """Parse ``FIRST-LAST`` (an ``argparse`` type)."""
    found = re.fullmatch(r'(\d{1,9})-(\d{1,9})', text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= first <= last:
        raise argparse.ArgumentTypeError(f'{text[:40]} is no range of ranks: write it like 10-100')
    return first, last


def build_parser() -> _cli.Parser:
    """Return the parser."""
    parser = _cli.Parser(
        'pyserini_tct.mine', 'Mine hard negatives for training queries, by BM25 unless told otherwise.'
    )
    add = parser.add_argument
    add('--corpus', help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--topics', help='training queries')
    add('--output', required=True, type=Path, help='new run file')
    group = parser.add_mutually_exclusive_group()
    group.add_argument('--encoder', help='candidates from the index of a student: folder or hub name')
    group.add_argument('--run', type=Path, help='candidates from a run of the training queries')
    group = parser.add_mutually_exclusive_group()
    group.add_argument('--depth', type=_cli.positive, default=50, help='best candidates a query')
    group.add_argument('--ranks', type=ranks, help='candidates of these ranks only, such as 10-100')
    add('--qrels', help='training judgments: relevant passages are dropped')
    add('--teacher', help='ColBERT, cross-encoder or student: drop what it scores too near a positive, with --margin')
    add('--margin', type=float, help="how far below each positive a candidate has to be, in the teacher's raw scores")
    add('--device', default='auto', help='cpu, cuda:0, ... or auto')
    parser.add_overwrite()
    return parser


def check(args: argparse.Namespace) -> None:
    """Refuse flags that do not fit together.

    Raises:
        TctError: something is missing, or would have no effect.
    """
    if (args.teacher is None) != (args.margin is None):
        raise TctError('--teacher and --margin belong together: give both or neither')
    if args.teacher and not args.qrels:
        raise TctError('--teacher compares candidates with the positives: add --qrels')
    if args.margin is not None and not math.isfinite(args.margin):
        raise TctError(f'--margin is {args.margin}: a number is needed')
    if not args.topics and (args.teacher or not args.run):
        raise TctError('--topics is missing: name the training queries')
    if not args.corpus and (args.teacher or not args.run):
        raise TctError('--corpus is missing: name the passages')


def check_docids(run: Path, found: Mapping[str, Sequence['Hit']], corpus: str | None) -> None:
    """Refuse a run of another corpus; without a corpus there is nothing to compare it with.

    Raises:
        TctError: the run lists a passage that the corpus does not have.
    """
    from pyserini_tct.collection import read_corpus

    wanted = {hit.docid for hits in found.values() for hit in hits}
    for passage in read_corpus(corpus) if corpus else ():
        wanted.discard(passage.docid)
    if corpus and wanted:
        raise TctError(f'{run} lists passage {min(wanted)}, which {corpus} does not have: name the corpus of the run')


def main(argv: Sequence[str]) -> None:
    """Parse the flags and mine."""
    args = build_parser().parse_args(argv)
    check(args)
    inputs = [args.corpus, args.topics, args.encoder, args.run, args.qrels, args.teacher]
    _atomic.check_free(args.output, args.overwrite, inputs=inputs)

    from pyserini_tct.mine import _filters, _sources
    from pyserini_tct.runs import notes_on, rank, read_run, write_run
    from pyserini_tct.search._arguments import differences
    from pyserini_tct.topics import read_qrels, read_topics
    from pyserini_tct.vectors import partial_path

    first, last = args.ranks or (1, args.depth)
    topics = read_topics(args.topics) if args.topics else {}
    qrels = read_qrels(args.qrels) if args.qrels else {}
    run = read_run(args.run) if args.run else {}
    if run and topics and not run.keys() & topics.keys():
        raise TctError(f'{args.run} has none of the queries of {args.topics}: name a run of the training queries')
    asked, named = (topics, args.topics) if topics else (run, args.run)
    if qrels and not qrels.keys() & asked.keys():
        raise TctError(f'{args.qrels} judges none of the queries of {named}: name the training judgments')
    work = partial_path(args.output)
    with _atomic.lock(work):
        if args.run:
            found = {qid: rank(run[qid], last) for qid in asked if qid in run}
            check_docids(args.run, found, args.corpus)
        elif args.encoder:
            found = _sources.by_student(args.corpus, topics, args.encoder, last, work, args.device)
        else:
            found = _sources.by_bm25(args.corpus, topics, last)
        found = _filters.not_relevant(_filters.within_ranks(found, first, last), qrels)
        if args.teacher:
            found = _filters.by_teacher(found, topics, qrels, args.corpus, args.teacher, args.margin, work, args.device)
        left = {qid: hits for qid, hits in found.items() if hits}
        if not left:
            raise TctError('no candidate is left for any query: allow more ranks or a smaller margin')
        write_run(args.output, left, 'bm25' if not (args.run or args.encoder) else 'mined')
        _atomic.remove(work)
    if args.run:
        told = differences(args.run, run.keys(), topics.keys()) if topics else []
        for line in [*told, *notes_on(args.run, run, scored=False)]:
            _cli.note(f'note: {line}')
    if len(left) < len(topics):
        _cli.note(f'note: {len(topics) - len(left)} of {len(topics)} queries have no negative left')
    count = sum(map(len, left.values()))
    print(f'{args.output}: {count} passages for {len(left)} queries, {count / len(left):.1f} each')


if __name__ == '__main__':
    _cli.run(main)
