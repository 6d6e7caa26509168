# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion equals Pyserini's, whose classes are read from the installed package, and ranx's where that is installed.

ranx brings 250 MB (numba) and is no requirement of the tests, so each rule is computed here a second time, plainly.
"""

import ast
import importlib.util
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyserini_tct.fusion import fuse, interpolate
from pyserini_tct.search.hybrid import HybridSearcher


def runs(seed: int, count: int = 2) -> list[dict]:
    """Runs of five queries without equal scores; the last query is in the first run only."""
    chance, made = random.Random(seed), []
    for number in range(count):
        run = {}
        for qid in map(str, range(5 if number == 0 else 4)):
            docids = chance.sample([f'd{i}' for i in range(120)], chance.randint(1, 60))
            levels = sorted((chance.uniform(-5, 80) for _ in docids), reverse=True)
            run[qid] = dict(zip(docids, levels, strict=True))
        made.append(run)
    return made


def same(mine: dict, theirs: dict) -> None:
    """Both runs have the same scores, and the same order but for equal ones."""
    assert mine.keys() == theirs.keys()
    for qid, found in mine.items():
        assert found == pytest.approx(theirs[qid], abs=1e-9)
        assert list(found) == sorted(found, key=lambda docid: (-round(theirs[qid][docid], 12), docid))


def trec_run(run: dict):
    """A run in Pyserini's form."""
    from pyserini.trectools import TrecRun

    rows = [
        (qid, 'Q0', docid, rank, score, 'x')
        for qid, found in run.items()
        for rank, (docid, score) in enumerate(found.items(), 1)
    ]
    return TrecRun.from_list(rows)


def as_run(found) -> dict:
    """A run of Pyserini's in ours."""
    fused: dict = {}
    for row in found.run_data.itertuples():
        fused.setdefault(row.topic, {})[row.docid] = row.score
    return fused


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('depth', [None, 7])
def test_equals_pyserini_fusion(seed, depth):
    stock = pytest.importorskip('pyserini.fusion')
    two, three = runs(seed), runs(seed + 10, 3)
    same(fuse(three, 'rrf', None, depth), as_run(stock.reciprocal_rank_fusion(list(map(trec_run, three)), depth=depth)))
    same(
        fuse(two, 'interpolation', None, depth, weights=(0.3, 0.7)),
        as_run(stock.interpolation(list(map(trec_run, two)), 0.3, depth)),
    )
    same(
        fuse(three, 'interpolation', None, depth, weights=(1 / 3,) * 3),
        as_run(stock.average(list(map(trec_run, three)), depth)),
    )
    same(
        fuse(three, 'combsum', None, depth, normalization='min-max'),
        as_run(stock.normalize(list(map(trec_run, three)), depth)),
    )


@pytest.fixture(scope='module')
def stock_hybrid():
    """Pyserini's HybridSearcher without its module, whose imports take ten seconds and a JVM."""
    spec = importlib.util.find_spec('pyserini')
    if spec is None:
        pytest.skip('Pyserini is not installed')
    tree = ast.parse(Path(spec.submodule_search_locations[0], 'search/hybrid/_searcher.py').read_text())
    (node,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == 'HybridSearcher']
    names = {
        'List': list,
        'Dict': dict,
        'DenseSearchResult': lambda docid, score: SimpleNamespace(docid=docid, score=score),
    }
    exec(compile(ast.Module([node], []), 'HybridSearcher', 'exec'), names)
    return names['HybridSearcher']


class Side:
    """A searcher with fixed lists."""

    def __init__(self, run):
        self.run = {
            qid: [SimpleNamespace(docid=docid, score=score) for docid, score in found.items()]
            for qid, found in run.items()
        }

    def search(self, query, k):
        return self.run[query][:k]

    def batch_search(self, queries, q_ids, k, threads):
        return {qid: self.run[qid][:k] for qid in q_ids}


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('normalization', [False, True])
@pytest.mark.parametrize('weight_on_dense', [False, True])
def test_equals_stock_hybrid_searcher(stock_hybrid, seed, normalization, weight_on_dense):
    """Scores to 1e-6, and hits in the order of the scores: stock leaves equal ones to a hash."""
    sides = [Side({qid: found for qid, found in run.items() if qid != '4'}) for run in runs(seed + 20)]
    qids = [qid for qid in map(str, range(4)) if min(len(side.run[qid]) for side in sides) > 1]  # stock divides by 0
    options = (40, 30, 0.37, normalization, weight_on_dense)
    ours, theirs = HybridSearcher(*sides), stock_hybrid(*sides)
    batch = ours.batch_search(qids, qids, *options[:2], 2, *options[2:])
    for qid in qids:
        mine, expected = ours.search(qid, *options), theirs.search(qid, *options)
        assert batch[qid] == mine
        assert [hit.score for hit in mine] == pytest.approx([hit.score for hit in expected], abs=1e-6)
        of_stock = {hit.docid: hit.score for hit in expected}
        shared = {hit.docid: hit.score for hit in mine if hit.docid in of_stock}
        assert shared == pytest.approx({docid: of_stock[docid] for docid in shared}, abs=1e-6)


