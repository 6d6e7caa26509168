# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Corpora and predicted queries, read as streams and checked line by line.

In: JSONL (also ``.gz``, a file or a folder), or a name that ir_datasets knows. Out: plain records. Every reader names
the file and the line of what it cannot use; nothing is skipped in silence.
"""

import array
import bisect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines

SUFFIXES = ('.jsonl', '.json', '.jsonl.gz', '.json.gz')
FIELDS = ('title', 'text')
IRDS = 'irds:'
LONGEST_DOCID = 1024
RECENT = 1 << 13


class Passage(NamedTuple):
    """A passage of a corpus; ``title`` is empty where the corpus has none."""

    docid: str
    text: str
    title: str = ''

    @property
    def contents(self) -> str:
        """Title and text in Pyserini's ``contents`` form: one field a line."""
        return f'{self.title}\n{self.text}' if self.title else self.text


def corpus_files(path: Path) -> list[Path]:
    """Return the files of a corpus, in sorted order (``os.listdir`` order differs between file systems).

    Raises:
        TctError: the path is missing, or a folder without JSONL files, or with files of another kind.
    """
    if not path.exists():
        raise TctError(f'{path} does not exist: check the path of the corpus')
    if path.is_file():
        return [path]
    files = sorted(p for p in path.iterdir() if not p.name.startswith('.'))
    other = [p.name for p in files if not (p.is_file() and p.name.endswith(SUFFIXES))]
    if other:
        raise TctError(
            f'{path} holds {other[0]}, which is no JSONL file: a corpus folder holds {", ".join(SUFFIXES)} files only'
        )
    if not files:
        raise TctError(f'{path} holds no {" or ".join(SUFFIXES)} file: check the path of the corpus')
    return files


def read_corpus(
    source: str | Path, fields: Sequence[str] | None = None, docid_field: str | None = None, delimiter: str = '\n'
) -> Iterator[Passage]:
    """Stream the passages of a corpus.

    Each line is an object with an id (``id``, ``_id`` or ``docid``) and its text: either Pyserini's ``contents``, or
    BEIR's ``text`` with an optional ``title``.

    Args:
        source: a JSONL file, a folder of them, or ``irds:NAME`` for an ir_datasets corpus.
        fields: ``None`` takes what is there (``title`` and ``text``, or all of ``contents`` as text); ``['text']``
            leaves a title out; ``['title', 'text']`` demands both and splits ``contents`` at ``delimiter``.
        docid_field: the key of the id, if it is none of the three.
        delimiter: what separates the fields inside ``contents``.

    Raises:
        TctError: a missing or empty corpus, malformed JSON, a docid that is missing, blank, repeated or has white
            space, or no text; file and line are named.
    """
    unknown = sorted(set(fields or ()) - set(FIELDS))
    if unknown:
        raise TctError(f'--fields {unknown[0]} is unknown: a TCT-ColBERT passage has the fields {" and ".join(FIELDS)}')
    if not delimiter:
        raise TctError('the delimiter is empty: leave it out, or give what separates the fields')
    if str(source).startswith(IRDS):
        yield from _irds_corpus(str(source)[len(IRDS) :])
        return
    seen = _Seen()
    for file in corpus_files(Path(source)):
        for number, line in numbered_lines(file):
            where = f'{file}: line {number}'
            passage = _passage(json_object(line, where), where, fields, docid_field, delimiter)
            if not seen.add(passage.docid):
                raise TctError(f'{where}: the docid {passage.docid!r} occurred before: docids must be unique')
            yield passage
    if not seen.recent and not seen.runs:
        raise TctError(f'{source} is empty: a corpus needs at least one passage')


class _Seen:
    """The docids that occurred, at 8 bytes each: a set of MS MARCO's 8.8 million strings would take 1 GB.

    Old ones are kept as sorted 64-bit hashes; that two docids of a billion share one has a chance of 3 %, of 8.8
    million 2 in a million, and would be reported, not passed over.
    """

    def __init__(self) -> None:
        self.recent: set[int] = set()
        self.runs: list[array.array[int]] = []

    def add(self, docid: str) -> bool:
        """Add a docid; ``False``: it was there."""
        digest = hash(docid)
        if digest in self.recent or any(_holds(run, digest) for run in self.runs):
            return False
        self.recent.add(digest)
        if len(self.recent) == RECENT:
            merged = array.array('q', sorted(self.recent))
            self.recent.clear()
            while self.runs and len(self.runs[-1]) <= len(merged):
                merged = array.array('q', np.sort(np.concatenate([merged, self.runs.pop()])).tobytes())
            self.runs.append(merged)
        return True


def _holds(run: Sequence[int], digest: int) -> bool:
    place = bisect.bisect_left(run, digest)
    return place < len(run) and run[place] == digest


