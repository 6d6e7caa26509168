# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The blocks of a vector store that grows: which are complete, and how one is added.

Texts are written first, then docids, vectors, and last a record with their checksums, by which a block is known to be
complete. Block ``n`` holds passages ``n * shard_size`` and on, whichever process encodes it.
"""

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _atomic, _files, _manifest
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct._resume import is_plan
from pyserini_tct.collection import Passage
from pyserini_tct.vectors import TEXTS, share


class Part(NamedTuple):
    """Shard ``shard_id`` of ``shard_num``: it has every ``shard_num``-th block, in blocks of ``shard_size``."""

    shard_id: int = 0
    shard_num: int = 1
    shard_size: int = 10_000

    def has(self, number: int) -> bool:
        """Tell whether block ``number`` belongs to this shard."""
        return number % self.shard_num == self.shard_id

    def passages_of(self, total: int) -> int:
        """Return how many of a corpus's ``total`` passages this shard has."""
        full, rest = divmod(total, self.shard_size)
        return len(range(self.shard_id, full, self.shard_num)) * self.shard_size + (rest if self.has(full) else 0)


def resume(partial: Path, plan: dict[str, Any], part: Part, overwrite: bool) -> list[int]:
    """Return the complete blocks of the same job, in order; start a new folder where there is none."""
    plan_file = plan_path(partial)
    begun = any(partial.glob('[0-9]*.json'))
    same = begun and is_plan(plan_file, plan, overwrite)
    if begun and not same and not overwrite:
        raise TctError(
            f'{partial} was left by a job with another corpus, encoder or settings: remove it or add --overwrite'
        )
    if same:
        for leftover in partial.glob('.*.partial'):  # of a block that was being written when the job was killed
            leftover.unlink()
        begun_blocks = sorted(int(record.stem) for record in partial.glob('[0-9]*.json'))
        done = [number for number in begun_blocks if part.has(number) and _is_sound(partial, number)]
        for file in partial.glob('[0-9]*'):
            if int(file.name.split('.')[0]) not in done:
                file.unlink()
        return done
    _atomic.remove(partial)
    _atomic.write_json(plan_file, plan)
    partial.mkdir()
    return []


def _is_sound(partial: Path, number: int) -> bool:
    """Tell whether a block is complete and as it was written; its record is written last."""
    record = block(partial, number, '.json')
    try:
        content = _files.read_json(record)
    except TctError:
        content = {}
    damaged = _damaged(partial, content) if content.get('name') == record.stem else record
    if damaged:
        note(f'{damaged} is damaged: its block is done again')
    return not damaged


def _damaged(folder: Path, record: dict[str, Any]) -> Path | None:
    """Return the file of a block that is not what its record says; the record itself, if its count is wrong."""
    for key, suffix in (('sha256', '.npy'), ('docids_sha256', '.docids')):
        file = folder / f'{record["name"]}{suffix}'
        if not file.exists() or _files.sha256(file) != record.get(key):
            return file
    lines = file.read_bytes().count(b'\n')
    return None if record.get('count') == lines else folder / f'{record["name"]}.json'


def take_over(store: Path, partial: Path, plan: dict[str, Any]) -> list[int]:
    """Have ``partial`` begin with the sound blocks of a damaged store; return their numbers.

    There are none of a store that is sound, which is to be made anew, and of one that was made with another plan or
    in another environment, whose blocks may have other bytes.
    """
    manifest = _manifest.read_manifest(store) if store.is_dir() else None
    if manifest is None or not _made_by(manifest, plan):
        return []
    damaged = {shard['name']: _damaged(store, shard) for shard in manifest['shards']}
    texts = store / TEXTS
    if not any(damaged.values()) and texts.exists() and _files.sha256(texts) == manifest['texts_sha256']:
        return []
    for file in filter(None, damaged.values()):
        note(f'{file} is damaged: its block is done again')
    sound = [shard for shard in manifest['shards'] if not damaged[shard['name']]]
    for shard in sound:
        share(store, partial, (f'{shard["name"]}{suffix}' for suffix in ('.npy', '.docids')))
        _atomic.write_json(partial / f'{shard["name"]}.json', shard)
    if texts.exists():
        shutil.copyfile(texts, partial / TEXTS)  # no link: `skip` mends it where it stands
    return [int(shard['name']) for shard in sound]


