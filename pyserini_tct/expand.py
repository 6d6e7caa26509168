# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.expand``: doc2query, predicted queries appended to the passages of a corpus.

In: a corpus and a file of predictions. Out: a JSONL corpus with the same docids, for ``index.lucene``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError


def expand_corpus(corpus: str | Path, predictions: Path, output: Path, overwrite: bool = False) -> tuple[int, int]:
    """Append each passage's predicted queries to its contents.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        predictions: JSONL with ``id`` and ``predicted_queries``.
        output: new JSONL file; it appears whole or not at all.
        overwrite: replace an existing file.

    Returns:
        Passages written, and how many of them had no predictions.

    Raises:
        TctError: bad input, or predictions for a docid that the corpus does not have.
    """
    from pyserini_tct.collection import IRDS, corpus_files, read_corpus, read_predictions

    _atomic.check_free(output, overwrite, 'expanded-corpus', [corpus, predictions])
    predicted = read_predictions(predictions)
    count = bare = 0
    manifest: dict[str, Any] = {}
    with _atomic.atomic_file(output, manifest=manifest) as out:
        for passage in read_corpus(corpus):
            queries = predicted.pop(passage.docid, [])
            contents = '\n'.join([passage.contents, *queries])
            out.write(json.dumps({'id': passage.docid, 'contents': contents}, ensure_ascii=False) + '\n')
            count, bare = count + 1, bare + (not queries)
        if predicted:
            raise TctError(
                f'{predictions} has queries for {next(iter(predicted))!r}, which the corpus {corpus} does not have: '
                'corpus and predictions are not of one collection'
            )
        inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
        content = {'count': count, 'without_predictions': bare}
        manifest.update(_manifest.describe('expanded-corpus', content, [*inputs, predictions]))
    return count, bare


def main(argv: Sequence[str]) -> None:
    """Parse the flags and expand."""
    parser = _cli.Parser('pyserini_tct.expand', 'Append predicted queries (doc2query) to the passages of a corpus.')
    parser.add_argument('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    parser.add_argument(
        '--predictions', required=True, type=Path, help='JSONL: {"id": ..., "predicted_queries": [...]}'
    )
    parser.add_argument('--output', required=True, type=Path, help='new JSONL file')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    count, bare = expand_corpus(args.corpus, args.predictions, args.output, args.overwrite)
    print(f'{args.output}: {count} passages, {bare} without predicted queries')


if __name__ == '__main__':
    _cli.run(main)
