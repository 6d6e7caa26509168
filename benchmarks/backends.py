# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Backends and precisions against stock Pyserini's encoders, all-MiniLM-L6-v2 on pocket; missing ones are left out."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks._interleave import interleave, table
from pyserini_tct import _jvm
from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir
from pyserini_tct.collection import read_corpus
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.models import student
from pyserini_tct.topics import read_topics

PASSAGES, QUERIES = 256, 32
WAYS = (('torch', 'fp32'), ('torch', 'bf16'), ('onnx', 'fp32'), ('openvino', 'fp32'), ('openvino', 'bf16'))


def main() -> None:
    """Print passages and queries a way, with the least cosine to torch in fp32."""
    _jvm.prepare(quiet=True)
    from pyserini.encode import TctColBertDocumentEncoder as StockDocuments
    from pyserini.encode import TctColBertQueryEncoder as StockQueries

    pocket = data_dir('prebuilt') / 'pocket'
    texts = [passage.text for passage in read_corpus(pocket / 'corpus.jsonl')][:PASSAGES]
    queries = list(read_topics(pocket / 'queries.test.tsv').values())[:QUERIES]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, 'tct_colbert-benchmark')
        student.load('sentence-transformers/all-MiniLM-L6-v2').save(folder)
        stock, stock_queries = StockDocuments(str(folder), device='cpu'), StockQueries(str(folder))

        def stock_passages() -> None:
            for start in range(0, len(texts), 64):
                stock.encode(texts[start : start + 64], max_length=154)

        passages: dict[str, Callable[[], object]] = {'stock': stock_passages}
        one_by_one: dict[str, Callable[[], object]] = {'stock': lambda: [stock_queries.encode(q) for q in queries]}
        exact = None
        for backend, precision in WAYS:
            name = f'{backend} {precision}'
            try:
                ours = TctColBertDocumentEncoder(folder, device='cpu', backend=backend, precision=precision)
                own = TctColBertQueryEncoder(folder, backend=backend, precision=precision)
            except TctError as error:
                print(f'{name}: {error}')
                continue
            found = ours.encode(texts)
            exact = found if exact is None else exact
            cosine = (found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
            print(f'{name}: least cosine to torch fp32 {cosine.min():.6f}')
            passages[name] = lambda ours=ours: ours.encode(texts)  # type: ignore[misc]
            one_by_one[name] = lambda own=own: [own.encode(query) for query in queries]  # type: ignore[misc]
            one_by_one[f'{name}, batch'] = lambda own=own: own.encode_batch(queries)  # type: ignore[misc]
        table('passages, batch 64', 'passage', interleave(passages, 3), len(texts))
        table('queries', 'query', interleave(one_by_one, 3), len(queries))
