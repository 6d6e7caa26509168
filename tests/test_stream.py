# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of streamed triples: the order, what is masked, and that memory does not grow with the file."""

import dataclasses
import gzip
import tracemalloc

import numpy as np
import pytest
from tiny_triples import IDS, PASSAGES, TRIPLES, write_ids, write_tsv
from training import same_weights, weights_of

from pyserini_tct.train import TrainConfig, _loop, _stream, train
from pyserini_tct.train._data import load_data
from pyserini_tct.train._stream import shuffled, triple_at

LINES = [(f'query {i}', f'good {i}', f'bad {i}') for i in range(50)]


def load(path, **options):
    partial = path.with_name(f'{path.name}.partial')
    partial.mkdir(exist_ok=True)
    return load_data(TrainConfig('student', 'tct_colbert-x', 'b', path, **options), partial)


def packed(path, triples):
    """Write triples as ``.gz``."""
    path.write_bytes(gzip.compress(write_tsv(path.with_name('unpacked'), triples).read_bytes()))
    return path


@pytest.mark.parametrize('size', [1, 2, 3, 5, 16, 17, 50, 1000])
def test_a_permutation_needs_no_memory(size):
    """Each place once; another key gives another order; nothing stays where it was more often than by chance."""
    orders = [[shuffled(place, size, key) for place in range(size)] for key in ('a', 'b')]
    assert all(sorted(order) == list(range(size)) for order in orders)
    if size > 3:
        assert orders[0] != orders[1]
    if size >= 50:  # a random permutation has one fixed point on average
        assert sum(place == found for place, found in enumerate(orders[0])) < 8
        neighbours = np.corrcoef(orders[0][:-1], orders[0][1:])[0, 1]
        assert abs(neighbours) < 0.35


def test_batches_follow_the_order_of_the_lines_in_memory(tmp_path):
    """The contract: position p of a run is line triple_at(p), wherever and however the lines are kept."""
    data = load(write_tsv(tmp_path / 't', LINES))
    for step in (0, 3, 7, 20):
        places = [triple_at(position, 50, 50, 5) for position in range(8 * step, 8 * step + 8)]
        batch = data.batch_at(step, 8, seed=5)
        assert batch.queries == [LINES[place][0] for place in places]
        assert [passage.text for passage in batch.passages] == [LINES[p][k] for k in (1, 2) for p in places]
        assert [[j for j in range(16) if row[j]] for row in batch.own] == [[i, i + 8] for i in range(8)]


