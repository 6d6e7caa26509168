# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.regress``: run a regression file and say whether its scores still hold."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyserini_tct import _cli
from pyserini_tct._errors import TctError

if TYPE_CHECKING:
    from pyserini_tct.regress._records import Condition, Spec
    from pyserini_tct.regress._runner import Part


def _parser() -> _cli.Parser:
    parser = _cli.Parser(
        'pyserini_tct.regress',
        'Run the conditions of a regression file and compare the scores with '
        'the pinned ones, both ways. Exit code: 0 all as pinned, 1 drift, 2 something could not run.',
    )
    add = parser.add_argument
    add('file', metavar='FILE', help="YAML file, the name of one that ships with the package, or pyserini:NAME (2CR's)")
    add('--condition', nargs='+', metavar='NAME', help='run these conditions only')
    add('--topics', nargs='+', metavar='KEY', help='run these sets of queries only')
    add('--only-runnable', action='store_true', help='leave out what cannot run on this machine')
    add('--jobs', type=_cli.positive, default=1, help='commands at the same time')
    add('--list', action='store_true', help='list the conditions and what keeps them from running, run nothing')
    add('--work', metavar='FOLDER', type=Path, help='keep all that is made here; a later run goes on from it')
    add('--overwrite', action='store_true', help='empty the work folder of an earlier regression')
    add('--report', metavar='FOLDER', type=Path, help='write Markdown, JSON, JUnit and an HTML page with a history')
    add('--accept', metavar='REASON', help='pin what is found instead, and keep the reason in the file')
    add('--submission', metavar='RUN', type=Path, help='score this run against one condition and set of queries')
    return parser


def main(argv: Sequence[str]) -> int:
    """Run, list, accept or score a submission; return the exit code."""
    args = _parser().parse_args(argv)
    if args.submission and (args.accept is not None or args.work or args.list):
        raise TctError('--submission scores a run that exists: leave --accept, --work and --list out')
    if args.overwrite and not args.work:
        raise TctError('--overwrite empties the folder of --work: name that one')
    from pyserini_tct.regress import _accept, _grid, _matrix, _report, _runner, _submission
    from pyserini_tct.regress._spec import find_spec, load_spec
    from pyserini_tct.regress._work import work_folder

    spec = load_spec(find_spec(args.file))
    conditions = _runner.select(spec, args.condition, args.topics)
    if args.list:
        _list(spec, conditions, args.work or Path.cwd())
        return 0
    if args.accept is not None:
        _accept.check(spec, args.accept)
    if args.report:
        _report.check_folder(args.report, spec)
    with work_folder(args.work, args.overwrite) as work:
        if args.submission:
            parts = _submission.score(spec, conditions, args.submission.resolve(), work)
        else:
            parts = _runner.run_parts(spec, work, conditions, args.jobs, args.only_runnable)
        rows = [row for part in parts for row in part.rows]
        print(_grid.summary(rows), end='')
        if args.report:
            _report.write_report(args.report, spec, rows)
        code = _matrix.exit_code(rows)
        if args.accept is not None:
            code = _accepted(args, spec, parts, work)
    failed = any(part.started and part.judged is None for part in parts)
    if args.work is None and failed:
        _cli.note('the work folder and its logs are gone: add --work FOLDER to keep them')
    return code


def _accepted(args: argparse.Namespace, spec: 'Spec', parts: 'list[Part]', work: Path) -> int:
    from pyserini_tct.regress import _accept, _matrix

    for line in _accept.accept(spec, parts, args.accept, work):
        print(f'accepted: {line}')
    rows = [row for part in parts for row in part.rows]
    return _cli.UNUSABLE if not rows or any(row.status == _matrix.NOT_RUN for row in rows) else 0


def _list(spec: 'Spec', conditions: 'list[Condition]', folder: Path) -> None:
    from pyserini_tct.regress._resources import why_not

    width = max(len(condition.name) for condition in conditions)
    for condition in conditions:
        minutes = condition.requires.minutes
        print(f'{condition.name:{width}}  {condition.display}' + (f' (about {minutes:g} min)' if minutes else ''))
        reasons: dict[str, list[str]] = {}
        for part in condition.topics:
            reason = why_not(spec, condition, part, folder)
            if reason:
                reasons.setdefault(reason, []).append(part.topic_key)
        for reason, keys in reasons.items():
            print(f'{"":{width}}  {", ".join(keys)} cannot run here: {reason}')


if __name__ == '__main__':
    _cli.run(main)
