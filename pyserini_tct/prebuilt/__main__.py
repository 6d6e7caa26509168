# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.prebuilt list|info|fetch|verify|remove|add``: ready-made models, indexes and queries."""

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.prebuilt import _registry
from pyserini_tct.prebuilt._registry import KINDS, Entry

USES = {
    'faiss': 'search.faiss --index {0} --encoder {1}',
    'bm25': 'search.lucene --index {0}',
    'queries': 'search.faiss --index … --encoded-queries {0}',
    'encoder': 'search.faiss --index … --encoder {0}',
}


def main(argv: Sequence[str]) -> int | None:
    """Hand over to one of the commands."""
    parser = _cli.Parser('pyserini_tct.prebuilt', 'Ready-made models, indexes and encoded queries.', debug=False)
    commands = parser.add_subparsers(
        required=True, metavar='list|info|fetch|verify|remove|add', parser_class=argparse.ArgumentParser
    )

    command = _command(commands, 'list', 'what can be had, and what is here', _list)
    command.add_argument('--kind', choices=KINDS, help='this kind only')
    command.add_argument('--here', action='store_true', help='only what is on this machine')
    command.add_argument('--json', action='store_true', help='all fields, as JSON')

    command = _command(commands, 'info', 'everything known of a name', _info)
    command.add_argument('names', nargs='+', metavar='NAME')

    command = _command(commands, 'fetch', 'download once, compare with the checksum, unpack', _fetch)
    command.add_argument('names', nargs='+', metavar='NAME')
    command.add_argument('--texts', action='store_true', help="also the BM25 index with a Faiss index's texts")
    command.add_argument('--archive', type=Path, help='take this file, brought from elsewhere, instead of downloading')
    command.add_argument('--offline', action='store_true', help='no network: say so where one is needed')
    command.add_argument('--timeout', type=_seconds, default=30.0, help='seconds without a byte before a new try')
    command.add_argument('--retries', type=_cli.positive, default=5, help='tries without a byte gained')

    command = _command(commands, 'verify', 'compare what is here with its checksums (exit code 1: it differs)', _verify)
    command.add_argument('names', nargs='*', metavar='NAME', help='left out: all that is here')

    command = _command(
        commands, 'remove', 'delete what was fetched; forget what was added, but leave its files', _remove
    )
    command.add_argument('names', nargs='+', metavar='NAME')

    command = _command(commands, 'add', 'a name for a file or folder of yours, or for an archive at a URL', _add)
    command.add_argument('name', metavar='NAME')
    command.add_argument('source', metavar='PATH|URL', help='index or model folder, NAME.npy, or URL of a .tar(.gz)')
    command.add_argument('--kind', choices=KINDS, help='needed with a URL; a path tells it itself')
    command.add_argument('--description', help='one line')
    command.add_argument('--encoder', help='name or folder of the model that made the vectors')
    command.add_argument('--texts', help="name of the BM25 index with a Faiss index's texts")
    command.add_argument('--md5', help='of the archive; needed with a URL')
    command.add_argument('--bytes', type=_cli.positive, help='of the archive')

    args = parser.parse_args(argv)
    return args.run(args)


def _command(commands: Any, name: str, about: str, run: Callable[[Any], int | None]) -> argparse.ArgumentParser:
    options = {'allow_abbrev': False, 'formatter_class': argparse.ArgumentDefaultsHelpFormatter}
    parser = commands.add_parser(name, help=about, description=about, **options)
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    parser.set_defaults(run=run)
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f'{text[:40]} is no number of seconds above 0')
    return value


def _list(args: argparse.Namespace) -> None:
    from pyserini_tct.prebuilt._install import place

    rows = [entry for entry in _registry.entries().values() if args.kind in (None, entry.kind)]
    here = {entry.name: place(entry) for entry in rows}
    rows = [entry for entry in rows if here[entry.name] or not args.here]
    if args.json:
        described = [{**dataclasses.asdict(entry), 'here': _text(here[entry.name])} for entry in rows]
        print(json.dumps(described, indent=2, ensure_ascii=False))
        return
    width = max((len(entry.name) for entry in rows), default=0)
    for entry in rows:
        state = 'here' if here[entry.name] else 'added' if entry.added else ''
        print(f'{entry.name:{width}}  {entry.kind:7}  {_size(entry.bytes):>8}  {state:5}  {entry.description or ""}')
    if not rows:
        _cli.note('nothing: python -m pyserini_tct.prebuilt fetch NAME brings something here')


