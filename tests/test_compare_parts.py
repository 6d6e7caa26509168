# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a comparison without models: which systems, what was made before, how a query is timed."""

import pytest
from conftest import refusal

from pyserini_tct.compare import _collection, _latency, _ledger, _plan


def test_what_is_left_out_says_what_it_needs():
    systems, left_out = _plan.select(None, {'student', 'alpha'})
    assert systems == ['bm25', 'dense', 'dense-hnsw', 'hybrid']
    assert left_out['hybrid-doc2query'] == 'expansions.jsonl in the collection, or --predictions FILE'
    assert left_out['bm25-cross'] == '--cross PATH'


def test_names_of_ir_datasets():
    found = _collection.open_collection('irds:beir/scifact')
    assert (found.corpus, found.topics('test'), found.predictions) == (
        'irds:beir/scifact',
        'irds:beir/scifact/test',
        None,
    )
    assert found.qrels('test') == found.topics('test')
    assert found.topics('all') == found.corpus


def test_the_record_of_a_killed_step_is_not_that_of_a_finished_one(tmp_path):
    ledger, told = _ledger.Ledger(tmp_path / 'out'), []

    def killed(begun):
        told.append(begun)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            _ledger.Ledger(tmp_path / 'out').keep('vectors', 'k', killed)
    assert told == [False, True]
    ledger = _ledger.Ledger(tmp_path / 'out')
    assert ledger.keep('vectors', 'k', lambda begun: {'seconds': 1.0}) == {'key': 'k', 'seconds': 1.0}
    assert _ledger.Ledger(tmp_path / 'out').keep('vectors', 'k', killed)['seconds'] == 1.0
    assert _ledger.Ledger(tmp_path / 'out', overwrite=True).made == {}
    assert refusal(_ledger.Ledger, tmp_path).endswith('no earlier comparison: choose another --output')


def test_latency_is_of_the_queries_after_the_warm_up(monkeypatch):
    """A clock that moves a second with each look: the stages are 1 s each, the whole takes their looks too."""
    asked, now = [], iter(range(1000))
    monkeypatch.setattr(_latency.time, 'perf_counter', lambda: next(now))

    def search(query, clock):
        asked.append(query)
        for name in ('search', 'encode query', 'search'):
            with clock.stage(name):
                pass

    queries = [f'q{i}' for i in range(7)]
    found = _latency.measure(search, queries)
    assert asked == [*queries[:5], *queries]
    assert found == {
        'queries': 7, 'warm_up': 5, 'mean': 7000.0, 'p50': 7000.0, 'p99': 7000.0,
        'stages': {'encode query': 1000.0, 'search': 2000.0},
    }  # fmt: skip
