# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The choice of alpha: the curve and the folds by hand, intervals and tests against another computation."""

import importlib
import json
import math
import random

import numpy as np
import pytest
from conftest import fails, refusal

import pyserini_tct.fusion
from pyserini_tct._errors import TctError
from pyserini_tct.eval import evaluate
from pyserini_tct.fusion import _statistics, _tuning, tune
from pyserini_tct.fusion import tune as tune_function
from pyserini_tct.fusion.__main__ import main as fuse_main
from pyserini_tct.fusion._alpha import read_alpha
from pyserini_tct.runs import read_run, write_run

DENSE = {'1': {'a': 3.0, 'b': 2.0}, '2': {'c': 2.0, 'd': 1.0}}
SPARSE = {'1': {'b': 4.0, 'a': 1.0}, '2': {'d': 1.5, 'c': 1.0}}
QRELS = {'1': {'b': 1}, '2': {'c': 1}}


def many(seed=0, count=30):
    """Runs and judgments of many queries, each side right about others."""
    chance, made = random.Random(seed), ({}, {}, {})
    for qid in map(str, range(count)):
        docids = [f'd{i}' for i in range(12)]
        made[0][qid] = {docid: chance.gauss(70, 3) for docid in chance.sample(docids, 8)}
        made[1][qid] = {docid: chance.gauss(10, 3) for docid in chance.sample(docids, 8)}
        best = max(docids, key=lambda d: made[0][qid].get(d, 65) + made[1][qid].get(d, 5) + chance.gauss(0, 4))
        made[2][qid] = {best: 1}
    return made


def test_the_curve_by_hand():
    """Query 1 needs 2 + 4 x > 3 + x, x > 1/3; query 2 needs 2 + x > 1 + 1.5 x, x < 2: only .5 and 1 serve both."""
    found = tune(DENSE, SPARSE, QRELS, 'RR@10', [0.0, 0.25, 0.5, 1.0, 3.0])
    assert found['curve'] == [(0.0, 0.75), (0.25, 0.75), (0.5, 1.0), (1.0, 1.0), (3.0, 0.75)]
    assert (found['alpha'], found['measure'], found['grid']) == (0.5, 'RR@10', [0.0, 0.25, 0.5, 1.0, 3.0])


def test_the_score_is_of_queries_that_had_no_part_in_the_choice():
    """Query 1 alone takes .5, which serves query 2; query 2 alone takes 0, which gives query 1 one half."""
    found = tune(DENSE, SPARSE, QRELS, 'RR@10', [0.0, 0.25, 0.5, 1.0, 3.0])
    assert found['score'] == 0.75
    assert sorted((fold['alpha'], fold['score'], fold['queries']) for fold in found['folds']) == [
        (0.0, 0.5, 1), (0.5, 1.0, 1)]  # fmt: skip


def test_folds_never_see_the_query_that_they_score():
    """With one query a fold, each held-out value is of the alpha that is best without it."""
    dense, sparse, qrels = many()
    found = tune(dense, sparse, qrels, 'RR@10', [0.0, 0.3, 0.6, 1.0], folds=30)
    assert [fold['queries'] for fold in found['folds']] == [1] * 30
    total = 0.0
    for qid in qrels:
        rest = {other: grades for other, grades in qrels.items() if other != qid}
        alpha = tune(dense, sparse, rest, 'RR@10', [0.0, 0.3, 0.6, 1.0])['alpha']
        total += dict(tune(dense, sparse, {qid: qrels[qid]}, 'RR@10', [0.0, 0.3, 0.6, 1.0])['curve'])[alpha]
    assert found['score'] == pytest.approx(total / 30)


def test_folds_are_even_and_every_query_is_in_one():
    fold = _statistics.fold_of(11, 4, 3)
    assert sorted(np.bincount(fold).tolist()) == [2, 3, 3, 3]
    assert (fold != _statistics.fold_of(11, 4, 4)).any()


def test_the_curve_is_what_fusing_and_evaluating_files_gives(tmp_path):
    """Else an alpha would be chosen on another order than the one that the fused run has."""
    dense, sparse, qrels = many(3)
    for name, run in (('d', dense), ('s', sparse)):
        write_run(tmp_path / name, run)
    found = tune(read_run(tmp_path / 'd'), read_run(tmp_path / 's'), qrels, 'nDCG@5', [0.0, 0.2, 0.7])
    words = ['--dense', tmp_path / 'd', '--sparse', tmp_path / 's', '--output', tmp_path / 'out', '--overwrite']
    for alpha, mean in found['curve']:
        fuse_main([*map(str, words), '--alpha', str(alpha)])
        assert evaluate(qrels, read_run(tmp_path / 'out'), ['nDCG@5']).mean['nDCG@5'] == pytest.approx(mean)