def _info(args: argparse.Namespace) -> None:
    from pyserini_tct.prebuilt._install import place

    for entry in map(_registry.get, args.names):
        fields = {key: value for key, value in dataclasses.asdict(entry).items() if key not in ('files', 'added')}
        fields |= {'here': _text(place(entry)), 'goes to': None if entry.path or entry.hub else str(entry.target)}
        for key, value in fields.items():
            if isinstance(value, list | tuple):
                value = ' '.join(value) or None
            if value is not None:
                print(f'{key:12} {value}')
        use = USES[entry.kind].format(entry.name, entry.encoder or '…')
        print(f'{"use":12} python -m pyserini_tct.{use} --topics … --output …\n')


def _fetch(args: argparse.Namespace) -> None:
    from pyserini_tct.prebuilt._install import Options, fetch

    options = Options(args.timeout, args.retries, args.offline, args.archive)
    if args.archive and (len(args.names) > 1 or args.texts):
        raise TctError('--archive is the file of one name: fetch the others by themselves')
    if args.archive and not args.archive.is_file():
        raise TctError(f'{args.archive} does not exist: check the path')
    wanted = [_registry.get(name) for name in args.names]
    if args.texts:
        wanted += [_registry.get(entry.texts) for entry in wanted if entry.texts]
    for entry in wanted:
        print(f'{entry.name}: {fetch(entry, options)}', flush=True)


def _verify(args: argparse.Namespace) -> int:
    from pyserini_tct.prebuilt import _record
    from pyserini_tct.prebuilt._install import place

    wanted = [_registry.get(name) for name in args.names] or list(_registry.entries().values())
    failed, seen = 0, 0
    for entry in wanted:
        path = place(entry)
        if path is None and not args.names and not entry.path:
            continue
        seen += 1
        record = _record.read(entry)
        expected = entry.files or (record or {}).get('files')
        if path is None:
            problems = ['it is not on this machine' if not entry.path else f'{entry.path} is gone']
        elif expected is None:
            problems = ['it has no checksums, since it was not fetched here: remove it and fetch it']
        else:
            problems = _record.differences(path, expected)
        failed += bool(problems)
        print(f'{entry.name}: {"; ".join(problems) or ("as added" if entry.files else "as fetched")}', flush=True)
    if not seen:
        _cli.note('nothing is here')
    return _cli.FAILED if failed else 0


def _remove(args: argparse.Namespace) -> None:
    from pyserini_tct.prebuilt._install import remove

    for entry in [_registry.get(name) for name in args.names]:
        freed = remove(entry)
        kept = f'; its files stay in {entry.path}' if entry.path else ''
        print(f'{entry.name}: {_size(freed) if freed else "nothing"} freed{kept}')


def _add(args: argparse.Namespace) -> None:
    from pyserini_tct.models._names import check_name
    from pyserini_tct.prebuilt._local import add, kind_of

    remote = args.source.startswith(('http://', 'https://'))
    if '://' in args.source and not remote:
        raise TctError(f'{args.source[:80]} is neither a path nor an http or https URL: give one of these')
    if remote and not (args.kind and args.md5):
        raise TctError('--kind and --md5 are needed with a URL: what it is, and the MD5 of the archive')
    if not remote and (args.md5 or args.bytes):
        raise TctError('--md5 and --bytes belong to a URL; the checksums of a path are computed')
    kind = args.kind if remote else kind_of(Path(args.source))
    if args.kind not in (None, kind):
        raise TctError(f'{args.source} is a {KINDS[kind][1]}, not a {KINDS[args.kind][1]}: leave --kind out')
    if kind == 'encoder':
        check_name(Path(args.name))
    where = {'urls': (args.source,), 'md5': args.md5.lower(), 'bytes': args.bytes} if remote else {'path': args.source}
    entry = add(Entry(args.name, kind, args.description, encoder=args.encoder, texts=args.texts, **where))
    counts = [f'{value:,} {key}' for key in ('documents', 'queries', 'dimension') if (value := getattr(entry, key))]
    print(f'{entry.name}: {KINDS[kind][1]}{", " if counts else ""}{", ".join(counts)}')


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _size(count: int | None) -> str:
    if count is None:
        return ''
    return f'{count / 1e9:.1f} GB' if count >= 1e8 else f'{count / 1e6:.1f} MB'


if __name__ == '__main__':
    _cli.run(main)
