# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.encode.merge``: the shards of a corpus, encoded apart, to the store of the whole corpus.

The joined store has the bytes that ``encode`` without ``--shard-num`` would have written.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError

OWN = ('shard_id', 'count', 'texts_sha256', 'shards', 'environment')  # what two shards of a corpus may differ in


def merge(shards: Sequence[Path], output: Path, overwrite: bool = False) -> int:
    """Join shards into one vector store.

    Args:
        shards: folders written by ``encode --shard-id I --shard-num N``: all N of them, in any order; or one store that
            is whole, which is copied.
        output: new folder; vectors are hard links where the file system allows, else copies.
        overwrite: replace an existing store.

    Returns:
        Passages in all.

    Raises:
        TctError: a shard is missing, there twice, unfinished, damaged, or of another corpus, encoder or setting; it
            is named.
    """
    from pyserini_tct import _files, _manifest
    from pyserini_tct.vectors import TEXTS, VectorStore, share, write_offsets

    _atomic.check_free(output, overwrite, 'vectors', shards)
    stores = _in_order([VectorStore(folder) for folder in shards])
    first = stores[0].manifest
    content = {key: value for key, value in first.items() if key not in (*OWN, 'shard_num', 'kind', 'inputs')}
    if len({store.manifest.get('batch_tokens') for store in stores}) > 1:  # some were encoded on a GPU
        content.pop('batch_tokens', None)
    content |= {'count': sum(map(len, stores)), 'texts_sha256': None, 'shards': []}
    manifest = {**_manifest.describe('vectors', content), 'inputs': first['inputs']}
    with _atomic.atomic_folder(output, manifest) as partial:
        readers = [_blocks(store) for store in stores]
        with open(partial / TEXTS, 'wb') as out:
            for number in range(sum(len(store.manifest['shards']) for store in stores)):
                store = stores[number % len(stores)]
                block, lines = next(readers[number % len(stores)], ({}, []))
                if block.get('name') != f'{number:05d}':
                    raise TctError(f'{store.folder} has no block {number:05d}: encode it again')
                share(store.folder, partial, (f'{number:05d}{suffix}' for suffix in ('.npy', '.docids', '.json')))
                out.writelines(lines)
                manifest['shards'].append(block)
        for reader in readers:  # to its end, where the texts are compared with their checksum
            next(reader, None)
        write_offsets(partial)
        manifest['texts_sha256'] = _files.sha256(partial / TEXTS)
    return manifest['count']


def _in_order(stores: Sequence[Any]) -> list[Any]:
    """Return the stores by shard number, or raise :class:`TctError` unless they are the shards of one corpus."""
    by_id: dict[int, Any] = {}
    first = stores[0]
    for store in stores:
        if len(stores) > 1 and 'shard_num' not in store.manifest:  # one that is whole is all there is
            raise TctError(f'{store.folder} is no shard: it was encoded without --shard-num')
        keys = sorted({*first.manifest, *store.manifest} - {*OWN, 'batch_tokens'})
        other = next((key for key in keys if store.manifest.get(key) != first.manifest.get(key)), None)
        if other is not None:
            raise TctError(
                f'{store.folder} and {first.folder} differ in {other}: they are shards of different corpora or jobs, '
                'encode all of them with one corpus, encoder and settings'
            )
        twin = by_id.setdefault(store.manifest.get('shard_id', 0), store)
        if twin is not store:
            raise TctError(
                f'{store.folder} and {twin.folder} are both shard {store.manifest["shard_id"]}: leave one out'
            )
    number = first.manifest.get('shard_num', 1)
    missing = next((i for i in range(number) if i not in by_id), None)
    if missing is not None:
        raise TctError(f'shard {missing} of {number} is missing: name it too (encode ... --shard-id {missing})')
    return [by_id[i] for i in range(number)]


def _blocks(store: Any) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """Yield the record and the lines of text of each block, after a look at its checksums."""
    from pyserini_tct.vectors import TEXTS

    with open(store.folder / TEXTS, 'rb') as texts:
        for block, _ in zip(store.manifest['shards'], store.shards(verify=True), strict=True):
            yield block, [texts.readline() for _ in range(block['count'])]


def main(argv: Sequence[str]) -> None:
    """Parse the flags and join."""
    parser = _cli.Parser('pyserini_tct.encode.merge', 'Join the shards of a corpus into one vector store.')
    parser.add_argument('--input', required=True, nargs='+', type=Path, help='folders of all shards, in any order')
    parser.add_argument('--output', required=True, type=Path, help='new folder')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    count = merge(args.input, args.output, args.overwrite)
    print(f'{args.output}: {count} passages of {len(args.input)} shards')


if __name__ == '__main__':
    _cli.run(main)
