# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Vectors of 100,000 real texts of 384 and of 768 dimensions.

The texts are distinct sentences of the collections under ``$TCT_DATA``: of MS MARCO's passages first (79,672), then of
the others. Vectors of 384 dimensions are all-MiniLM-L6-v2's with TCT-ColBERT's input and pooling. No model of 768
dimensions was at hand: there a vector is the mean of the third layer beside that of the last one, of the same network.
They come of real texts, but no model was trained to give them. Queries are MS MARCO's, from its dev set.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pyserini_tct import _atomic, _env
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.models import student
from pyserini_tct.models.student import Student, batches_by_length, mean_pooling, pad
from pyserini_tct.topics import read_topics

TEXTS, QUERIES, BLOCK, WIDTHS = 100_000, 200, 2_500, (384, 768)
CORPUS, TOPICS = Path('msmarco-dl-pool', 'corpus.jsonl.gz'), Path('msmarco-dev-queries', 'queries.dev.tsv')
SENTENCE, SHORTEST = re.compile(r'(?<=[.!?])\s+'), 4  # what ends a sentence, and the words of one at least
MIDDLE = 3  # the layer beside the last one
BACKBONE = 'sentence-transformers/all-MiniLM-L6-v2'


def data() -> Path | None:
    """Return the folder of the collections, if the environment names one that has the passages."""
    folder = Path(os.environ.get('TCT_DATA', ''))
    return folder if (folder / CORPUS).is_file() else None


def sentences(folder: Path) -> Iterator[Passage]:
    """Yield the distinct sentences of all collections, numbered from 1."""
    seen: set[str] = set()
    others = [file for file in sorted(folder.glob('*/corpus.jsonl*')) if file != folder / CORPUS]
    for passage in itertools.chain.from_iterable(map(read_corpus, [folder / CORPUS, *others])):
        for sentence in SENTENCE.split(passage.text):
            if len(sentence.split()) >= SHORTEST and sentence not in seen:
                seen.add(sentence)
                yield Passage(f'{len(seen)}', sentence)


def vectors(folder: Path, work: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return passage and query vectors by dimension; blocks stay in ``work``, so that a second call goes on."""
    model, precision = student.load(BACKBONE), _env.precision_of('auto', 'cpu')
    texts = list(itertools.islice(sentences(folder), TEXTS))
    queries = list(itertools.islice(read_topics(folder / TOPICS).values(), QUERIES))
    work.mkdir(parents=True, exist_ok=True)
    blocks = []
    for start in tqdm(range(0, len(texts), BLOCK), desc='encode', disable=None):
        file = work / f'{start:06d}.npy'
        if not file.exists():
            rows = model.tokenizer.passages(texts[start : start + BLOCK])
            with _atomic.atomic_file(file, 'wb') as out:
                np.save(out, _layers(model, rows, precision))
        blocks.append(np.load(file))
    pair = np.concatenate(blocks), _layers(model, model.tokenizer.queries(queries), precision)
    return {width: (_last(pair[0], width), _last(pair[1], width)) for width in WIDTHS}


def _last(both: np.ndarray, width: int) -> np.ndarray:
    return np.ascontiguousarray(both[:, -width:])


@torch.inference_mode()
def _layers(model: Student, rows: list[list[int]], precision: str) -> np.ndarray:
    """Return the pooled middle layer beside the pooled last one, ``(texts, 2 * hidden)``."""
    found = np.empty((len(rows), 2 * model.dimension), np.float32)
    for batch in batches_by_length([len(row) for row in rows], 64, 4096):
        ids, mask = pad([rows[i] for i in batch], model.tokenizer.pad_id)
        with _env.autocast('cpu', precision):
            hidden = list(model.bert.layers(ids, mask))
        found[batch] = torch.cat([mean_pooling(hidden[layer].float(), mask) for layer in (MIDDLE, -1)], 1).numpy()
    return found
