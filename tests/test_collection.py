# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Readers on good and bad corpora and predictions: nothing is skipped in silence, each complaint names its line."""

import gzip
from functools import partial

import pytest
from conftest import refusal, write

from pyserini_tct import collection
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus, read_predictions
from pyserini_tct.topics import read_qrels, read_topics

A, B = '{"id": "a", "contents": "one"}\n', '{"id": "b", "contents": "two"}\n'
SILENT = {'strict': True, 'raises': pytest.fail.Exception}  # nothing was raised


@pytest.mark.parametrize(
    ('line', 'options', 'expected'),
    [
        ('{"id": "a", "contents": "one\\ntwo"}', {}, Passage('a', 'one\ntwo')),
        ('{"_id": "a", "title": "T", "text": "x"}', {}, Passage('a', 'x', 'T')),
        ('{"_id": "a", "title": "", "text": "x", "metadata": {}}', {}, Passage('a', 'x')),
        ('{"docid": "a", "text": "x"}', {}, Passage('a', 'x')),
        ('{"id": 7, "contents": "x"}', {}, Passage('7', 'x')),
        ('{"id": "007", "contents": "x"}', {}, Passage('007', 'x')),
        ('{"id": "a", "contents": "naïve 北京 \\ud83d\\ude00"}', {}, Passage('a', 'naïve 北京 😀')),
        ('{"key": "a", "id": "no", "text": "x"}', {'docid_field': 'key'}, Passage('a', 'x')),
        ('{"_id": "a", "title": "T", "text": "x"}', {'fields': ['text']}, Passage('a', 'x')),
        ('{"_id": "a", "title": "T", "text": "x"}', {'fields': ['title', 'text']}, Passage('a', 'x', 'T')),
        ('{"id": "a", "contents": "T\\nx\\ny"}', {'fields': ['title', 'text']}, Passage('a', 'x\ny', 'T')),
        (
            '{"id": "a", "contents": "T | x | y"}',
            {'fields': ['title', 'text'], 'delimiter': ' | '},
            Passage('a', 'x | y', 'T'),
        ),
        ('{"id": "a", "title": "T", "contents": "x"}', {'fields': ['title', 'text']}, Passage('a', 'x', 'T')),
        ('{"id": "a", "contents": "x"}\r', {}, Passage('a', 'x')),
    ],
)
def test_good_lines(tmp_path, line, options, expected):
    assert list(read_corpus(write(tmp_path / 'corpus.jsonl', line + '\n'), **options)) == [expected]


@pytest.mark.parametrize('name', ['c.jsonl', 'c.json', 'c.jsonl.gz', 'c.txt'])
def test_a_single_file_of_any_name_gzip_by_its_suffix(tmp_path, name):
    assert [p.docid for p in read_corpus(write(tmp_path / name, A + B))] == ['a', 'b']


def test_byte_order_mark_and_blank_lines_are_no_content(tmp_path):
    """A BOM before the first brace is malformed JSON to most readers; the line number still counts blank lines."""
    path = write(tmp_path / 'c.jsonl', b'\xef\xbb\xbf' + A.encode() + b'\n \n' + B.encode() + b'{')
    docids = []
    with pytest.raises(TctError, match='line 5 is not valid JSON'):
        docids.extend(p.docid for p in read_corpus(path))
    write(path, path.read_bytes()[:-1])
    assert [p.docid for p in read_corpus(path)] == ['a', 'b']


def test_a_folder_is_read_in_sorted_order(tmp_path):
    """os.listdir order differs between file systems, and with it the rows of an index."""
    for name, docid in (('part-10.jsonl', 'c'), ('part-02.jsonl.gz', 'b'), ('part-01.json', 'a')):
        write(tmp_path / 'corpus' / name, f'{{"id": "{docid}", "contents": "x"}}\n')
    write(tmp_path / 'corpus' / '.hidden', 'no JSON')
    assert [p.docid for p in read_corpus(tmp_path / 'corpus')] == ['a', 'b', 'c']


