# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The readers of topics and judgments: ids stay as they are written, and each complaint names its line."""

import json

import pytest
from conftest import refusal, write

from pyserini_tct.topics import read_qrels, read_topics

TOPICS = {'007': 'slow ice', '8': 'naïve café', '1_a': 'x'}
TSV = ''.join(f'{qid}\t{text}\n' for qid, text in TOPICS.items())


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('topics', TSV),
        ('topics.tsv', TSV),
        ('topics.dev.txt', TSV),
        ('topics.gz', TSV),
        ('topics.crlf', TSV.replace('\n', '\r\n')),
        ('topics.tsv', '\ufeff' + TSV),
        ('topics.jsonl', ''.join(json.dumps({'_id': qid, 'text': text}) + '\n' for qid, text in TOPICS.items())),
        ('topics.jsonl.gz', ''.join(json.dumps({'qid': qid, 'query': text}) + '\n' for qid, text in TOPICS.items())),
    ],
)
def test_topics_keep_ids_and_order(tmp_path, name, content):
    """007 read as a number would match no judgment."""
    assert list(read_topics(write(tmp_path / name, content)).items()) == list(TOPICS.items())


@pytest.mark.parametrize(
    ('name', 'line', 'message'),
    [
        ('t.tsv', '2\ttwo\tmore', 'has 3 tab-separated columns'),
        ('t.tsv', '2 two', 'has 1 tab-separated columns'),
        ('t.tsv', '2\t ', 'query 2 has no text'),
        ('t.tsv', '1\tagain', 'query 1 occurred before'),
        ('t.tsv', '\ttwo', "the query id '' is blank"),
        ('t.tsv', 'q 2\ttwo', "the query id 'q 2' is blank or holds white space"),
        ('t.jsonl', '{"id": "2"}', 'needs an `id` and a `text`'),
        ('t.jsonl', '{"text": "x"}', 'needs an `id` and a `text`'),
        ('t.jsonl', '{"id": "2", "text": 5}', 'needs an `id` and a `text`'),
        ('t.jsonl', '{"id": "1", "text": "again"}', 'query 1 occurred before'),
        ('t.jsonl', '2\ttwo', 'is not valid JSON'),
    ],
)
def test_bad_topics_are_named(tmp_path, name, line, message):
    path = write(tmp_path / name, ('1\tone\n' if name == 't.tsv' else '{"id": "1", "text": "one"}\n') + line)
    found = refusal(lambda: read_topics(path))
    assert f'{path}: line 2' in found
    assert message in found


def test_qrels(tmp_path):
    path = write(tmp_path / 'qrels', '007 0 a 1\n007\tQ0\tb\t0\n8 0 a -1\n')
    assert read_qrels(path) == {'007': {'a': 1, 'b': 0}, '8': {'a': -1}}


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('1 a 1', 'has 3 columns'),
        ('1 0 a 1 x', 'has 5 columns'),
        ('1 0 b relevant', "the grade 'relevant' is not a whole number"),
        ('1 0 b 1.5', "the grade '1.5'"),
        ('1 0 a 2', 'document a is judged twice for query 1'),
    ],
)
def test_bad_qrels_are_named(tmp_path, line, message):
    path = write(tmp_path / 'qrels', '1 0 a 1\n' + line)
    found = refusal(lambda: read_qrels(path))
    assert f'{path}: line 2' in found
    assert message in found
