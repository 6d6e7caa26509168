# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A part of the pocket collection for the quick demo: its first passages, and the queries that these answer."""

import json
from pathlib import Path

from pyserini_tct import _atomic
from pyserini_tct._files import numbered_lines
from pyserini_tct.topics import read_qrels

PASSAGES = 150


def shrink(pocket: Path, output: Path, passages: int = PASSAGES) -> Path:
    """Write the first passages of a collection, and each query all of whose relevant passages are among them.

    Args:
        pocket: the whole collection.
        output: folder for the part, laid out likewise; a folder that exists is taken as it is.
        passages: how many.

    Returns:
        ``output``.
    """
    if output.is_dir():
        return output
    corpus = [line for _, line in numbered_lines(pocket / 'corpus.jsonl')][:passages]
    kept = {json.loads(line)['id'] for line in corpus}
    expansions = [line for _, line in numbered_lines(pocket / 'expansions.jsonl') if json.loads(line)['id'] in kept]
    files = {'corpus.jsonl': corpus, 'expansions.jsonl': expansions}
    for split in ('train', 'dev', 'test'):
        qrels = read_qrels(pocket / f'qrels.{split}.txt')
        answered = {qid for qid, grades in qrels.items() if {docid for docid, grade in grades.items() if grade} <= kept}
        for name, separator in ((f'queries.{split}.tsv', '\t'), (f'qrels.{split}.txt', ' ')):
            lines = [line for _, line in numbered_lines(pocket / name)]
            files[name] = [line for line in lines if line.split(separator)[0] in answered]
    with _atomic.atomic_folder(output) as folder:
        for name, lines in files.items():
            (folder / name).write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
    return output
