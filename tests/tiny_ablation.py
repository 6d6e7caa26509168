# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Two tiny collections, and BM25 without a JVM for the tests of the ablation."""

import gzip
import json

from conftest import TEXTS, TOPICS

from pyserini_tct.runs import rank, write_run
from pyserini_tct.topics import read_topics

QRELS = {'007': 'd1', '8': 'd2', '9': 'd6'}


def write_collection(folder, packed=False):
    """Write a collection whose train and dev splits are the same three queries."""
    folder.mkdir()
    lines = ''.join(json.dumps({'id': docid, 'contents': text}) + '\n' for docid, text in TEXTS.items()).encode()
    (folder / ('corpus.jsonl.gz' if packed else 'corpus.jsonl')).write_bytes(gzip.compress(lines) if packed else lines)
    for split in ('train', 'dev'):
        (folder / f'queries.{split}.tsv').write_text(''.join(f'{qid}\t{text}\n' for qid, text in TOPICS.items()))
        (folder / f'qrels.{split}.txt').write_text(''.join(f'{qid} 0 {docid} 1\n' for qid, docid in QRELS.items()))
    return folder


def overlap(collection, topics, output, depth):
    """Rank by the number of words in common, in the place of BM25."""
    found = {
        qid: rank({docid: len({*query.split()} & {*text.split()}) + 0.5 for docid, text in TEXTS.items()}, depth)
        for qid, query in read_topics(topics).items()
    }
    write_run(output, found, 'words')
    return {qid: dict(hits) for qid, hits in found.items()}