def plain(lists, method, normalization, missing, weights, rrf_k=60):
    """The same fusion, written out score by score."""

    def normalised(found):
        low, high, count = min(found.values()), max(found.values()), len(found)
        mean = sum(found.values()) / count
        spread = (sum((score - mean) ** 2 for score in found.values()) / count) ** 0.5
        formula = {
            'none': lambda score: score,
            'min-max': lambda score: (score - low) / (high - low) if high > low else 1,
            'centred': lambda score: (score - low) / (high - low) - 0.5 if high > low else 0,
            'z-score': lambda score: (score - mean) / spread if high > low else 0,
        }[normalization]
        return {docid: formula(score) for docid, score in found.items()}

    fused = {}
    for docid in {docid for found in lists for docid in found}:
        total, held = 0, 0
        for found, weight in zip(lists, weights, strict=True):
            if method == 'rrf':
                ranks = sorted(found, key=lambda docid: (-found[docid], docid))
                total += 1 / (rrf_k + ranks.index(docid) + 1) if docid in found else 0
                continue
            values = normalised(found)
            held += docid in found
            total += weight * values.get(docid, min(values.values()) if missing == 'min' else 0)
        fused[docid] = total * held if method == 'combmnz' else total
    return fused


@pytest.mark.parametrize('normalization', ['none', 'min-max', 'centred', 'z-score'])
@pytest.mark.parametrize(
    ('method', 'missing'),
    [('interpolation', 'min'), ('interpolation', 'zero'), ('combsum', 'min'), ('combsum', 'zero'), ('combmnz', 'zero')],
)
def test_equals_a_plain_computation(method, missing, normalization):
    three = [{qid: run[qid] for qid in '0123'} for run in runs(30, 3)]
    weights = (0.5, 2.0, -0.1) if method == 'interpolation' else ()
    found = fuse(three, method, None, weights=weights, normalization=normalization, missing=missing)
    for qid in '0123':
        expected = plain([run[qid] for run in three], method, normalization, missing, weights or (1, 1, 1))
        assert found[qid] == pytest.approx(expected)
        rounded = [round(score, 6) for score in found[qid].values()]
        assert rounded == sorted(rounded, reverse=True)
    if method == 'combmnz':
        ranks = fuse(three, 'rrf', None)
        assert ranks['0'] == pytest.approx(plain([run['0'] for run in three], 'rrf', '', '', (1, 1, 1)))


def test_interpolate_is_the_rule_for_two_runs():
    dense, sparse = ({'q': run['0']} for run in runs(40))
    hits = interpolate(dense['q'], sparse['q'], 0.2)
    fused = fuse([dense, sparse], 'interpolation', None, weights=(1, 0.2), missing='min')
    assert fused['q'] == {hit.docid: hit.score for hit in hits}


@pytest.mark.parametrize(
    ('method', 'norm', 'ours'),
    [
        ('rrf', None, {'method': 'rrf'}),
        ('sum', 'min-max', {'method': 'combsum', 'normalization': 'min-max'}),
        ('sum', 'zmuv', {'method': 'combsum', 'normalization': 'z-score'}),
        ('mnz', None, {'method': 'combmnz'}),
        ('mnz', 'min-max', {'method': 'combmnz', 'normalization': 'min-max'}),
        ('mnz', 'zmuv', {'method': 'combmnz', 'normalization': 'z-score'}),
        ('wsum', 'min-max', {'method': 'interpolation', 'weights': (0.3, 0.7, 0.2), 'normalization': 'min-max'}),
    ],
)
def test_equals_ranx(method, norm, ours):
    """Where both define the same: ranx gives a list of equal scores 0 under min-max, we give 1, as Pyserini."""
    ranx = pytest.importorskip('ranx', reason='ranx is compared with where it is installed')
    three = [{qid: run[qid] for qid in '0123' if len(run[qid]) > 1} for run in runs(50, 3)]
    shared = set.intersection(*(set(run) for run in three))
    three = [{qid: run[qid] for qid in sorted(shared)} for run in three]
    params = {'weights': (0.3, 0.7, 0.2)} if method == 'wsum' else {'k': 60} if method == 'rrf' else {}
    theirs = ranx.fuse([ranx.Run(run) for run in three], norm=norm, method=method, params=params or None).to_dict()
    mine = fuse(three, k=None, **ours)
    for qid, found in mine.items():
        assert found == pytest.approx(theirs[qid], abs=1e-9)
