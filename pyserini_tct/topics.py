# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Topics and relevance judgments, read and checked line by line.

In: TSV or JSONL topics, TREC qrels, or names that ir_datasets or Pyserini know. Out: dictionaries by query id, which
stays a string.
"""

from pathlib import Path

from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines
from pyserini_tct.collection import IRDS, SUFFIXES, irds_dataset, irds_text, json_object

LARGEST_GRADE = 10_000  # trec_eval keeps a counter for every grade up to the largest


def read_topics(source: str | Path) -> dict[str, str]:
    """Read queries as ``{qid: text}``, in file order; ids stay strings.

    Args:
        source: a file (TSV with qid and text, whatever its extension, or ``.jsonl`` with ``id``/``_id``/``qid`` and
            ``text``/``query``, ``.gz`` too), ``irds:NAME``, or a name that Pyserini knows (``dl19-passage``).

    Raises:
        TctError: a malformed line, an empty query, a qid twice, an unknown name; the line is named.
    """
    if str(source).startswith(IRDS):
        dataset = irds_dataset(str(source)[len(IRDS) :], 'queries')
        return {query.query_id: irds_text(query) for query in dataset.queries_iter()}
    path = Path(source)
    if not path.exists():
        return _pyserini_topics(str(source))
    topics: dict[str, str] = {}
    for number, line in numbered_lines(path):
        where = f'{path}: line {number}'
        if path.name.endswith(SUFFIXES):
            record = json_object(line, where)
            qid = next((record[key] for key in ('id', '_id', 'qid') if key in record), None)
            text = next((record[key] for key in ('text', 'query') if key in record), None)
            if qid is None or not isinstance(text, str):
                raise TctError(f'{where} needs an `id` and a `text`')
            columns = [str(qid), text]
        else:
            columns = line.split('\t')
        if len(columns) != 2:
            raise TctError(f'{where} has {len(columns)} tab-separated columns: a topic is `qid<TAB>text`')
        qid, text = columns[0].strip(), columns[1].strip()
        if qid.split() != [qid]:
            raise TctError(f'{where}: the query id {qid!r} is blank or holds white space')
        if not text:
            raise TctError(f'{where}: query {qid} has no text: remove the line or give it one')
        if qid in topics:
            raise TctError(f'{where}: query {qid} occurred before: query ids must be unique')
        topics[qid] = text
    if not topics:
        raise TctError(f'{path} is empty: at least one topic is needed')
    return topics


def read_qrels(source: str | Path) -> dict[str, dict[str, int]]:
    """Read TREC relevance judgments (``qid 0 docid grade``) as ``{qid: {docid: grade}}``.

    Raises:
        TctError: a malformed line or a judgment given twice; the line is named.
    """
    if str(source).startswith(IRDS):
        judged: dict[str, dict[str, int]] = {}
        for qrel in irds_dataset(str(source)[len(IRDS) :], 'qrels').qrels_iter():
            judged.setdefault(qrel.query_id, {})[qrel.doc_id] = qrel.relevance
        return judged
    qrels: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(Path(source)):
        columns = line.split()
        if len(columns) != 4:
            raise TctError(f'{source}: line {number} has {len(columns)} columns: a judgment is `qid 0 docid grade`')
        qid, _, docid, grade = columns
        try:
            relevance = int(grade)
        except ValueError as error:
            raise TctError(f'{source}: line {number}: the grade {grade!r} is not a whole number') from error
        if abs(relevance) > LARGEST_GRADE:
            raise TctError(f'{source}: line {number}: the grade {grade} is beyond {LARGEST_GRADE}: check the file')
        if docid in qrels.setdefault(qid, {}):
            raise TctError(f'{source}: line {number}: document {docid} is judged twice for query {qid}: remove one')
        qrels[qid][docid] = relevance
    if not qrels:
        raise TctError(f'{source} is empty: relevance judgments are needed')
    return qrels


def _pyserini_topics(name: str) -> dict[str, str]:
    from pyserini_tct import _pyserini

    return _pyserini.topics(name)