def test_band_and_intervals_are_of_the_bootstrap():
    """Another bootstrap, one query after the other, gives nearly the same limits; the same seed gives the same ones."""
    dense, sparse, qrels = many()
    found = tune(dense, sparse, qrels, 'RR@10', [0.0, 0.5, 1.0], samples=2000, seed=5)
    assert found == tune(dense, sparse, qrels, 'RR@10', [0.0, 0.5, 1.0], samples=2000, seed=5)
    values = np.array([
        [dict(tune(dense, sparse, {qid: qrels[qid]}, 'RR@10', [0.0, 0.5, 1.0])['curve'])[alpha] for qid in qrels]
        for alpha in (0.0, 0.5, 1.0)
    ])  # fmt: skip
    chance, means = random.Random(1), []
    for _ in range(2000):
        means.append(values[:, chance.choices(range(30), k=30)].mean(axis=1))
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    assert np.array(found['band']) == pytest.approx(np.stack([low, high], axis=1), abs=0.03)
    choices = np.array([0.0, 0.5, 1.0])[np.argmax(np.round(means, 6), axis=1)]
    assert found['alpha_interval'] == np.percentile(choices, [2.5, 97.5], method='nearest').tolist()
    assert found['score_interval'][0] < found['score'] < found['score_interval'][1]


def test_paired_tests_by_hand():
    """The differences are the hybrid's minus the side's, and so are wins and losses."""
    mine = np.array([1.0, 0.5, 1.0, 0.2])
    found = _tuning._against(mine, {'a': np.array([0.0, 0.5, 0.0, 0.2]), 'b': mine.copy()})
    # Gains 1 0 1 0: mean .5, deviation sqrt(1/3), t = .5 / sqrt(1/12) = sqrt 3; with 3 degrees p = .1817, Holm: 2 p.
    assert found['a'] == pytest.approx(
        {'score': 0.175, 'difference': 0.5, 'wins': 2, 'ties': 2, 'losses': 0, 'p': 2 * 0.181690}, abs=1e-5
    )
    assert (found['b']['difference'], found['b']['p']) == (0.0, 1.0)


def test_sides_alone_and_counts():
    dense, sparse, qrels = many()
    del dense['3']
    del sparse['4'], sparse['5']
    qrels['unknown'] = {'d1': 1}
    dense['other'] = {'d1': 1.0}
    qrels['6'] = dict.fromkeys(qrels['6'], 0)
    found = tune(dense, sparse, qrels, 'RR@10')
    assert found['queries'] == {
        'judged': 31, 'not_in_dense': 2, 'not_in_sparse': 3, 'not_judged': 1, 'irrelevant': 1
    }  # fmt: skip
    assert found['sides']['dense']['score'] == pytest.approx(evaluate(qrels, dense, ['RR@10']).mean['RR@10'])
    assert found['curve'][0][1] == pytest.approx(found['sides']['dense']['score'], abs=0.05)  # query 3 has sparse hits
    assert found['sides']['sparse']['difference'] == pytest.approx(found['score'] - found['sides']['sparse']['score'])


def test_one_query_has_a_curve_and_no_held_out_score():
    found = tune(DENSE, SPARSE, {'1': {'b': 1}}, 'RR@10', [0.0, 1.0])
    assert (found['alpha'], found['score'], found['folds']) == (1.0, None, [])
    assert found['sides'] == {'dense': {'score': 0.5}, 'sparse': {'score': 1.0}}


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'grid': []}, 'is empty'),
        ({'grid': [0.1, math.inf]}, 'holds what is no alpha'),
        ({'grid': [-0.1, 0.5]}, 'holds what is no alpha'),
        ({'folds': 1}, 'choose from 2 to'),
        ({'folds': 3}, '3 folds of 2 judged queries'),
        ({'samples': 0}, 'at least one is needed'),
        ({'measure': 'RR@'}, 'malformed'),
        ({'qrels': {'9': {'a': 1}}}, 'share no query id'),
    ],
)
def test_what_cannot_be_tuned_is_refused(options, words):
    assert words in refusal(tune, **{'dense': DENSE, 'sparse': SPARSE, 'qrels': QRELS, **options})