def test_reading_streams(tmp_path):
    """A corpus of 8 million passages does not fit in memory: the first passage comes before the last line is read."""
    assert next(read_corpus(write(tmp_path / 'c.jsonl', A + 'broken'))).docid == 'a'


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"id": "b", "contents": "x"', 'is not valid JSON'),
        ('{"id": "b"} {"id": "c"}', 'is not valid JSON'),
        ('["b", "x"]', 'is a JSON list'),
        ('"b"', 'is a JSON str'),
        ('{"contents": "x"}', 'has no docid: give it a field `id` or `_id` or `docid`'),
        ('{"id": null, "contents": "x"}', 'has no docid'),
        ('{"id": "", "contents": "x"}', 'the docid is blank'),
        ('{"id": " \\t", "contents": "x"}', 'the docid is blank'),
        ('{"id": "b c", "contents": "x"}', "the docid 'b c' holds white space"),
        ('{"id": "b\\u2028", "contents": "x"}', 'holds white space'),
        ('{"id": 1.5, "contents": "x"}', 'the docid 1.5 is neither a string nor a whole number'),
        ('{"id": true, "contents": "x"}', 'the docid True is neither'),
        ('{"id": "a", "contents": "again"}', "the docid 'a' occurred before"),
        ('{"id": "b", "title": "T"}', 'has no text: give it a field `contents` or `text`'),
        ('{"id": "b", "text": 5}', "the field 'text' is a int"),
        ('{"id": "b", "contents": 5}', 'has no text'),
        ('{"id": "b", "text": "x", "title": ["T"]}', "the field 'title' is a list"),
        ('{"id": "b", "contents": "x \\ud83d"}', 'half of a surrogate pair'),
        ('{"id": "b", "text": "x", "title": "\\ude00"}', 'half of a surrogate pair'),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    path = write(tmp_path / 'corpus.jsonl', f'{A}\n{line}\n')
    found = refusal(lambda: list(read_corpus(path)))
    assert f'{path}: line 3' in found
    assert message in found


@pytest.mark.parametrize(
    'reader', [pytest.param(read_corpus), pytest.param(read_topics), pytest.param(read_predictions)]
)
def test_half_a_surrogate_pair_is_refused_by_every_reader(tmp_path, reader):
    """Nothing later can write or tokenize it: the command would end in a traceback after the reading."""
    record = {
        read_corpus: '{"id": "\\ud83d", "contents": "x"}',
        read_topics: '{"id": "1", "text": "\\ud83d"}',
        read_predictions: '{"id": "a", "predicted_queries": ["\\ud83d"]}',
    }[reader]
    path = write(tmp_path / 'x.jsonl', record)
    assert 'line 1' in refusal(lambda: list(reader(path)))


@pytest.mark.parametrize(
    ('options', 'line', 'message'),
    [
        (
            {'fields': ['title', 'text']},
            '{"id": "b", "contents": "no title"}',
            "`contents` has no '\\n' between title and text",
        ),
        ({'fields': ['title', 'text']}, '{"id": "b", "text": "x"}', 'has no title: leave out --fields title'),
        ({'fields': ['url']}, B, '--fields url is unknown'),
        ({'docid_field': 'key'}, B, 'give it a field `key`'),
    ],
)
def test_fields_that_are_not_there(tmp_path, options, line, message):
    """A title demanded and missing must not become an empty one."""
    path = write(tmp_path / 'corpus.jsonl', line)
    assert message in refusal(lambda: list(read_corpus(path, **options)))


def test_a_docid_repeated_in_another_file(tmp_path):
    write(tmp_path / 'corpus' / '1.jsonl', A + B)
    second = write(tmp_path / 'corpus' / '2.jsonl', '{"id": "c", "contents": "x"}\n' + A)
    assert f"{second}: line 2: the docid 'a' occurred before" in refusal(lambda: list(read_corpus(tmp_path / 'corpus')))


