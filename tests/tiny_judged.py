# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A judged corpus of six passages and four queries to train on, and the settings to do so in a second."""

import json

from pyserini_tct.train import TrainConfig

CROSS = {'model': 'cross', 'hard_pairs': ''}  # settings that are replaced keep their pairs otherwise
RUN = {'1': 'aef', '2': 'bef', '3': 'cef', '4': 'def'}
DOCS = {'a': 'slow ice', 'b': 'lobster roll', 'c': 'earth quake', 'd': 'sea wave', 'e': 'snow', 'f': 'a fault'}


def tiny_config(tiny_bert, tmp_path):
    """Four queries, each with one positive and two negatives of its own."""
    (tmp_path / 'c.jsonl').write_text(''.join(json.dumps({'id': k, 'contents': v}) + '\n' for k, v in DOCS.items()))
    (tmp_path / 'q.tsv').write_text('1\tice\n2\tlobster\n3\tquake\n4\tsea\n')
    (tmp_path / 'qrels').write_text('1 0 a 1\n2 0 b 1\n3 0 c 1\n4 0 d 1\n')
    (tmp_path / 'run').write_text(
        ''.join(f'{q} Q0 {d} {i} {9 - i} t\n' for q, ds in RUN.items() for i, d in enumerate(ds))
    )
    return TrainConfig('student', tmp_path / 'tct_colbert-s', str(tiny_bert), corpus=tmp_path / 'c.jsonl',
                       queries=tmp_path / 'q.tsv', qrels=tmp_path / 'qrels', negatives=str(tmp_path / 'run'), steps=3,
                       batch_size=2, lr=1e-3, warmup=1, save_every=0, precision='fp32', device='cpu')  # fmt: skip


def log(config):
    path = config.output.with_name(f'{config.output.name}.log.jsonl')
    return [json.loads(line) for line in path.read_text().splitlines()]
