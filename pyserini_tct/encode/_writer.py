# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A corpus, or a shard of it, through a student into a vector store, block by block, resumable and atomic.

Blocks grow in ``NAME.partial/`` (see ``_blocks``). A killed job started again skips complete blocks; the folder takes
its final name when all of them are. Blocks are cut alike whoever encodes them, so that joined shards (``encode.merge``)
have the bytes of a store encoded in one go.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from pyserini_tct import _atomic, _files, _manifest
from pyserini_tct._disk import naming
from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS, Passage, corpus_files, read_corpus
from pyserini_tct.encode import _blocks
from pyserini_tct.encode._encoders import TctColBertDocumentEncoder, check_finite, half_precision, passage_length
from pyserini_tct.text import TctTokenizer
from pyserini_tct.vectors import TEXTS, partial_path, write_offsets

WHOLE = _blocks.Part()
Block = tuple[int, list[Passage], list[list[int]]]


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
    shard_size: int = WHOLE.shard_size,
    fp16: bool = False,
    overwrite: bool = False,
    shard_id: int = 0,
    shard_num: int = 1,
) -> Encoded:
    """Encode every passage of a corpus into a vector store.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: folder of the store; while it grows it is ``output.partial``, and a second call goes on from there.
        encoder: a document encoder; its ``batch_size`` counts.
        fields, docid_field, delimiter: see :func:`pyserini_tct.collection.read_corpus`.
        max_length: most ids of a passage; ``None`` takes the checkpoint's.
        shard_size: passages a block; also the unit that a killed job does again.
        fp16: half-precision arithmetic (GPU only); vectors are stored as float32 all the same.
        overwrite: replace an existing store, and forget an unfinished one with other settings; of a damaged store
            of the same settings, only the damaged blocks are done again.
        shard_id, shard_num: encode every ``shard_num``-th block only, from block ``shard_id`` on.

    Returns:
        Counts and seconds.

    Raises:
        TctError: bad input (see ``read_corpus``), an output that exists, an unfinished job with other settings, or a
            shard without a passage.
    """
    if not 0 <= shard_id < shard_num:
        raise TctError(f'--shard-id {shard_id} is none of the {shard_num} shards: they are counted from 0')
    part = _blocks.Part(shard_id, shard_num, shard_size)
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
        'backend': encoder.backend,
        'precision': 'fp16' if fp16 else encoder.precision,
        'batch_size': encoder.batch_size,
        'batch_tokens': encoder.student.batch_tokens,
        'fields': list(fields) if fields else None,
        'docid_field': docid_field,
        'delimiter': delimiter,
        'corpus': [_files.sha256(file) for file in inputs] or str(corpus),
    }
    if shard_num > 1:
        plan |= {'shard_id': shard_id, 'shard_num': shard_num}
    if fp16 and (encoder.backend, encoder.precision) != ('torch', 'fp32'):
        raise TctError('fp16 is of the backend torch alone: leave out the backend and the precision, or fp16')
    precision = half_precision(encoder.device) if fp16 else contextlib.nullcontext()
    partial = partial_path(output)
    with _atomic.lock(partial), _clean_start(partial), naming(partial):
        done = _blocks.resume(partial, plan, part, overwrite)
        if overwrite and not done:
            done = _blocks.take_over(output, partial, plan)
        passages = read_corpus(corpus, fields, docid_field, delimiter)
        reused = _blocks.skip(passages, partial, part, done)
        start = first_new = done[-1] + 1 if done else 0
        if any(part.has(number) for number in set(range(first_new)).difference(done)):  # damaged: read from the start
            passages, start = read_corpus(corpus, fields, docid_field, delimiter), 0
        count, empty, truncated = reused, 0, 0
        total = part.passages_of(_count(inputs)) if inputs else None
        with tqdm(total=total, initial=reused, unit='passage', desc='encode', disable=None) as progress:
            blocks = _tokenised(passages, part, start, set(done), encoder.student.tokenizer, length)
            for number, block, rows in _ahead(blocks):
                empty += sum(not passage.contents.strip() for passage in block)
                truncated += sum(len(row) > length for row in rows)
                rows = [row[:length] for row in rows]
                with precision:
                    vectors = encoder.student.embed(rows, encoder.batch_size, progress.update)
                check_finite(vectors, [passage.docid for passage in block], encoder.model_name)
                _blocks.write(partial, number, block, vectors, number >= first_new)
                count += len(block)
        if not count:
            raise TctError(
                f'shard {shard_id} of {shard_num} has no passage, the corpus has at most {shard_id} blocks of '
                f'{shard_size}: give all shards a smaller --shard-size'
            )
        _finish(partial, output, plan, inputs)
    return Encoded(count, reused, empty, truncated, time.perf_counter() - started)


def _tokenised(
    passages: Iterator[Passage], part: _blocks.Part, start: int, done: Set[int], tokenizer: TctTokenizer, length: int
) -> Iterator[Block]:
    """Yield number, passages and token ids of each block of a part that is not done; a row has one id too many."""
    for number in itertools.count(start):
        block = list(itertools.islice(passages, part.shard_size))
        if not block:
            return
        if part.has(number) and number not in done:
            yield number, block, tokenizer.passages(block, length + 1)


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield blocks while the next one is read and tokenised in a thread beside the model."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, blocks, None)
        while (block := waiting.result()) is not None:
            waiting = pool.submit(next, blocks, None)
            yield block


@contextlib.contextmanager
def _clean_start(partial: Path) -> Iterator[None]:
    """Leave nothing behind when a job fails before its first block: there is nothing to go on from."""
    try:
        yield
    except BaseException:
        if partial.exists() and not any(partial.glob('[0-9]*.json')) and not (partial / TEXTS).exists():
            _atomic.remove(partial)
            _blocks.plan_path(partial).unlink(missing_ok=True)
        raise


def _finish(partial: Path, output: Path, plan: dict[str, Any], inputs: Sequence[Path]) -> None:
    records = sorted(partial.glob('[0-9]*.json'), key=lambda record: int(record.stem))
    shards = [_files.read_json(record) for record in records]
    count, lines = sum(shard['count'] for shard in shards), write_offsets(partial)
    if lines != count:
        raise TctError(f'{partial}/{TEXTS} has {lines} lines for {count} vectors: remove {partial} and start again')
    settings = {key: value for key, value in plan.items() if key != 'corpus' or not inputs}
    content = {**settings, 'count': count, 'texts_sha256': _files.sha256(partial / TEXTS), 'shards': shards}
    manifest = _manifest.describe('vectors', content, inputs)
    _atomic.publish(partial, output, manifest)
    _blocks.plan_path(partial).unlink()


def _count(inputs: Sequence[Path]) -> int:
    return sum(1 for file in inputs for _ in _files.numbered_lines(file))
