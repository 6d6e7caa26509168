# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Where a score moved: each stage is perturbed on purpose, and must be the first that is named."""

import json
import shutil

import numpy as np
import pytest
from conftest import TOPICS, command, write

from pyserini_tct._atomic import manifest_path
from pyserini_tct.eval import evaluate
from pyserini_tct.regress import _drift, _fingerprint
from pyserini_tct.search.faiss import FaissSearcher

QRELS = {'007': {'d1': 1}, '8': {'d2': 1}, '9': {'d6': 1}}


@pytest.fixture
def parts(tiny_student, tiny_index, tmp_path):
    """Copies of a student, a vector store and an index, to be perturbed."""
    paths = {'encoder': tmp_path / 'tct_colbert-copy', 'store': tmp_path / 'vectors', 'index': tmp_path / 'index'}
    for path, source in zip(paths.values(), (tiny_student, tiny_index.with_name('vectors'), tiny_index), strict=True):
        shutil.copytree(source, path)
        manifest = source.with_name(source.name + '.manifest.json')
        if manifest.exists():
            shutil.copy(manifest, path.with_name(path.name + '.manifest.json'))
    return paths


def fingerprint(parts, known=None, qrels=None, change=None):
    """The fingerprint of encoding, indexing and searching with these parts."""
    commands = [
        ['python', '-m', 'pyserini_tct.encode', 'output', '--embeddings', str(parts['store'])],
        [
            'python',
            '-m',
            'pyserini_tct.search.faiss',
            '--index',
            str(parts['index']),
            '--encoder',
            str(parts['encoder']),
        ],
    ]
    searcher = FaissSearcher(parts['index'], str(parts['encoder']), check_encoder=False)
    hits = searcher.batch_search(list(TOPICS.values()), list(TOPICS), 6)
    run = {qid: {hit.docid: hit.score for hit in found} for qid, found in hits.items()}
    if change:
        change(run)
    scores = evaluate(qrels or QRELS, run, ['RR@10'])
    found = {**_fingerprint.stages(commands, TOPICS, known), **_drift.of_run(run, scores)}
    return json.loads(json.dumps(found))


def moved(parts, **options):
    """The stages that moved since ``pinned``, in order, by name."""
    pinned = options.pop('pinned')
    found = _drift.moves(pinned, fingerprint(parts, pinned, **options))
    return {move.stage: move.amount for move in found}


def test_nothing_moves_by_itself(parts):
    """Guards against a fingerprint with a date, a path or an order in it that differs from run to run."""
    pinned = fingerprint(parts)
    assert moved(parts, pinned=pinned) == {}
    assert set(_drift.STAGES) <= set(pinned)
    assert len(pinned['query vectors']) == 3
    assert len(pinned['passage vectors']) == 6 + len(_fingerprint.TEXTS)
    assert len(json.dumps(pinned)) < 40_000


def test_another_vocabulary_is_named_as_tokens(parts):
    pinned = fingerprint(parts)
    file = parts['encoder'] / 'tokenizer.json'
    file.write_text(
        file.read_text().replace('"lobster"', '"~"').replace('"roll"', '"lobster"').replace('"~"', '"roll"')
    )
    vocabulary = parts['encoder'] / 'vocab.txt'
    if vocabulary.exists():
        vocabulary.write_text(vocabulary.read_text().replace('lobster\nroll', 'roll\nlobster'))
    found = moved(parts, pinned=pinned)
    assert next(iter(found)) == 'tokens'
    assert found['tokens'] == "2 of 12 fixed texts, first 'query: what is a lobster roll'"


def test_other_weights_are_named_as_query_vectors(parts, other_students):
    pinned = fingerprint(parts)
    found = moved({**parts, 'encoder': other_students / 'tct_colbert-weights'}, pinned=pinned)
    assert next(iter(found)) == 'query vectors'
    assert found['query vectors'].startswith('3 of 3 sampled vectors differ, relatively by up to ')


def test_passages_encoded_otherwise_are_named(parts):
    """The encoder is the same: only what the encode command made of the passages is not."""
    pinned = fingerprint(parts)
    shard = parts['store'] / '00000.npy'
    np.save(shard, np.load(shard) * np.float32(1.25))
    found = moved(parts, pinned=pinned)
    assert list(found) == ['passage vectors']
    assert found['passage vectors'].startswith('6 of 12 sampled vectors differ, relatively by up to 0.25, most ')


def test_another_index_is_named(parts):
    import faiss

    pinned = fingerprint(parts)
    file = str(parts['index'] / 'index')
    index = faiss.read_index(file)
    described = manifest_path(parts['index'])  # as an older release wrote it, without the size of the file
    content = json.loads(described.read_text())
    del content['index_bytes']
    described.write_text(json.dumps(content))
    vectors = index.reconstruct_n(0, index.ntotal)
    hnsw = faiss.IndexHNSWFlat(index.d, 4, faiss.METRIC_INNER_PRODUCT)
    hnsw.add(vectors)
    faiss.write_index(hnsw, file)
    assert moved(parts, pinned=pinned)['index'] == 'dense 1: type IndexHNSWFlat (was IndexFlatIP)'
    index.reset()
    index.add(vectors[:5])
    faiss.write_index(index, file)
    docid = parts['index'] / 'docid'
    docid.write_text(''.join(f'd{i}\n' for i in range(1, 6)))
    found = moved(parts, pinned=pinned)
    assert next(iter(found)) == 'index'
    assert found['index'] == (
        'dense 1: passages 5 (was 6), dense 1: other docids, '
        "dense 1: 1 of 6 sampled vectors are gone or have another dimension, first 'd6'"
    )


