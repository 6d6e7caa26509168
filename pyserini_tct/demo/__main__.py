# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.demo``: train, encode, index, search, tune, score; a table, a page, all commands kept.

Everything is built under ``--output``. What an earlier demo made of the same code, data and versions stays.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _env, _files
from pyserini_tct._errors import TctError

STAMP = 'demo.json'


def origin(pocket: Path, steps: int, seed: int) -> dict[str, Any]:
    """Return what the demo's artefacts depend on: code, data, settings, versions."""
    package = Path(_files.__file__).parent
    code = sorted(file for kind in ('*.py', '*.yaml') for file in package.rglob(kind))
    digest = hashlib.sha256(''.join(_files.sha256(file) for file in code).encode()).hexdigest()
    return {'code': digest, 'collection': _files.sha256(pocket), 'steps': steps, 'seed': seed, **_env.versions()}


def claim(folder: Path, made_of: dict[str, Any], overwrite: bool) -> None:
    """Make the folder ours: a new one, an earlier demo's of the same origin, or an earlier demo's emptied.

    Raises:
        TctError: it holds something else.
    """
    stamp = folder / STAMP
    if folder.exists() and any(folder.iterdir()):
        if not stamp.exists():
            raise TctError(f'{folder} is not empty and no earlier demo: choose another --output')
        if overwrite or _files.read_json(stamp) != made_of:
            _atomic.remove(folder)
    _atomic.write_json(stamp, made_of)


def main(argv: Sequence[str]) -> None:
    """Build, search, score, print."""
    parser = _cli.Parser('pyserini_tct.demo', 'The whole flow on the pocket collection, and the table it ends in.')
    parser.add_argument('--output', type=Path, default=Path('demo'), help='folder for everything that is built')
    parser.add_argument(
        '--quick',
        action='store_true',
        help='a quarter of the collection, a few steps: to see it run, not to see it learn',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the teacher and of each student')
    parser.add_argument('--print-collection', action='store_true', help='only print where the pocket collection is')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    pocket = _files.data_dir('prebuilt') / 'pocket'
    if args.print_collection:
        print(pocket)
        return
    from pyserini_tct.demo import _small, _stages

    started = time.perf_counter()
    recipe = _stages.recipe()
    steps = _stages.QUICK_STEPS if args.quick else recipe['steps']
    _stages.check_backbone()
    claim(args.output, origin(pocket, steps, args.seed), args.overwrite)
    if args.quick:
        pocket = _small.shrink(pocket, args.output / 'collection')
    stages = _stages.plan(args.output, pocket, steps, args.seed)
    commands = [stage.command for stage in stages]
    with _atomic.atomic_file(args.output / 'commands.txt') as out:
        out.writelines(f'{command}\n' for command in commands)
    _stages.run(stages, args.output / 'log.txt')

    from pyserini_tct.demo import _report, _systems

    _cli.note('searching ...')
    rows, alphas = _systems.measure(args.output, pocket)
    chosen = ', '.join(f'{found["alpha"]:g} ({name})' for name, found in alphas.items())
    queries = len(rows[0].per_query[_systems.MEASURES[0]])
    caption = (
        f'{queries} test queries, {rows[0].passages} passages; {steps} steps of {recipe["batch_size"]} queries for the '
        f'teacher and each student, seed {args.seed}. + and - mark a difference to the bi-encoder (paired t-test, '
        f'Holm, p < 0.05). ms/query: median of single queries, warm, {_threads()} threads. alpha tuned on dev: '
        f'{chosen}; 0.1 for the untrained student. BM25: k1=0.9, b=0.4. MaxSim re-ranks {_systems.RERANKED}.'
    )
    text = _report.as_text(rows)
    for name, content in (
        ('report.txt', f'{text}\n\n{caption}\n'),
        ('report.md', _report.as_markdown(rows, caption, commands)),
        ('report.html', _report.as_page(rows, alphas, caption, commands)),
    ):
        with _atomic.atomic_file(args.output / name) as out:
            out.write(content)
    print(f'\n{text}\n\n{caption}')
    print(
        f'{time.perf_counter() - started:.0f} s. Page: {args.output}/report.html; commands: {args.output}/commands.txt'
    )


def _threads() -> int:
    import torch

    return torch.get_num_threads()


if __name__ == '__main__':
    _cli.run(main)
