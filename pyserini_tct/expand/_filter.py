# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Predicted queries scored against their passages, so that only the best share of the whole collection is kept.

Source: Gospodinov, MacAvaney and Macdonald, "Doc2Query--: When Less is More" (arXiv 2301.03266).
"""

import array
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _files
from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS, Passage, check_docid, corpus_files, json_object, read_corpus, read_predictions


def score_predictions(
    corpus: str | Path,
    predictions: Path,
    output: Path,
    model: str,
    device: str = 'cpu',
    batch_size: int = 8,
    overwrite: bool = False,
) -> int:
    """Write each passage's predicted queries with their scores, as JSONL with a list ``scores`` as well.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        predictions: JSONL with ``id`` and ``predicted_queries``.
        output: the file; a killed job goes on, and a finished one of the same inputs is taken as it is.
        model: a cross-encoder, a ColBERT or a student, by folder or hub name.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        batch_size: passages scored together.
        overwrite: replace a file that was made otherwise.

    Returns:
        Passages that were there already.

    Raises:
        TctError: bad input, predictions for a docid that the corpus does not have, or the output was made otherwise.
    """
    import numpy as np

    from pyserini_tct.expand._lines import grow_lines
    from pyserini_tct.models import _weights
    from pyserini_tct.models.teachers.factory import KINDS, kind_of

    inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
    predicted = read_predictions(predictions)
    kind = KINDS[kind_of(model)]
    scorer = kind.live(kind.load(model, device), 'fp32', 0.0)
    known = {passage.docid for passage in read_corpus(corpus)}
    strange = next((docid for docid in predicted if docid not in known), None)
    if strange is not None:
        raise TctError(f'{predictions} has queries for {strange!r}, which the corpus {corpus} does not have')
    plan = {
        'corpus': [_files.sha256(file) for file in inputs] or str(corpus),
        'predictions': _files.sha256(predictions),
        'model_sha256': _weights.digest(_weights.find(_weights.resolve(model))),
        'batch_size': batch_size,
    }

    def lines_of(passages: Sequence[Passage]) -> Iterator[dict[str, Any]]:
        owned = [predicted[passage.docid] for passage in passages]
        queries = [query for found in owned for query in found]
        own = np.repeat(np.arange(len(passages)), [len(found) for found in owned])
        wanted = own[:, None] == np.arange(len(passages))
        scores: list[float] = []
        if queries:
            matrix = scorer(queries, passages, range(len(queries)), range(len(passages)), wanted).float().cpu().numpy()
            scores = matrix[np.arange(len(queries)), own].tolist()
        if not all(map(math.isfinite, scores)):
            raise TctError(f'{model} gives a score that is not finite: the checkpoint is unsound')
        for passage, found in zip(passages, owned, strict=True):
            part, scores = scores[: len(found)], scores[len(found) :]
            yield {'id': passage.docid, 'predicted_queries': found, 'scores': part}

    passages = (passage for passage in read_corpus(corpus) if passage.docid in predicted)
    read = [*inputs, predictions]
    return grow_lines(
        output, 'scored-queries', plan, passages, len(predicted), batch_size, lines_of, overwrite, inputs=read
    )


def check_keep(keep: float) -> None:
    """Refuse what is no share.

    Raises:
        TctError: the fraction is not above 0 and at most 1.
    """
    if not 0 < keep <= 1:
        raise TctError(f'--keep {keep:g} is no share of the queries: a number above 0, at most 1 is needed')


def threshold_of(scored: Path, keep: float) -> float:
    """Return the least score of the best ``keep`` (a fraction) of all queries of the collection; ties are kept.

    Raises:
        TctError: the fraction is not above 0 and at most 1, or a line is malformed.
    """
    import numpy as np

    check_keep(keep)
    scores = np.frombuffer(array.array('d', (score for _, _, part in _scored(scored) for score in part)), np.float64)
    if not len(scores):
        raise TctError(f'{scored} has no query: there is nothing to keep')
    kept = min(len(scores), max(1, round(keep * len(scores))))
    return float(np.partition(scores, len(scores) - kept)[len(scores) - kept])


def kept_queries(scored: Path, threshold: float) -> dict[str, list[str]]:
    """Return the queries of each passage whose score is at least the threshold.

    Raises:
        TctError: a line is malformed; it is named.
    """
    return {
        docid: [query for query, score in zip(queries, scores, strict=True) if score >= threshold]
        for docid, queries, scores in _scored(scored)
    }


def _scored(path: Path) -> Iterator[tuple[str, list[str], list[float]]]:
    for number, line in _files.numbered_lines(path):
        where = f'{path}: line {number}'
        record = json_object(line, where)
        queries, scores = record.get('predicted_queries'), record.get('scores')
        whole = isinstance(queries, list) and isinstance(scores, list) and len(queries) == len(scores)
        if not whole or not all(isinstance(score, (int, float)) for score in scores or ()):
            raise TctError(f'{where} needs `predicted_queries` and as many `scores`')
        yield check_docid(record.get('id'), where), queries or [], scores or []