def json_object(line: str, where: str) -> dict[str, Any]:
    """Parse a line that must be a JSON object, or raise :class:`TctError` with ``where`` in it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        cause = f'{error.msg} at column {error.colno}' if isinstance(error, json.JSONDecodeError) else str(error)
        raise TctError(f'{where} is not valid JSON ({cause}): one JSON object a line is needed') from error
    if not isinstance(record, dict):
        raise TctError(f'{where} is a JSON {type(record).__name__}: one JSON object a line is needed')
    if '\\ud' in line.lower() and _has_surrogate(record):
        raise TctError(f'{where} holds half of a surrogate pair, which is no text: repair the \\u escape')
    return record


def _has_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _passage(
    record: dict[str, Any], where: str, fields: Sequence[str] | None, docid_field: str | None, delimiter: str
) -> Passage:
    keys = (docid_field,) if docid_field else ('id', '_id', 'docid')
    docid = next((record[key] for key in keys if key in record), None)
    docid = check_docid(docid, where, keys)
    title, text = record.get('title'), record.get('text')
    if text is None and isinstance(record.get('contents'), str):
        text = record['contents']
        if fields and 'title' in fields and title is None:
            parts = text.split(delimiter, 1)
            if len(parts) < 2:
                raise TctError(
                    f'{where}: `contents` has no {delimiter!r} between title and text: leave out --fields title'
                )
            title, text = parts
    for name, value in (('text', text), ('title', title)):
        if value is not None and not isinstance(value, str):
            raise TctError(f'{where}: the field {name!r} is a {type(value).__name__}: text is needed')
    if text is None:
        raise TctError(f'{where} has no text: give it a field `contents` or `text`')
    if fields and 'title' in fields and title is None:
        raise TctError(f'{where} has no title: leave out --fields title')
    if fields and 'title' not in fields:
        title = ''
    return Passage(docid, text, title or '')


def check_docid(docid: Any, where: str, keys: Sequence[str] = ('id',)) -> str:
    """Return a docid as a string (leading zeros kept), or raise :class:`TctError` if it cannot stand in a run file."""
    if docid is None:
        raise TctError(f'{where} has no docid: give it a field {" or ".join(f"`{key}`" for key in keys)}')
    if isinstance(docid, bool) or not isinstance(docid, (str, int)):
        raise TctError(f'{where}: the docid {docid!r} is neither a string nor a whole number')
    docid = str(docid)
    if not docid.strip():
        raise TctError(f'{where}: the docid is blank: every passage needs one')
    if len(docid.encode()) > LONGEST_DOCID:
        raise TctError(f'{where}: the docid {docid[:40]}... is longer than {LONGEST_DOCID} bytes: give a shorter one')
    if docid.split() != [docid]:
        raise TctError(f'{where}: the docid {docid!r} holds white space, which breaks run files: replace it')
    return docid


def read_predictions(path: Path) -> dict[str, list[str]]:
    """Read doc2query predictions: a line is ``{"id": ..., "predicted_queries": [...]}``.

    Raises:
        TctError: a malformed line, or a docid twice; the line is named.
    """
    predictions: dict[str, list[str]] = {}
    for number, line in numbered_lines(path):
        where = f'{path}: line {number}'
        record = json_object(line, where)
        docid = check_docid(record.get('id'), where)
        queries = record.get('predicted_queries')
        if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
            raise TctError(f'{where} needs a list of strings under `predicted_queries`')
        if docid in predictions:
            raise TctError(f'{where}: the docid {docid!r} occurred before: docids must be unique')
        predictions[docid] = queries
    if not predictions:
        raise TctError(f'{path} is empty: predicted queries are needed')
    return predictions


def irds_dataset(name: str, part: str) -> Any:
    """Open a dataset of ir_datasets.

    Args:
        name: of the dataset.
        part: that it must have: ``docs``, ``queries``, ``qrels``, ``docpairs``.

    Raises:
        TctError: the dataset is unknown or lacks the part, or the package is missing.
    """
    irds = _env.need('ir_datasets', 'datasets', f'{IRDS}{name}')
    try:
        dataset = irds.load(name)
    except KeyError as error:
        raise TctError(f'ir_datasets knows no dataset {name!r}: see https://ir-datasets.com') from error
    if not getattr(dataset, f'has_{part}')():
        raise TctError(f'{IRDS}{name} has no {part}: name a dataset that has, such as one of its splits')
    return dataset


def irds_text(record: Any) -> str:
    """Return the text of an ir_datasets document or query."""
    return record.default_text() if hasattr(record, 'default_text') else record.text


def _irds_corpus(name: str) -> Iterator[Passage]:
    for doc in irds_dataset(name, 'docs').docs_iter():
        title = getattr(doc, 'title', '')
        yield Passage(check_docid(doc.doc_id, f'{IRDS}{name}'), doc.text if title else irds_text(doc), title)