def test_folders_that_are_no_corpus(tmp_path):
    """A stray file might be the corpus in another form: it is named, not skipped."""
    (tmp_path / 'corpus').mkdir()
    assert f'{tmp_path}/corpus holds no .jsonl' in refusal(lambda: list(read_corpus(tmp_path / 'corpus')))
    write(tmp_path / 'corpus' / '1.jsonl', A)
    write(tmp_path / 'corpus' / 'passages.tsv', 'a\tone\n')
    assert 'passages.tsv, which is no JSONL file' in refusal(lambda: list(read_corpus(tmp_path / 'corpus')))


READERS = {
    'corpus': (lambda path: list(read_corpus(path)), A * 1000),
    'qrels': (read_qrels, '1 0 a 1\n' * 1000),
    'predictions': (read_predictions, '{"id": "a", "predicted_queries": []}\n' * 1000),
    'topics': (read_topics, '1\tone\n' * 1000),
}


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('content', ['', '\n', '\n \n\n', b'\xef\xbb\xbf'])
def test_an_empty_file_is_refused_by_every_reader(tmp_path, reader, content):
    """An empty result would look like a search without hits."""
    path = write(tmp_path / 'file', content)
    assert f'{path} is empty' in refusal(lambda: READERS[reader][0](path))


@pytest.mark.parametrize('reader', READERS)
def test_bytes_that_are_no_utf8_are_refused_by_every_reader(tmp_path, reader):
    read, content = READERS[reader]
    path = write(tmp_path / 'file', content.splitlines()[0].encode() + b'\n\xff\xfe latin')
    assert f'{path}: line' in (found := refusal(lambda: read(path)))
    assert 'not UTF-8' in found


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('damage', ['truncated', 'no gzip', pytest.param('corrupted')])
def test_damaged_gzip_is_refused_by_every_reader(tmp_path, reader, damage):
    """Half a corpus indexed is worse than none."""
    read, content = READERS[reader]
    whole = gzip.compress(content.encode())
    path = tmp_path / 'file.jsonl.gz' if reader in ('corpus', 'predictions') else tmp_path / 'file.gz'
    path.write_bytes(
        {'truncated': whole[:30], 'no gzip': content.encode(), 'corrupted': whole[:10] + b'\xff' * 40}[damage]
    )
    assert 'broken or truncated gzip data' in refusal(lambda: read(path))


def test_a_missing_file_and_a_folder_where_a_file_is_needed(tmp_path):
    for read in (lambda path: list(read_corpus(path)), read_qrels, read_predictions):
        assert f'{tmp_path}/none does not exist' in refusal(partial(read, tmp_path / 'none'))
    for read in (read_topics, read_qrels, read_predictions):
        assert 'is a folder, a file is needed here' in refusal(partial(read, tmp_path))


def test_predictions(tmp_path):
    path = write(
        tmp_path / 'p.jsonl', '{"id": 1, "predicted_queries": ["x", "y"]}\n{"id": "b", "predicted_queries": []}\n'
    )
    assert read_predictions(path) == {'1': ['x', 'y'], 'b': []}


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"id": "b"}', 'needs a list of strings'),
        ('{"id": "b", "predicted_queries": "x"}', 'needs a list of strings'),
        ('{"id": "b", "predicted_queries": [1]}', 'needs a list of strings'),
        ('{"predicted_queries": []}', 'has no docid'),
        ('{"id": "a", "predicted_queries": []}', "the docid 'a' occurred before"),
        ('[]', 'is a JSON list'),
    ],
)
def test_bad_predictions_are_named(tmp_path, line, message):
    path = write(tmp_path / 'p.jsonl', '{"id": "a", "predicted_queries": []}\n' + line)
    found = refusal(lambda: read_predictions(path))
    assert f'{path}: line 2' in found
    assert message in found


def test_a_docid_of_long_ago_is_still_known(monkeypatch):
    """Old docids are merged into sorted runs: one lost there would let a passage occur twice."""
    monkeypatch.setattr(collection, 'RECENT', 4)
    seen = collection._Seen()
    docids = [f'd{i}' for i in range(101)]
    assert all(seen.add(docid) for docid in docids)
    assert [len(run) for run in seen.runs] == [64, 32, 4]
    assert not any(seen.add(docid) for docid in docids)