def _made_by(manifest: dict[str, Any], plan: dict[str, Any]) -> bool:
    """Tell whether a store was made with a plan, in this environment."""
    here, there = _manifest.describe('vectors', {})['environment'], manifest.get('environment', {})
    whole = {'shard_id': None, 'shard_num': None}
    made = {**whole, 'corpus': [file['sha256'] for file in manifest.get('inputs', [])], **manifest}
    return all(made.get(key, ...) == value for key, value in {**whole, **plan}.items()) and all(
        there.get(key) == value for key, value in here.items() if key != 'written'
    )


def block(partial: Path, number: int, suffix: str) -> Path:
    """Return a file of a block."""
    return partial / f'{number:05d}{suffix}'


def skip(passages: Iterator[Passage], partial: Path, part: Part, done: Sequence[int]) -> int:
    """Read to the end of the last complete block, have ``texts.jsonl`` end there; return how many passages are done.

    Texts have no checksum before the store is complete: they are compared with the corpus, and written again where
    they differ; those of a damaged block before the last complete one are written here.
    """
    if not done:
        (partial / TEXTS).unlink(missing_ok=True)  # of a first block that was being written
        return 0
    count, size, wrong, complete = 0, 0, 0, set(done)
    file = partial / TEXTS
    with open(file, 'r+b' if file.exists() else 'w+b') as texts:
        for number in range(done[-1] + 1):
            if not part.has(number):
                next(itertools.islice(passages, part.shard_size, part.shard_size), None)
                continue
            held = list(itertools.islice(passages, part.shard_size))
            if number in complete:
                _check_docids(partial, number, held)
                count += len(held)
            for line in map(_text_line, held):
                if texts.read(len(line)) != line:
                    texts.seek(size)
                    texts.write(line)
                    wrong += 1
                size += len(line)
        texts.truncate(size)
        texts.flush()
        os.fsync(texts.fileno())
    if wrong:
        note(f'{file} is damaged: {wrong} texts are written again')
    note(f'{partial}: {len(done)} blocks with {count} passages are complete, going on with the others')
    return count


def _check_docids(partial: Path, number: int, passages: Sequence[Passage]) -> None:
    """Raise :class:`TctError` unless a complete block has the passages that the corpus has in its place."""
    docids = block(partial, number, '.docids').read_text(encoding='utf-8').splitlines()
    for docid, passage in itertools.zip_longest(docids, passages):
        if passage is None or passage.docid != docid:
            raise TctError(
                f'{partial}: block {number} has {docid} where the corpus has {passage and passage.docid}: '
                f'remove {partial}'
            )


def write(partial: Path, number: int, passages: Sequence[Passage], vectors: np.ndarray, with_texts: bool) -> None:
    """Add a block; its texts are there already where it stands before a complete one (see :func:`skip`)."""
    if with_texts:
        with open(partial / TEXTS, 'ab') as texts:
            texts.writelines(_text_line(passage) for passage in passages)
            texts.flush()
            os.fsync(texts.fileno())
    with _atomic.atomic_file(block(partial, number, '.docids')) as out:
        out.writelines(f'{passage.docid}\n' for passage in passages)
    with _atomic.atomic_file(block(partial, number, '.npy'), 'wb') as out:
        np.save(out, vectors)
    record = {
        'name': f'{number:05d}',
        'count': len(passages),
        'sha256': _files.sha256(block(partial, number, '.npy')),
        'docids_sha256': _files.sha256(block(partial, number, '.docids')),
    }
    _atomic.write_json(block(partial, number, '.json'), record)


def plan_path(partial: Path) -> Path:
    """Return where the plan of an unfinished store stands: what was asked for."""
    return partial.with_name(partial.name + '.plan.json')


def _text_line(passage: Passage) -> bytes:
    return (json.dumps({'id': passage.docid, 'contents': passage.contents}, ensure_ascii=False) + '\n').encode()
