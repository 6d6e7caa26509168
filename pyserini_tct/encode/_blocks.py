# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The blocks of a vector store that grows: which are complete, and how one is added.

Texts are written first, then docids, vectors, and last a record with their checksums, by which a block is known to be
complete. Block ``n`` holds passages ``n * shard_size`` and on, whichever process encodes it.
"""

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _atomic, _files
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.vectors import TEXTS


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
    """Return the complete blocks of the same job; start a new folder where there is none."""
    plan_file = plan_path(partial)
    begun = any(partial.glob('[0-9]*.json'))
    same = begun and plan_file.exists() and _files.read_json(plan_file) == plan
    if begun and not same and not overwrite:
        raise TctError(
            f'{partial} was left by a job with another corpus, encoder or settings: remove it or add --overwrite'
        )
    if same:
        for leftover in partial.glob('.*.partial'):  # of a block that was being written when the job was killed
            leftover.unlink()
        own = itertools.count(part.shard_id, part.shard_num)
        done = list(itertools.takewhile(lambda number: _is_sound(partial, number), own))
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
    if not record.exists():
        return False
    content = _files.read_json(record)
    files = {'sha256': '.npy', 'docids_sha256': '.docids'}
    for key, suffix in files.items():
        file = block(partial, number, suffix)
        if not file.exists() or _files.sha256(file) != content.get(key):
            note(f'{file} is damaged: its block is done again')
            return False
    return True


def block(partial: Path, number: int, suffix: str) -> Path:
    """Return a file of a block."""
    return partial / f'{number:05d}{suffix}'


def skip(passages: Iterator[Passage], partial: Path, part: Part, done: Sequence[int]) -> int:
    """Read past the passages of complete blocks and have ``texts.jsonl`` hold just these; return their number.

    Texts have no checksum before the store is complete: they are compared with the corpus, and written again where
    they differ.
    """
    if not done:
        (partial / TEXTS).unlink(missing_ok=True)  # of a first block that was being written
        return 0
    count, size, wrong = 0, 0, 0
    file = partial / TEXTS
    with open(file, 'r+b' if file.exists() else 'w+b') as texts:
        for number in range(done[-1] + 1):
            if not part.has(number):
                next(itertools.islice(passages, part.shard_size, part.shard_size), None)
                continue
            for docid in block(partial, number, '.docids').read_text(encoding='utf-8').splitlines():
                passage = next(passages)
                if passage.docid != docid:
                    raise TctError(
                        f'{partial}: block {number} has {docid} where the corpus has {passage.docid}: remove {partial}'
                    )
                line = _text_line(passage)
                if texts.read(len(line)) != line:
                    texts.seek(size)
                    texts.write(line)
                    wrong += 1
                count, size = count + 1, size + len(line)
        texts.truncate(size)
        texts.flush()
        os.fsync(texts.fileno())
    if wrong:
        note(f'{file} is damaged: {wrong} texts are written again')
    note(f'{partial}: {len(done)} blocks with {count} passages are complete, going on after them')
    return count


def write(partial: Path, number: int, passages: Sequence[Passage], vectors: np.ndarray) -> None:
    """Add a block."""
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
