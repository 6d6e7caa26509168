# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Four triples, as texts and as ids."""

import json
from pathlib import Path

TRIPLES = [
    ('slow ice', 'a glacier is ice', 'lobster roll'),
    ('quake', 'magnitude of the earth quake', 'sea wave'),
    ('lobster', 'what is a lobster roll', 'snow'),
    ('sea', 'sea wave', 'a fault does move'),
]
PASSAGES = sorted({text for _, *pair in TRIPLES for text in pair})
IDS = [(f'q{i}', f'p{PASSAGES.index(good)}', f'p{PASSAGES.index(bad)}') for i, (_, good, bad) in enumerate(TRIPLES)]


def write_tsv(path: Path, triples=TRIPLES) -> Path:
    """Write triples as MS MARCO has them."""
    path.write_text(''.join('\t'.join(triple) + '\n' for triple in triples))
    return path


def write_ids(folder: Path) -> dict[str, Path]:
    """Write the triples as ids, with their corpus and queries; return the settings that name them."""
    passages = [json.dumps({'id': f'p{i}', 'contents': text}) + '\n' for i, text in enumerate(PASSAGES)]
    (folder / 'passages.jsonl').write_text(''.join(passages))
    (folder / 'queries.tsv').write_text(''.join(f'q{i}\t{triple[0]}\n' for i, triple in enumerate(TRIPLES)))
    triples = write_tsv(folder / 'ids.tsv', IDS)
    return {'triples': triples, 'corpus': folder / 'passages.jsonl', 'queries': folder / 'queries.tsv'}
