# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo builds, as the commands a user would type: each is run once, in this process, and written down."""

from pathlib import Path
from typing import Any

from pyserini_tct import _cli, _env
from pyserini_tct._stages import Stage, call

RECIPE = 'pocket'  # for the teacher and all students: the same data in the same order, equal steps
STUDENTS = ('untrained', 'none', 'loose', 'tight')
QUICK_STEPS = 4


def recipe() -> dict[str, Any]:
    """Return the recipe's settings of a student."""
    from pyserini_tct.train import read_recipe

    return read_recipe(RECIPE, 'student')


def check_backbone() -> None:
    """Make sure that the backbone's package is here and sound.

    Raises:
        TctError: it is missing, or its weights are not the expected ones.
    """
    from pyserini_tct.models import _weights

    backbone = recipe()['backbone']
    _env.need(_weights.PACKAGED[backbone][0], 'demo', 'the demo')
    _weights.packaged(backbone)


def plan(work: Path, pocket: Path, steps: int, seed: int) -> list[Stage]:
    """Return the demo's stages in order.

    Args:
        work: folder for everything that is built.
        pocket: the collection.
        steps: of each training.
        seed: of each training.
    """
    corpus, negatives, teacher = str(pocket / 'corpus.jsonl'), work / 'negatives.trec', work / 'colbert'
    queries, qrels = pocket / 'queries.train.tsv', pocket / 'qrels.train.txt'
    data = ('--corpus', corpus, '--queries', queries, '--qrels', qrels, '--negatives', negatives)
    common = ('--recipe', RECIPE, '--steps', steps, '--seed', seed, *data)
    stages: list[Stage] = []

    def add(name: str, output: Path, module: str, *words: object) -> None:
        stages.append(Stage(name, output, f'pyserini_tct.{module}', tuple(map(str, words))))

    mined = ('--corpus', corpus, '--topics', queries, '--output', negatives)
    add('BM25 negatives', negatives, 'mine', *mined)
    add('ColBERT teacher', teacher, 'train', '--model', 'colbert', *common, '--output', teacher)
    for name in STUDENTS:
        folder = work / f'tct_colbert-{name}'
        if name == 'untrained':
            add('untrained student', folder, 'models', '--backbone', recipe()['backbone'], '--output', folder)
        else:
            taught = () if name == 'none' else ('--teacher', teacher)
            words = ('--model', 'student', '--coupling', name, *taught, *common, '--output', folder)
            add(f'student, {name}', folder, 'train', *words)
    for name in STUDENTS:
        vectors, index, encoder = work / f'vectors-{name}', work / f'index-{name}', work / f'tct_colbert-{name}'
        words = ('input', '--corpus', corpus, 'output', '--embeddings', vectors, 'encoder', '--encoder', encoder)
        add(f'passage vectors, {name}', vectors, 'encode', *words, '--device', 'cpu')
        add(f'Faiss index, {name}', index, 'index.faiss', '--input', vectors, '--output', index)
    expanded = work / 'expanded.jsonl'
    words = ('--corpus', corpus, '--predictions', pocket / 'expansions.jsonl', '--output', expanded)
    add('doc2query expansion', expanded, 'expand', *words)
    add('BM25 index', work / 'bm25', 'index.lucene', '--corpus', corpus, '--index', work / 'bm25')
    add(
        'BM25 + doc2query index',
        work / 'doc2query',
        'index.lucene',
        '--corpus',
        expanded,
        '--index',
        work / 'doc2query',
    )
    return stages


def run(stages: list[Stage], log: Path) -> None:
    """Run each stage whose output is not there yet, with a line of progress; what the commands print goes to a log."""
    for number, stage in enumerate(stages, 1):
        label = f'[{number}/{len(stages)}] {stage.name}'
        if stage.output.exists():
            _cli.note(f'{label}: as before ({stage.output})')
            continue
        _cli.note(f'{label}: {call(stage, log):.1f} s ({stage.output})')
