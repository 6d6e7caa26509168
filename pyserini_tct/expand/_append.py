# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Predicted queries appended to the passages of a corpus, all of them or those that a filter keeps."""

import json
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _manifest
from pyserini_tct._errors import TctError


def expand_corpus(
    corpus: str | Path, predictions: Path, output: Path, overwrite: bool = False, threshold: float | None = None
) -> tuple[int, int]:
    """Append each passage's predicted queries to its contents.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        predictions: JSONL with ``id`` and ``predicted_queries``, and ``scores`` where there is a threshold.
        output: new JSONL file; it appears whole or not at all.
        overwrite: replace an existing file.
        threshold: least score of a query that is kept; ``None``: all are.

    Returns:
        Passages written, and how many of them got no query.

    Raises:
        TctError: bad input, or predictions for a docid that the corpus does not have.
    """
    from pyserini_tct.collection import IRDS, corpus_files, read_corpus, read_predictions
    from pyserini_tct.expand._filter import kept_queries

    _atomic.check_free(output, overwrite, 'expanded-corpus', [corpus, predictions])
    predicted = read_predictions(predictions) if threshold is None else kept_queries(predictions, threshold)
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
        content = {'count': count, 'without_predictions': bare, 'threshold': threshold}
        manifest.update(_manifest.describe('expanded-corpus', content, [*inputs, predictions]))
    return count, bare