def test_another_search_is_named_as_top_k(parts):
    """Guards against a search that lost a document although encoder and index are as they were."""
    pinned = fingerprint(parts)
    found = moved(parts, pinned=pinned, change=lambda run: run['8'].pop(max(run['8'], key=run['8'].get)))
    moves = [_drift.Move(*one) for one in found.items()]
    assert 'same before it: tokens, query vectors, passage vectors, index;' in _drift.sentence(
        moves, _drift.looked_at(pinned, pinned), []
    )
    assert next(iter(found)) == 'top-k'
    assert found['top-k'] == 'the top 10 of 1 of 3 queries looked at, first 8; mean overlap 0.944'  # (1 + 5/6 + 1) / 3


def test_below_the_top_only_the_documents_count():
    def seen(deep):
        run = {'1': {**{f'd{i}': 100.0 - i for i in range(10)}, deep: 1.0}}
        return _drift.of_run(run, evaluate({'1': {'d0': 1}}, run, ['RR@10']))

    (move,) = _drift.moves(seen('x'), seen('y'))
    assert move == ('top-k', 'other documents below rank 10')


def test_queries_that_are_not_sampled_count_too():
    """Guards against `no stage moved` where one query of thousands did."""

    def seen(last):
        run = {f'{i:03}': {'a': 2.0, 'b': 1.0} for i in range(99)} | {'099': last}
        return _drift.of_run(run, evaluate({qid: {'a': 1} for qid in run}, run, ['RR@10']))

    pinned = seen({'a': 2.0, 'b': 1.0})
    assert len(pinned['top-k']) == _drift.QUERIES + 1
    assert _drift.moves(pinned, seen({'b': 2.0, 'a': 1.0})) == [
        ('top-k', 'the top 10 of queries other than the 50 looked at'),
        ('metric', 'RR@10 0.9950 (was 1.0000)'),
    ]


def test_other_judgments_are_named_as_metric(parts):
    """RR@10 of a query falls to that of another document of the same list."""
    pinned = fingerprint(parts)
    found = moved(parts, pinned=pinned, qrels={**QRELS, '8': {'none': 1}})
    assert list(found) == ['metric']
    before = pinned['metric']['RR@10']
    mean = before['*'] - before['8'] / 3
    assert found['metric'] == (
        f'RR@10 {mean:.4f} (was {before["*"]:.4f}), most of query 8: 0.0000 (was {before["8"]:.4f})'
    )


def test_vectors_of_another_machine_are_the_same():
    vector = [5.0, 3.0, 4.0]
    near = {'1': [value * (1 + 5e-4) for value in vector]}
    far = {'1': [value * (1 + 5e-3) for value in vector]}
    assert _drift.moves({'query vectors': {'1': vector}}, {'query vectors': near}) == []
    assert _drift.moves({'query vectors': {'1': vector}}, {'query vectors': far})[0].amount == (
        "1 of 1 sampled vectors differ, relatively by up to 0.005, most '1'"
    )


def test_bm25_is_looked_at_as_well():
    before = {
        'index': {'sparse 1': {'documents': '600', 'unique_terms': '5000'}},
        'tokens': {'analysed: a': ['a', 'b']},
    }
    after = {'index': {'sparse 1': {'documents': '600', 'unique_terms': '5001'}}, 'tokens': {'analysed: a': ['a']}}
    assert [move.stage for move in _drift.moves(before, after)] == ['tokens', 'index']
    assert _drift.moves(before, after)[1].amount == 'sparse 1: unique_terms 5001 (was 5000)'


def test_a_lucene_index_is_counted(corpus, topics, tmp_path):
    """In processes of their own, as a regression does it, since a JVM starts."""
    command('pyserini_tct.index.lucene', '--corpus', corpus, '--index', tmp_path / 'bm25').check_returncode()
    words = ['python', '-m', 'pyserini_tct.search.lucene', '--index', str(tmp_path / 'bm25')]
    request = write(tmp_path / 'request.json', json.dumps({'commands': [words], 'topics': str(topics), 'known': None}))
    done = command('pyserini_tct.regress._fingerprint', request, tmp_path / 'found.json')
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / 'found.json').read_text())
    counts = found['index']['sparse 1']
    assert counts['documents'] == 6
    assert 0 < counts['unique_terms'] <= counts['total_terms']
    assert found['tokens']['analysed: what is a lobster roll'] == ['what', 'lobster', 'roll']
    assert found['query vectors'] == {}


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ('python -m pyserini_tct.search.lucene --index i', {'sparse': ['i']}),
        (
            'python -m pyserini_tct run --stock pyserini.search.faiss --index i --encoder e',
            {'dense': ['i'], 'encoder': ['e']},
        ),
        (
            'python -m pyserini_tct.search.hybrid dense --index d --encoder e sparse --index s fusion --alpha 1 run',
            {'dense': ['d'], 'sparse': ['s'], 'encoder': ['e']},
        ),
        (
            'python -m pyserini_tct.encode input --corpus c output --embeddings v encoder --encoder e',
            {'store': ['v'], 'encoder': ['e']},
        ),
        ('python -m pyserini_tct.index.lucene --corpus c --index i', {}),  # no search: it is looked at where it is used
    ],
)
def test_what_commands_work_with(words, expected):
    empty = {'encoder': [], 'store': [], 'dense': [], 'sparse': []}
    assert _fingerprint.parts_of([words.split()]) == {**empty, **expected}
