# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.encode.query``: topics to ``NAME.npy`` and ``NAME.tsv``, for searches without a model.

Pyserini's own ``encode.query`` writes a pickle; what is written here is read by ``--encoded-queries``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError

KIND = 'encoded-queries'  # in manifests


def encode_queries(
    topics: str | Path, encoder: str, output: Path, device: str = 'cpu', overwrite: bool = False, **computing: Any
) -> int:
    """Encode topics.

    Args:
        topics: see :func:`pyserini_tct.topics.read_topics`.
        encoder: folder or name of a student.
        output: ``NAME``: ``NAME.npy`` (float32, queries x dimension), its manifest and ``NAME.tsv`` (qid, text) are
            written.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        overwrite: replace existing files.
        computing: ``backend``, ``precision`` and ``query_cache`` of the query encoder.

    Returns:
        The number of queries.

    Raises:
        TctError: bad topics, an unusable checkpoint, an output that exists.
    """
    import numpy as np

    from pyserini_tct import _env
    from pyserini_tct.encode import TctColBertQueryEncoder
    from pyserini_tct.topics import read_topics

    files = [output.with_name(output.name + suffix) for suffix in ('.tsv', '.npy')]
    for file, kind in zip(files, (None, KIND), strict=True):
        _atomic.check_free(file, overwrite, kind, [topics, encoder])
    queries = read_topics(topics)
    line_breaks = next((qid for qid, text in queries.items() if len(text.splitlines()) > 1 or '\t' in text), None)
    if line_breaks is not None:
        raise TctError(f'{topics}: query {line_breaks} holds a tab or a line break, which {files[0].name} cannot keep')
    query_encoder = TctColBertQueryEncoder(encoder, device=_env.device_of(device), **computing)
    vectors = query_encoder.encode_batch(list(queries.values()))
    student = query_encoder.student
    content = {
        'encoder_sha256': student.sha256,
        'tokenizer_sha256': student.tokenizer.sha256,
        'query_length': student.settings.query_length,
        'dimension': student.dimension,
        'backend': query_encoder.backend,
        'precision': query_encoder.precision,
        'count': len(queries),
    }
    for file in files:  # never texts of one set beside vectors of another
        file.unlink(missing_ok=True)
    with _atomic.atomic_file(files[0]) as lines:
        lines.writelines(f'{qid}\t{text}\n' for qid, text in queries.items())
    with _atomic.atomic_file(files[1], 'wb', _manifest.describe(KIND, content, files[:1])) as out:
        np.save(out, vectors.astype('<f4'), allow_pickle=False)
    return len(queries)


def main(argv: Sequence[str]) -> None:
    """Parse the flags and encode."""
    parser = _cli.Parser('pyserini_tct.encode.query', 'Encode topics once, for searches without a model.')
    parser.add_argument('--topics', required=True, help='TSV or JSONL file, irds:NAME, or a name that Pyserini knows')
    parser.add_argument('--encoder', required=True, help='folder, prebuilt name or hub name of the student')
    parser.add_argument('--output', required=True, type=Path, help='NAME of NAME.npy and NAME.tsv')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    _cli.add_backend(parser)
    _cli.add_query_cache(parser)
    parser.add_overwrite()
    args = parser.parse_args(argv)
    computing = {'backend': args.backend, 'precision': args.precision, 'query_cache': args.query_cache}
    count = encode_queries(args.topics, args.encoder, args.output, args.device, args.overwrite, **computing)
    print(f'{args.output}.npy, {args.output}.tsv: {count} queries')


if __name__ == '__main__':
    _cli.run(main)
