# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A teacher's scores of chosen pairs, written query by query; a job that was stopped goes on after its last query."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from pyserini_tct import _atomic
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct._manifest import describe
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.models.teachers.base import Teacher
from pyserini_tct.runs import notes_on, rank, read_run
from pyserini_tct.topics import read_qrels, read_topics
from pyserini_tct.vectors import partial_path


class Pairs(NamedTuple):
    """What is scored: queries by id, passages by docid, and the docids of each query."""

    queries: dict[str, str]
    passages: dict[str, Passage]
    docids: dict[str, list[str]]


def read_pairs(run: Path, depth: int, qrels: Path | None, corpus: str | Path, topics: str | Path) -> Pairs:
    """Read the pairs of a run and of judgments.

    Args:
        run: its queries have to be among the topics.
        depth: passages of the run for each query.
        qrels: adds the passages judged relevant.
        corpus: see :func:`pyserini_tct.collection.read_corpus`.
        topics: queries.

    Raises:
        TctError: bad input, or an id that topics or corpus do not have.
    """
    queries, ranked, judged = read_topics(topics), read_run(run), read_qrels(qrels) if qrels else {}
    for qid, source in (*((qid, run) for qid in ranked), *((qid, qrels) for qid in judged)):
        if qid not in queries:
            raise TctError(f'{source} has the query {qid}, which {topics} does not have')
    docids: dict[str, list[str]] = {}
    for qid in queries:
        good = [docid for docid, grade in judged.get(qid, {}).items() if grade > 0]
        found = list(dict.fromkeys([*good, *(hit.docid for hit in rank(ranked.get(qid, {}), depth))]))
        if found:
            docids[qid] = found
    wanted = {docid for found in docids.values() for docid in found}
    passages = {passage.docid: passage for passage in read_corpus(corpus) if passage.docid in wanted}
    lost = next(((qid, docid) for qid, found in docids.items() for docid in found if docid not in passages), None)
    if lost:
        qid, docid = lost
        source = run if docid in ranked.get(qid, {}) else qrels
        raise TctError(f'{corpus} does not have passage {docid}, which {source} has for query {qid}: name its corpus')
    for line in notes_on(run, ranked, scored=False):
        note(f'note: {line}')
    return Pairs(queries, passages, docids)


def write_scores(
    output: Path, teacher: Teacher, pairs: Pairs, made: dict[str, Any], inputs: Sequence[Path], overwrite: bool = False
) -> int:
    """Score and write ``qid<TAB>docid<TAB>score``; the file appears whole, with a manifest.

    Args:
        output: new file; while it grows it is ``output.partial``, from which a second call goes on.
        teacher: live.
        pairs: see above.
        made: settings for the manifest.
        inputs: files for the manifest.
        overwrite: forget an unfinished job with other settings.

    Returns:
        The number of scores.

    Raises:
        TctError: an unfinished job with other settings, or a score that is not finite.
    """
    manifest = describe('stored-scores', {'parents': teacher.parents, **made}, inputs)
    mine = json.loads(json.dumps({key: value for key, value in manifest.items() if key != 'environment'}))
    partial = partial_path(output)
    with _atomic.lock(partial):
        partial.mkdir(parents=True, exist_ok=True)
        settings, growing = partial / 'settings.json', partial / 'scores.tsv'
        if settings.exists() and read_json(settings) != mine:
            if not overwrite:
                raise TctError(f'{partial} was left by a job with other settings: give those, or add --overwrite')
            growing.unlink(missing_ok=True)
        _atomic.write_json(settings, mine)
        done = _complete_queries(growing, pairs)
        if done:
            note(f'{partial}: going on after {done} queries')
        with open(growing, 'a', encoding='utf-8', newline='\n') as out:
            left = list(pairs.docids.items())[done:]
            for qid, _ in tqdm(left, desc='teacher', unit='query', disable=None):
                out.write(_lines(teacher, qid, pairs))
                out.flush()
            os.fsync(out.fileno())
        _atomic.publish(growing, output, manifest)
        _atomic.remove(partial)
    return sum(map(len, pairs.docids.values()))


def _lines(teacher: Teacher, qid: str, pairs: Pairs) -> str:
    docids = pairs.docids[qid]
    found = teacher([pairs.queries[qid]], [pairs.passages[docid] for docid in docids], [0], range(len(docids)))[0]
    bad = next((docid for docid, good in zip(docids, found.isfinite().tolist(), strict=True) if not good), None)
    if bad is not None:
        raise TctError(f'the teacher gives passage {bad} no finite score for query {qid}: use --precision fp32')
    # Nine digits give a single-precision number back bit by bit.
    return ''.join(f'{qid}\t{docid}\t{score:.9g}\n' for docid, score in zip(docids, found.tolist(), strict=True))


def _complete_queries(path: Path, pairs: Pairs) -> int:
    """Return how many queries have all of their lines in an unfinished file, and cut what comes after them."""
    if not path.exists():
        return 0
    done, kept = 0, 0
    with open(path, 'rb') as lines:
        for qid, docids in pairs.docids.items():
            block = [lines.readline() for _ in docids]
            expected = [f'{qid}\t{docid}\t'.encode() for docid in docids]
            if not all(b.endswith(b'\n') and b.startswith(e) for b, e in zip(block, expected, strict=True)):
                break
            done, kept = done + 1, kept + sum(map(len, block))
    with open(path, 'r+b') as file:
        file.truncate(kept)
    return done