def test_alpha_from_a_file(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps({'alpha': 0.25}))
    (tmp_path / 'b.json').write_text('{}')
    assert (read_alpha(f'@{tmp_path}/a.json'), read_alpha('0.5')) == (0.25, 0.5)
    (tmp_path / 'c.json').write_text(json.dumps({'alpha': 0.25, 'normalization': True}))
    assert read_alpha(f'@{tmp_path}/c.json', normalization='centred') == 0.25
    with pytest.raises(TctError, match='was tuned with --normalization centred'):
        read_alpha(f'@{tmp_path}/c.json', normalization=False)
    (tmp_path / 'd.json').write_text(json.dumps({'alpha': 0.25, 'weight_on_dense': True}))
    with pytest.raises(TctError, match='was tuned with --weight-on-dense'):
        read_alpha(f'@{tmp_path}/d.json')
    for text in (f'@{tmp_path}/b.json', f'@{tmp_path}/none', 'x', 'nan', '1e300', '-0.1'):
        with pytest.raises(TctError):
            read_alpha(text)


def test_the_function_outlives_the_import_of_the_command():
    """The command is a module of the same name, and importing it puts it in the function's place."""
    importlib.import_module('pyserini_tct.fusion.tune')
    assert pyserini_tct.fusion.tune(DENSE, SPARSE, QRELS)['alpha'] == tune_function(DENSE, SPARSE, QRELS)['alpha']


@pytest.fixture
def files(tmp_path):
    dense, sparse, qrels = many()
    write_run(tmp_path / 'd', dense)
    write_run(tmp_path / 's', sparse)
    lines = (f'{qid} 0 {docid} {grade}\n' for qid, grades in qrels.items() for docid, grade in grades.items())
    (tmp_path / 'qrels').write_text(''.join(lines))
    return ['--dense', tmp_path / 'd', '--sparse', tmp_path / 's', '--qrels', tmp_path / 'qrels']


def test_the_command(files, tmp_path, capsys):
    main = importlib.import_module('pyserini_tct.fusion.tune').main
    pytest.importorskip('matplotlib', reason='the extra `plot` brings it')
    words = [*map(str, files), '--grid', '0', '0.5', '1', '--folds', '3', '--samples', '50', '--measure', 'nDCG@5']
    main([*words, '--output', str(tmp_path / 'a.json'), '--plot', str(tmp_path / 'a.svg')])
    found = json.loads((tmp_path / 'a.json').read_text())
    assert [entry['name'] for entry in found['inputs']] == ['d', 's', 'qrels']
    assert len(found['folds']) == 3
    printed = capsys.readouterr().out
    assert printed.count('<- best') == 1
    assert 'held out, 3 folds: nDCG@5' in printed
    assert printed.splitlines()[-1] == 'queries: 30 judged'
    svg = (tmp_path / 'a.svg').read_text()
    assert '<svg' in svg
    assert 'alpha (weight of the sparse scores)' in svg
    main([*words, '--output', str(tmp_path / 'b.json'), '--plot', str(tmp_path / 'b.svg')])
    assert (tmp_path / 'b.json').read_bytes() == (tmp_path / 'a.json').read_bytes()
    assert (tmp_path / 'b.svg').read_text() == svg
    assert read_alpha(f'@{tmp_path}/a.json') == found['alpha']
    (tmp_path / 's').write_text('0\tp0\t2\n0\tp1\t1\n')
    capsys.readouterr()
    main([*words, '--output', str(tmp_path / 'c.json')])
    assert capsys.readouterr().err.splitlines() == [
        f'note: 1 lists of {tmp_path}/s are not in order of their scores: ranks are those of the scores',
        f'note: {tmp_path}/s has ranks only (MS MARCO format): its scores are 1 / rank',
    ]
    (tmp_path / 's').write_text('z Q0 p0 1 2.0 x\n')
    assert 'sparse side: run and judgments share no query' in fails(
        main, *words, '--output', tmp_path / 'd.json', capsys=capsys
    )


def test_bad_flags_are_refused(files, tmp_path, capsys):
    main = importlib.import_module('pyserini_tct.fusion.tune').main
    out = ['--output', tmp_path / 'a.json']
    assert 'is no .svg file' in fails(main, *files, *out, '--plot', tmp_path / 'a.png', capsys=capsys)
    assert 'is negative' in fails(main, *files, *out, '--seed', '-1', capsys=capsys)
    assert '99 folds of 30' in fails(main, *files, *out, '--folds', '99', capsys=capsys)
    words = [*files, '--output', tmp_path / 'a.svg', '--plot', tmp_path / 'a.svg']
    assert 'the same file' in fails(main, *words, capsys=capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['d', 'qrels', 's']
