# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Passages and queries by stock Pyserini's encoders and by ours, every backend and precision that is there.

Agreement is the share of the ten best passages of each query that is the same as with stock's vectors of both. Memory
is what opening the encoder and encoding 128 passages adds to a process that has imported Pyserini.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _memory, real
from benchmarks._interleave import interleave
from benchmarks._rows import Row
from benchmarks.machine import Ceiling
from pyserini_tct import _jvm
from pyserini_tct._errors import TctError
from pyserini_tct._files import data_dir
from pyserini_tct.collection import read_corpus
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.topics import read_topics

PASSAGES, QUERIES, SINGLES, BATCH, LONGEST = 256, 64, 16, 64, 154
WAYS = (('torch', 'fp32'), ('onnx', 'fp32'), ('openvino', 'fp32'), ('torch', 'bf16'), ('openvino', 'bf16'))
GOALS = {'fp32': 4.5, 'bf16': 7.5}  # of passages
BATCHED, SINGLE = 10.0, 4.0  # of queries


def texts() -> tuple[list[str], list[str], str]:
    """Return passages and queries, MS MARCO's where they are at hand, and their name."""
    if folder := real.data():
        corpus = itertools.islice(read_corpus(folder / real.CORPUS), 0, None, 30_005 // PASSAGES)
        topics, name = read_topics(folder / real.TOPICS), 'MS MARCO'
    else:
        pocket = data_dir('prebuilt') / 'pocket'
        corpus, topics, name = (
            iter(read_corpus(pocket / 'corpus.jsonl')),
            read_topics(pocket / 'queries.test.tsv'),
            'pocket',
        )
    return [passage.text for passage in corpus][:PASSAGES], list(topics.values())[:QUERIES], name


def rows(model: Path, limits: Ceiling, rounds: int = 3) -> list[Row]:
    """Time stock and each way turn by turn; a way that is not there is told and left out."""
    _jvm.prepare(quiet=True)
    from pyserini.encode import TctColBertDocumentEncoder as StockDocuments
    from pyserini.encode import TctColBertQueryEncoder as StockQueries

    passages, queries, name = texts()
    stock_documents, stock_queries = StockDocuments(str(model), device='cpu'), StockQueries(str(model))

    def stock_passages() -> np.ndarray:
        parts = range(0, len(passages), BATCH)
        found = [stock_documents.encode(passages[at : at + BATCH], max_length=LONGEST) for at in parts]
        return np.concatenate(found)

    def one_by_one(encoder: Any, number: int) -> np.ndarray:
        return np.stack([encoder.encode(query) for query in queries[:number]])

    best = _best(one_by_one(stock_queries, QUERIES), stock_passages())
    turns: dict[str, dict[str, Callable[[], object]]] = {
        'passages': {'stock': stock_passages},
        'queries, batch': {'stock': lambda: one_by_one(stock_queries, SINGLES)},
        'query, single': {'stock': lambda: one_by_one(stock_queries, SINGLES)},
    }
    agree, operations, ways = {}, {}, []
    mib = {'stock': _memory.added(_imports, _encode, model, passages[: 2 * BATCH], '', '')}
    for backend, precision in WAYS:
        try:
            documents = TctColBertDocumentEncoder(model, device='cpu', backend=backend, precision=precision)
            encoder = TctColBertQueryEncoder(model, backend=backend, precision=precision)
        except TctError as error:
            print(f'{backend} {precision} is left out: {error}')
            continue
        way = f'{backend} {precision}'
        ways.append((way, precision))
        mib[way] = _memory.added(_imports, _encode, model, passages[: 2 * BATCH], backend, precision)
        found = _best(encoder.encode_batch(queries), documents.encode(passages))
        agree[way] = float(np.mean([len(mine & other) / 10 for mine, other in zip(best, found, strict=True)]))
        if backend == 'torch':
            print(f'where {way} spends it: {_spent(documents, passages)}')
        turns['passages'][way] = lambda documents=documents: documents.encode(passages)  # type: ignore[misc]
        turns['queries, batch'][way] = lambda encoder=encoder: encoder.encode_batch(queries)  # type: ignore[misc]
        turns['query, single'][way] = lambda encoder=encoder: one_by_one(encoder, SINGLES)  # type: ignore[misc]
        tokens = encoder.student.tokenizer
        operations = {
            'passages': _operations(encoder.student, tokens.passages(list(read_rows(passages)), LONGEST)),
            'queries, batch': _operations(encoder.student, tokens.queries(queries)),
            'query, single': _operations(encoder.student, tokens.queries(queries[:SINGLES])),
        }
    found_rows = []
    for what, alternatives in turns.items():
        seconds = interleave(alternatives, rounds)
        units = {'passages': len(passages), 'queries, batch': QUERIES, 'query, single': SINGLES}[what]
        stock = seconds['stock'] / (units if what == 'passages' else SINGLES)
        for way, precision in ways:
            goal = {'passages': GOALS[precision], 'queries, batch': BATCHED, 'query, single': SINGLE}[what]
            limit = limits.bf16 if precision == 'bf16' else limits.fp32
            reached = operations[what] / seconds[way] / limit if limit else None
            label, memory = f'{what}, {name}: {way}', (mib['stock'], mib[way]) if what == 'passages' else None
            found_rows.append(Row(label, stock, seconds[way] / units, goal, agree[way], reached, precision, memory))
    return found_rows


def _imports() -> None:
    _jvm.prepare(quiet=True)
    import pyserini.encode  # noqa: F401 - what importing takes is not counted


def _encode(model: Path, passages: list[str], backend: str, precision: str) -> None:
    """Open an encoder, stock's for no backend, and encode: the work whose memory is measured."""
    if backend:
        TctColBertDocumentEncoder(model, device='cpu', backend=backend, precision=precision).encode(passages)
    else:
        from pyserini.encode import TctColBertDocumentEncoder as Stock

        stock = Stock(str(model), device='cpu')
        for at in range(0, len(passages), BATCH):
            stock.encode(passages[at : at + BATCH], max_length=LONGEST)


def _spent(documents: Any, passages: list[str]) -> str:
    """Return the share of each step in encoding passages: torch's five dearest operations, tokenising, the rest."""
    started = time.perf_counter()
    documents.student.tokenizer.passages(list(read_rows(passages)), LONGEST)
    tokenising = time.perf_counter() - started
    with torch.autograd.profiler.profile() as profile:
        started = time.perf_counter()
        documents.encode(passages)
        whole = time.perf_counter() - started
    events = sorted(profile.key_averages(), key=lambda event: -event.self_cpu_time_total)[:5]
    shares = {event.key.split('::')[-1]: event.self_cpu_time_total / 1e6 / whole for event in events}
    shares['tokenising'] = tokenising / whole
    shares['the rest'] = max(0.0, 1 - sum(shares.values()))
    return ', '.join(f'{step} {share:.0%}' for step, share in shares.items())


def read_rows(passages: list[str]) -> Any:
    """Yield passages as the tokenizer takes them."""
    from pyserini_tct.collection import Passage

    return (Passage('', text) for text in passages)


def _operations(student: Any, token_rows: list[list[int]]) -> float:
    """Return billions of operations of the matrix products of a network over rows, attention left out."""
    config = student.bert.config
    layer = 8 * config.hidden_size**2 + 4 * config.hidden_size * config.intermediate_size
    return config.num_hidden_layers * layer * sum(map(len, token_rows)) / 1e9


def _best(queries: np.ndarray, passages: np.ndarray) -> list[set[int]]:
    return [set(row) for row in np.argsort(-(queries @ passages.T), axis=1)[:, :10].tolist()]
