# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where candidates for hard negatives come from: BM25, or a student's own index, searched with the training queries."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyserini_tct._files import sha256
from pyserini_tct.collection import IRDS, corpus_files
from pyserini_tct.runs import Hit, rank

SPARE = 16  # hits beyond the last rank, so that equal scores at the cut go by docid
Candidates = dict[str, list[Hit]]


def by_bm25(corpus: str, topics: Mapping[str, str], depth: int) -> Candidates:
    """Index a corpus and search it by BM25.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        topics: training queries.
        depth: passages a query.

    Raises:
        TctError: a bad corpus, or no usable Java.
    """
    from pyserini_tct.index.lucene import build_bm25
    from pyserini_tct.search.lucene import BM25Searcher

    with tempfile.TemporaryDirectory(prefix='tct_mine') as work:
        build_bm25(corpus, Path(work, 'index'))
        found = BM25Searcher(Path(work, 'index')).batch_search(list(topics.values()), list(topics), depth)
    return {qid: list(found[qid]) for qid in topics}


def by_student(
    corpus: str,
    topics: Mapping[str, str],
    encoder: str,
    depth: int,
    work: Path,
    device: str = 'auto',
    precision: str = 'fp32',
) -> Candidates:
    """Encode a corpus and search it exactly by dot product, shard after shard.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        topics: training queries.
        encoder: folder or hub name of a student.
        depth: passages a query.
        work: folder for the vectors; a killed job goes on from it.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        precision: of the student's network, ``fp32`` or ``bf16``.

    Raises:
        TctError: a bad corpus or checkpoint.
    """
    from pyserini_tct.encode import TctColBertDocumentEncoder  # brings the thread policy, so it stands before torch
    from pyserini_tct.encode._writer import encode_corpus
    from pyserini_tct.scoring import nearest
    from pyserini_tct.vectors import VectorStore

    import torch  # isort: skip

    passages = TctColBertDocumentEncoder(encoder, device=device, precision=precision)
    student = passages.student
    inputs = [] if corpus.startswith(IRDS) else [sha256(file) for file in corpus_files(Path(corpus))]
    made_of = [student.sha256, student.tokenizer.sha256, student.settings.passage_length, inputs or corpus, precision]
    store = work / f'vectors-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]}'
    if not store.is_dir():
        encode_corpus(corpus, store, passages)
    docids: list[str] = []

    def blocks() -> Iterator[torch.Tensor]:
        for names, vectors in VectorStore(store).shards():
            docids.extend(names)
            yield torch.from_numpy(vectors.astype('float32'))

    rows = student.tokenizer.queries(list(topics.values()), student.settings.query_length)
    queries = torch.from_numpy(student.embed(rows)).to(student.device)
    scores, found = nearest(queries, blocks(), depth + SPARE)
    candidates: Candidates = {}
    for qid, line, values in zip(topics, found, scores, strict=True):
        pairs = zip(line.tolist(), values.tolist(), strict=True)
        candidates[qid] = rank([(docids[row], score) for row, score in pairs if row >= 0], depth)
    return candidates
