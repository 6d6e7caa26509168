# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.encode.tokens``: a corpus to the token vectors of a ColBERT.

What is written is read by ``search.rerank --tokens`` and by ``index.colbert``.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _atomic, _cli, _env, _manifest


class Stored(NamedTuple):
    """What was stored: passages, those there before, those without text, their tokens, and bytes on disk."""

    passages: int
    reused: int
    empty: int
    tokens: int
    nbytes: int


def encode_tokens(
    corpus: str | Path,
    output: Path,
    model: Any,
    fields: Sequence[str] | None = None,
    docid_field: str | None = None,
    dtype: str = 'fp16',
    precision: str = 'fp32',
    batch_size: int = 32,
    overwrite: bool = False,
) -> Stored:
    """Encode every passage of a corpus into a token store.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: folder of the store; while it grows it is ``output.partial``, and a second call goes on from there.
        model: the :class:`~pyserini_tct.models.colbert.ColBert`.
        fields, docid_field: see :func:`pyserini_tct.collection.read_corpus`.
        dtype: of the vectors on disk, ``fp16`` or ``fp32``.
        precision: of the encoder, ``fp32`` or ``bf16``.
        batch_size: passages a forward pass; also the unit that a killed job does again.
        overwrite: replace an existing store, and forget an unfinished one.

    Raises:
        TctError: bad input, an output that exists, or an unfinished job with other settings.
    """
    from pyserini_tct import _files
    from pyserini_tct._resume import resumed
    from pyserini_tct.collection import IRDS, corpus_files, read_corpus
    from pyserini_tct.models import tokens

    _atomic.check_free(output, overwrite, 'token-vectors', [corpus])
    inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
    docids, empty = [], 0
    for passage in read_corpus(corpus, fields, docid_field):
        docids.append(passage.docid)
        empty += not passage.contents.strip()
    settings = {
        **tokens.origin(model),
        'dtype': dtype,
        'precision': precision,
        'fields': list(fields) if fields else None,
        'docid_field': docid_field,
    }
    found = [_files.sha256(file) for file in inputs] or str(corpus)
    with resumed(output, {**settings, 'batch_size': batch_size, 'corpus': found}, overwrite) as partial:
        passages = read_corpus(corpus, fields, docid_field)
        at = 0

        def encode(start: int, end: int) -> Any:
            nonlocal at
            batch = list(itertools.islice(passages, start - at, end - at))
            at = end
            return model.encode_passages(batch)

        with _env.autocast(model.device.type, precision):
            dtype_of = tokens.DTYPES[dtype]
            reused = tokens.grow_token_store(partial, len(docids), encode, 'tokens', batch_size, dtype_of)
        with open(partial / tokens.DOCIDS, 'w', encoding='utf-8', newline='\n') as out:
            out.writelines(f'{docid}\n' for docid in docids)
        store = tokens.TokenStore(partial)
        total, nbytes = len(store.vectors), store.nbytes
        content = {**settings, 'count': len(docids), 'tokens': total, 'files': tokens.checksums(partial)}
        _atomic.publish(partial, output, _manifest.describe('token-vectors', content, inputs))
    return Stored(len(docids), reused, empty, total, nbytes)


def main(argv: Sequence[str]) -> None:
    """Parse the flags and encode."""
    parser = _cli.Parser('pyserini_tct.encode.tokens', 'Encode a corpus into token vectors of a ColBERT.')
    add = parser.add_argument
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--encoder', required=True, help='ColBERT checkpoint: folder or hub name')
    add('--output', required=True, type=Path, help='new folder; a killed job started again goes on')
    add('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    add('--docid-field', help='key of the docid, if it is none of id, _id, docid')
    add('--dtype', choices=('fp16', 'fp32'), default='fp16', help='of the vectors on disk')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help='auto: bf16 where the machine has it')
    add('--batch-size', type=_cli.positive, default=32, help='passages a forward pass')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _atomic.check_free(args.output, args.overwrite, 'token-vectors', [args.corpus, args.encoder])

    from pyserini_tct.models import colbert

    model = colbert.load(args.encoder, args.device)
    done = encode_tokens(
        args.corpus,
        args.output,
        model,
        args.fields,
        args.docid_field,
        args.dtype,
        _env.precision_of(args.precision, model.device.type),
        args.batch_size,
        args.overwrite,
    )
    if done.reused:
        _cli.note(f'{done.reused} passages were there from before')
    if done.empty:
        _cli.note(f'note: {done.empty} passages have no text')
    print(
        f'{args.output}: {done.passages} passages, {done.tokens} token vectors of {model.linear.out_features} '
        f'dimensions ({args.dtype}), {done.nbytes / 1024:.0f} KiB, {done.nbytes / done.passages:.0f} bytes a passage'
    )


if __name__ == '__main__':
    _cli.run(main)