def test_an_epoch_sees_every_triple_once_and_the_next_in_another_order(tmp_path):
    data = load(write_tsv(tmp_path / 't', LINES))
    epochs = [[data.batch_at(step, 1, seed=3).queries[0] for step in range(50 * e, 50 * e + 50)] for e in range(3)]
    assert all(sorted(epoch) == sorted(query for query, _, _ in LINES) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_texts_ids_and_packed_texts_are_the_same_batches(tmp_path):
    """Below one window; the seed matters, and so does nothing else."""
    ids = write_ids(tmp_path)
    sources = [load(write_tsv(tmp_path / 't')), load(packed(tmp_path / 't.gz', TRIPLES)), load(**_path(ids))]
    for step in range(5):
        batches = [data.batch_at(step, 3, seed=1) for data in sources]
        for batch in batches[1:]:
            assert batch.queries == batches[0].queries
            assert [p.text for p in batch.passages] == [p.text for p in batches[0].passages]
            assert (batch.own == batches[0].own).all()
            assert (batch.excluded == batches[0].excluded).all()
        rows = batches[2]
        assert [PASSAGES[row] for row in rows.passage_rows] == [p.text for p in rows.passages]
        assert [TRIPLES[row][0] for row in rows.query_rows] == rows.queries
        assert batches[0].query_rows == batches[0].passage_rows == []
    assert any(sources[0].batch_at(s, 3, 1).queries != sources[0].batch_at(s, 3, 2).queries for s in range(5))


def _path(ids):
    return {'path': ids['triples'], 'corpus': ids['corpus'], 'queries': ids['queries']}


def test_a_packed_file_is_shuffled_window_by_window(tmp_path, monkeypatch):
    """In order, over epochs, and from the middle: a resumed run skips forward to the same triples."""
    monkeypatch.setattr(_stream, 'WINDOW', 16)
    path = packed(tmp_path / 't.gz', LINES)
    data = load(path)
    seen = [query for step in range(30) for query in data.batch_at(step, 5, seed=2).queries]
    names = [query for query, _, _ in LINES]
    for epoch in range(3):
        for first in (0, 16, 32, 48):
            window = seen[50 * epoch + first : min(50 * epoch + first + 16, 50 * (epoch + 1))]
            assert sorted(window) == sorted(names[first : first + 16])
    assert seen[:16] != names[:16]
    assert seen[:50] != seen[50:100]
    for step in (29, 7, 0, 13):
        assert load(path).batch_at(step, 5, seed=2).queries == data.batch_at(step, 5, seed=2).queries
        assert data.batch_at(step, 5, seed=2).queries == seen[5 * step : 5 * step + 5]


def test_known_positives_are_masked_by_text_within_the_batch(tmp_path):
    """`good` is a positive of q on another line, and stands as q's own negative on a third."""
    triples = [('q', 'good', 'bad'), ('q', 'fine', 'good'), ('r', 'good', 'fine')]
    batch = load(write_tsv(tmp_path / 't', triples)).batch_at(0, 3, seed=0)
    positives = {'q': {'good', 'fine'}, 'r': {'good'}}
    for i, query in enumerate(batch.queries):
        for j, passage in enumerate(batch.passages):
            assert batch.excluded[i, j] == (passage.text in positives[query] and i != j), (i, j)
    alone = load(write_tsv(tmp_path / 't2', [('q', 'good', 'bad'), ('r', 'fine', 'bad')])).batch_at(0, 2, seed=0)
    assert not alone.excluded.any()


def test_judgments_mask_relevant_passages_of_id_triples(tmp_path):
    ids = write_ids(tmp_path)
    relevant = ('q0', IDS[1][1])  # the positive of q1 is relevant for q0 as well, which the triples do not say
    (tmp_path / 'qrels').write_text(f'{relevant[0]} 0 {relevant[1]} 1\nq0 0 {IDS[2][1]} 0\n')
    batch = load(**_path(ids), qrels=tmp_path / 'qrels').batch_at(0, 4, seed=0)
    own = {name: [j for j in range(8) if batch.own[i, j]] for i, name in enumerate(batch.names)}
    found = {(batch.names[i], batch.passages[j].docid) for i, j in zip(*np.nonzero(batch.excluded), strict=True)}
    assert relevant in found
    assert ('q0', IDS[2][1]) not in found
    assert own['q0'][0] == batch.names.index('q0')


def test_memory_does_not_grow_with_the_file(tmp_path):
    """An order, a list of offsets or a table of known texts held in memory would show: 40 times the lines."""
    peaks = []
    for count in (500, 20_000):
        path = write_tsv(
            tmp_path / f't{count}', [(f'query {i}', f'good {i}' * 9, f'bad {i}' * 9) for i in range(count)]
        )
        tracemalloc.start()
        data = load(path)
        for step in range(20):
            data.batch_at(step, 16, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0], peaks


def test_training_on_a_packed_file_goes_on_to_the_weights_of_the_plain_one(config, triples, tmp_path, monkeypatch):
    train(config)
    other = dataclasses.replace(
        config, triples=packed(tmp_path / 't.gz', TRIPLES), output=config.output.with_name('tct_colbert-gz')
    )
    original, calls = _loop.objective, []

    def objective(*words):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*words)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_loop, 'objective', objective)
        train(other)
    index = other.output.with_name('tct_colbert-gz.partial') / 'triples.index'
    assert index.stat().st_size == 8 * len(TRIPLES)
    train(other)
    assert same_weights(weights_of(config.output), weights_of(other.output))
