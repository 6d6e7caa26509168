# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A corpus through a student into a vector store, shard by shard, resumable and atomic.

Shards grow in ``NAME.partial/``: texts first, then docids, vectors, and last a record with their checksums, by which
a shard is known to be complete. A killed job started again skips complete shards; the folder takes its final name
when all of them are.
"""

import contextlib
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from pyserini_tct import _atomic, _files, _manifest
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS, Passage, corpus_files, read_corpus
from pyserini_tct.encode._encoders import TctColBertDocumentEncoder, half_precision, passage_length
from pyserini_tct.vectors import TEXTS, partial_path, write_offsets

SHARD_SIZE = 10_000


class Encoded(NamedTuple):
    """What an encoding job did."""

    passages: int
    reused: int
    empty: int
    truncated: int
    seconds: float


def encode_corpus(
    corpus: str | Path,
    output: Path,
    encoder: TctColBertDocumentEncoder,
    fields: Sequence[str] | None = None,
    docid_field: str | None = None,
    delimiter: str = '\n',
    max_length: int | None = None,
    shard_size: int = SHARD_SIZE,
    fp16: bool = False,
    overwrite: bool = False,
) -> Encoded:
    """Encode every passage of a corpus into a vector store.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: folder of the store; while it grows it is ``output.partial``, and a second call goes on from there.
        encoder: a document encoder; its ``batch_size`` counts.
        fields, docid_field, delimiter: see :func:`pyserini_tct.collection.read_corpus`.
        max_length: most ids of a passage; ``None`` takes the checkpoint's.
        shard_size: passages a shard; also the unit that a killed job does again.
        fp16: half-precision arithmetic (GPU only); vectors are stored as float32 all the same.
        overwrite: replace an existing store, and forget an unfinished one.

    Returns:
        Counts and seconds.

    Raises:
        TctError: bad input (see ``read_corpus``), an output that exists, or an unfinished job with other settings.
    """
    _atomic.check_free(output, overwrite, 'vectors', [corpus])
    started = time.perf_counter()
    length = passage_length(encoder.student, max_length)
    inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
    plan = {
        'encoder_sha256': encoder.student.sha256,
        'tokenizer_sha256': encoder.student.tokenizer.sha256,
        'query_length': encoder.student.settings.query_length,
        'passage_length': length,
        'dimension': encoder.student.dimension,
        'pooling': 'mean',
        'shard_size': shard_size,
        'backend': 'torch',
        'precision': 'fp16' if fp16 else 'fp32',
        'fields': list(fields) if fields else None,
        'docid_field': docid_field,
        'delimiter': delimiter,
        'corpus': [_files.sha256(file) for file in inputs] or str(corpus),
    }
    precision = half_precision(encoder.device) if fp16 else contextlib.nullcontext()
    partial = partial_path(output)
    with _atomic.lock(partial), _clean_start(partial):
        done = _resume(partial, plan, overwrite)
        passages = read_corpus(corpus, fields, docid_field, delimiter)
        reused = _skip(passages, partial, done)
        count, empty, truncated = reused, 0, 0
        with tqdm(total=_count(inputs), initial=reused, unit='passage', desc='encode', disable=None) as progress:
            for number in itertools.count(done):
                shard = list(itertools.islice(passages, shard_size))
                if not shard:
                    break
                rows = encoder.student.tokenizer.passages(shard, length + 1)
                empty += sum(not passage.contents.strip() for passage in shard)
                truncated += sum(len(row) > length for row in rows)
                rows = [row[:length] for row in rows]
                with precision:
                    vectors = encoder.student.embed(rows, encoder.batch_size, progress.update)
                bad = ~np.isfinite(vectors).all(axis=1)
                if bad.any():
                    raise TctError(
                        f'the vector of {shard[int(bad.argmax())].docid} is not finite: the checkpoint is unsound'
                    )
                _write_shard(partial, number, shard, vectors)
                count += len(shard)
        _finish(partial, output, {**plan, 'batch_size': encoder.batch_size}, inputs)
    return Encoded(count, reused, empty, truncated, time.perf_counter() - started)


@contextlib.contextmanager
def _clean_start(partial: Path) -> Iterator[None]:
    """Leave nothing behind when a job fails before its first shard: there is nothing to go on from."""
    try:
        yield
    except BaseException:
        if partial.exists() and not _shard(partial, 0, '.json').exists() and not (partial / TEXTS).exists():
            _atomic.remove(partial)
            _plan_path(partial).unlink(missing_ok=True)
        raise


def _resume(partial: Path, plan: dict[str, Any], overwrite: bool) -> int:
    """Return how many shards of the same job are complete; start a new folder where there is none."""
    plan_file = _plan_path(partial)
    begun = _shard(partial, 0, '.json').exists()
    same = begun and plan_file.exists() and _files.read_json(plan_file) == plan
    if begun and not same and not overwrite:
        raise TctError(
            f'{partial} was left by a job with another corpus, encoder or settings: remove it or add --overwrite'
        )
    if same:
        for leftover in partial.glob('.*.partial'):  # of a shard that was being written when the job was killed
            leftover.unlink()
        done = 0
        while _is_sound(partial, done):
            done += 1
        for file in partial.glob('[0-9]*'):
            if int(file.name[:5]) >= done:
                file.unlink()
        return done
    _atomic.remove(partial)
    _atomic.write_json(plan_file, plan)
    partial.mkdir()
    return 0


def _is_sound(partial: Path, number: int) -> bool:
    """Tell whether a shard is complete and as it was written; its record is written last."""
    record = _shard(partial, number, '.json')
    if not record.exists():
        return False
    content = _files.read_json(record)
    files = {'sha256': '.npy', 'docids_sha256': '.docids'}
    for key, suffix in files.items():
        file = _shard(partial, number, suffix)
        if not file.exists() or _files.sha256(file) != content.get(key):
            note(f'{file} is damaged: its shard is done again')
            return False
    return True


def _shard(partial: Path, number: int, suffix: str) -> Path:
    return partial / f'{number:05d}{suffix}'


def _skip(passages: Iterator[Passage], partial: Path, done: int) -> int:
    """Read past the passages of complete shards and cut ``texts.jsonl`` to them; return their number."""
    count, size = 0, 0
    for number in range(done):
        for docid in _shard(partial, number, '.docids').read_text(encoding='utf-8').splitlines():
            passage = next(passages)
            if passage.docid != docid:
                raise TctError(
                    f'{partial}: shard {number} has {docid} where the corpus has {passage.docid}: remove {partial}'
                )
            count, size = count + 1, size + len(_text_line(passage))
    found = (partial / TEXTS).stat().st_size if (partial / TEXTS).exists() else 0
    if found < size:
        raise TctError(f'{partial}/{TEXTS} is shorter than its {done} shards: remove {partial} and start again')
    if found:
        os.truncate(partial / TEXTS, size)
    if count:
        note(f'{partial}: {done} shards with {count} passages are complete, going on after them')
    return count


def _write_shard(partial: Path, number: int, shard: Sequence[Passage], vectors: np.ndarray) -> None:
    with open(partial / TEXTS, 'ab') as texts:
        texts.writelines(_text_line(passage) for passage in shard)
        texts.flush()
        os.fsync(texts.fileno())
    with _atomic.atomic_file(_shard(partial, number, '.docids')) as out:
        out.writelines(f'{passage.docid}\n' for passage in shard)
    with _atomic.atomic_file(_shard(partial, number, '.npy'), 'wb') as out:
        np.save(out, vectors)
    record = {
        'name': f'{number:05d}',
        'count': len(shard),
        'sha256': _files.sha256(_shard(partial, number, '.npy')),
        'docids_sha256': _files.sha256(_shard(partial, number, '.docids')),
    }
    _atomic.write_json(_shard(partial, number, '.json'), record)


def _finish(partial: Path, output: Path, plan: dict[str, Any], inputs: Sequence[Path]) -> None:
    shards = [_files.read_json(record) for record in sorted(partial.glob('[0-9]*.json'))]
    count, lines = sum(shard['count'] for shard in shards), write_offsets(partial)
    if lines != count:
        raise TctError(f'{partial}/{TEXTS} has {lines} lines for {count} vectors: remove {partial} and start again')
    settings = {key: value for key, value in plan.items() if key != 'corpus'}
    content = {**settings, 'count': count, 'texts_sha256': _files.sha256(partial / TEXTS), 'shards': shards}
    manifest = _manifest.describe('vectors', content, inputs)
    _atomic.publish(partial, output, manifest)
    _plan_path(partial).unlink()


def _plan_path(partial: Path) -> Path:
    return partial.with_name(partial.name + '.plan.json')


def _text_line(passage: Passage) -> bytes:
    return (json.dumps({'id': passage.docid, 'contents': passage.contents}, ensure_ascii=False) + '\n').encode()


def _count(inputs: Sequence[Path]) -> int | None:
    return sum(1 for file in inputs for _ in _files.numbered_lines(file)) if inputs else None
