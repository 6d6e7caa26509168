# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a comparison without models: which systems, what was made before, how a query is timed."""

import itertools

import numpy as np
import pytest
from conftest import refusal

from pyserini_tct import _plots
from pyserini_tct._stages import index_bytes
from pyserini_tct.compare import _collection, _latency, _ledger, _plan, _report


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


def test_index_bytes_are_without_texts(tmp_path):
    """Neither the texts beside vectors nor Lucene's stored fields: a search needs neither."""
    for name, size in (('index', 7), ('docid', 5), ('texts.jsonl', 100), ('texts.offsets', 100), ('_0.doc', 3)):
        (tmp_path / name).write_bytes(b'x' * size)
    for name in ('_0.fdt', '_0.fdx', '_0.fdm'):
        (tmp_path / name).write_bytes(b'x' * 100)
    assert index_bytes(tmp_path) == 15


def test_what_is_counted_is_told():
    """Guards against queries that fall out of a mean without a word."""
    rows = [{'display': 'BM25', 'missing': 2}, {'display': 'student', 'missing': 0}]
    found = {'unjudged': 3, 'not_asked': 0, 'irrelevant': 1, 'systems': rows}
    assert _report._counts(found) == [
        '3 topics without judgments are ignored.',
        '1 queries without a relevant passage count as 0.',
        'Judged queries without a hit, counted as 0: 2 (BM25).',
    ]


def test_numbers_of_close_points_do_not_cover_each_other():
    """Ten systems at one place: each number stands apart from all others."""
    taken = []
    for _ in range(10):
        _plots._free_place(np.array([50.0, 50.0]), taken)
    gaps = [np.hypot(*(one - other)) for one, other in itertools.combinations(taken, 2)]
    assert min(gaps) > _plots.WIDTH
