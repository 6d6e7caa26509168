# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct``: the list of commands, and the two that belong to no stage, ``doctor`` and ``run``.

Nothing heavy is imported before a command is chosen.
"""

import importlib
from collections.abc import Sequence

import pyserini_tct
from pyserini_tct import _cli
from pyserini_tct._errors import TctError

COMMANDS = {
    'demo': 'the whole flow on the pocket collection that ships with the package',
    'models': 'a student checkpoint from a BERT folder or a published checkpoint, without training',
    'models.teachers': "a teacher's scores of a run's passages to a file, to train students from",
    'train': 'a teacher (ColBERT, cross-encoder), or a student distilled from one',
    'mine': 'hard negatives for training queries: by BM25, a student or a run, filtered',
    'encode': 'a corpus to a folder of vectors',
    'encode.merge': 'shards of a corpus, encoded apart, to one folder of vectors',
    'encode.query': 'topics to vectors, for searches without a model',
    'encode.tokens': 'a corpus to token vectors of a ColBERT, for re-ranking and ColBERT search',
    'segment': 'long documents to a corpus of overlapping windows of words',
    'expand': 'predicted queries appended to the passages of a corpus (doc2query)',
    'index.faiss': 'vectors to a Faiss index',
    'index.colbert': 'token vectors to an index for ColBERT search',
    'index.lucene': 'a corpus to a BM25 index, or vectors to a Lucene index of them',
    'index.info': 'what an index is, what a passage takes in it, and what it misses',
    'search.faiss': 'topics to a run: dense, over a Faiss index',
    'search.colbert': 'topics to a run: ColBERT, by nearest tokens and MaxSim',
    'search.lucene': 'topics to a run: BM25, or dense, over a Lucene index',
    'search.hybrid': 'topics to a run: dense and BM25, interpolated',
    'search.rerank': 'a run to a run: its best passages scored anew by a ColBERT or a cross-encoder',
    'fusion': 'two runs to one, interpolated',
    'fusion.tune': 'the best alpha of an interpolation, on dev queries',
    'eval': 'runs and qrels to a table of measures',
    'compare': 'BM25, a student, a teacher and their hybrids on a collection: effectiveness, latency, bytes',
    'explain': 'why a passage has its score: MaxSim alignment, token contributions, BM25 terms',
    'prebuilt': 'published and own models, indexes and encoded queries by name: fetch, verify, add',
    'ablate': 'what distillation brings: couplings, temperatures and starts crossed, trained and compared',
    'regress': 'pinned scores recomputed and compared',
}
SUBCOMMANDS = {
    'doctor': 'what was found on this machine, what is missing and the command that mends it',
    'run': 'an unmodified Pyserini module with a working JVM and these encoders',
}


def main(argv: Sequence[str]) -> int | None:
    """List the commands, or hand over to ``doctor`` or ``run``."""
    if not argv or argv[0] in ('-h', '--help'):
        print(_listing())
        return 0
    if argv[0] == '--version':
        print(f'pyserini_tct {pyserini_tct.__version__}')
        return 0
    if argv[0] in SUBCOMMANDS:
        return importlib.import_module(f'pyserini_tct._{argv[0]}').main(argv[1:])
    name = argv[0].removeprefix('pyserini_tct.')
    if name in COMMANDS:
        raise TctError(f'{name} is a module of its own: python -m pyserini_tct.{name}')
    raise TctError(f'unknown subcommand {argv[0]!r}: python -m pyserini_tct lists the commands')


def _listing() -> str:
    stages = {f'python -m pyserini_tct.{name}': about for name, about in COMMANDS.items()}
    others = {f'python -m pyserini_tct {name}': about for name, about in SUBCOMMANDS.items()}
    width = max(map(len, [*stages, *others]))
    lines = [f'  {command:{width}}  {about}' for command, about in [*stages.items(), *others.items()]]
    return '\n'.join(
        [
            'TCT-ColBERT for Pyserini and Anserini. The commands, each with its own --help:',
            '',
            *lines,
            '',
            'options: -h, --help  this list;  --version',
        ]
    )


if __name__ == '__main__':
    _cli.run(main)
