# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Which data a run trains on: streamed triples, or a corpus with queries, judgments and negatives."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from pyserini_tct._cli import note
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.train._config import TrainConfig
from pyserini_tct.train._samples import TrainingData, from_qrels
from pyserini_tct.train._stream import IdTriples, TextTriples
from pyserini_tct.train._triples import open_triples

Data = TrainingData | TextTriples | IdTriples


def load_data(config: TrainConfig, partial: Path) -> Data:
    """Open the training data; what is made of them once (an index of triples, BM25 negatives) lies in ``partial``.

    Raises:
        TctError: bad input, or mining failed.
    """
    if config.triples:
        triples, index_file = open_triples(config.triples), partial / 'triples.index'
        if not config.queries:
            return TextTriples(triples, index_file)
        return IdTriples(triples, index_file, cast(Path, config.corpus), config.queries, config.qrels)
    negatives = None if config.negatives in ('none', 'self') else Path(config.negatives)
    if config.negatives == 'bm25':
        negatives = partial / 'negatives.trec'
        if not negatives.exists():
            mine(config, negatives)
    corpus, queries, qrels = (cast(Path, path) for path in (config.corpus, config.queries, config.qrels))
    ranks = config.negatives_depth, config.negatives_per_query, config.negatives_skip
    return from_qrels(corpus, queries, qrels, negatives, *ranks)


def dev_passages(config: TrainConfig, data: Data) -> Sequence[Passage]:
    """Return the corpus that dev evaluation searches; triples of texts are none."""
    return list(read_corpus(cast(Path, config.corpus))) if isinstance(data, TextTriples) else data.passages


def mine(config: TrainConfig, output: Path) -> None:
    """Mine BM25 negatives in a subprocess: a JVM here would forbid every later fork.

    Raises:
        TctError: it failed; the sentence of its error is passed on.
    """
    note('mining BM25 negatives ...')
    words = ['-m', 'pyserini_tct.mine', '--corpus', str(config.corpus), '--topics', str(config.queries)]
    words += ['--output', str(output), '--depth', str(config.negatives_depth)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if done.returncode:
        cause = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), 'no message')
        raise TctError(f'BM25 negatives could not be mined: {cause.removeprefix("error: ")}')
