# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.regress``: run a regression file and say whether its scores still hold."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _cli


def _parser() -> _cli.Parser:
    parser = _cli.Parser(
        'pyserini_tct.regress',
        'Run the conditions of a regression file and compare the scores with '
        'the pinned ones, both ways. Exit code: 0 all as pinned, 1 drift, 2 something could not run.',
    )
    parser.add_argument('file', metavar='FILE', help='YAML file, or the name of one that ships with the package')
    parser.add_argument('--condition', nargs='+', metavar='NAME', help='run these conditions only')
    parser.add_argument('--list', action='store_true', help='list the conditions, run nothing')
    parser.add_argument('--work', metavar='FOLDER', type=Path, help='keep all that is made in this empty folder')
    parser.add_argument('--overwrite', action='store_true', help='empty the work folder of an earlier regression')
    return parser


def main(argv: Sequence[str]) -> int:
    """Run or list a regression; return the exit code."""
    args = _parser().parse_args(argv)
    from pyserini_tct.regress import _matrix, _runner
    from pyserini_tct.regress._spec import find_spec, load_spec
    from pyserini_tct.regress._work import work_folder

    spec = load_spec(find_spec(args.file))
    conditions = _runner.select(spec, args.condition)
    if args.list:
        width = max(len(condition.name) for condition in conditions)
        for condition in conditions:
            print(f'{condition.name:{width}}  {condition.display}')
        return 0
    with work_folder(args.work, args.overwrite) as work:
        rows = _runner.run_spec(spec, work, args.condition)
    print(_matrix.matrix(rows), end='')
    code = _matrix.exit_code(rows)
    if args.work is None and any(row.status == _matrix.NOT_RUN for row in rows):
        _cli.note('the work folder and its logs are gone: add --work FOLDER to keep them')
    return code


if __name__ == '__main__':
    _cli.run(main)
