# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The ablation's grid, data, statistics and refusals, without any training."""

import math

import numpy as np
import pytest
from conftest import fails
from scipy import stats
from tiny_ablation import overlap, write_collection

from pyserini_tct.ablate import _data, _grid
from pyserini_tct.ablate.__main__ import main
from pyserini_tct.ablate._statistics import MEAN, compare, rows_of, spread
from pyserini_tct.collection import read_corpus
from pyserini_tct.runs import read_run
from pyserini_tct.topics import read_qrels, read_topics


def test_what_has_no_effect_is_run_once():
    """From the backbone: none + 2 couplings x 2 classes x 2 temperatures; from a teacher none starts in 2 ways."""
    chosen = _grid.choices('none,loose,tight', '1,2', 'backbone,teacher', 'colbert,cross', '2')
    cells = chosen.cells(full_maxsim=True)
    assert len(cells) == len({cell.name for cell in cells}) == 2 + 2 * (2 + 1 + 9 + 10)
    assert '5 of 24' in chosen.collapsed()
    names = [cell.name for cell in cells]
    assert sorted(name for name in names if name.startswith('none')) == [
        *('none-colbert-from_teacher-s0', 'none-colbert-from_teacher-s1', 'none-cross-from_teacher-s0'),
        *('none-cross-from_teacher-s1', 'none-from_backbone-s0', 'none-from_backbone-s1'),
    ]
    for cell in cells:
        assert cell.teacher is None or names.index(cell.teacher.name) < names.index(cell.name)
    tight = next(cell for cell in cells if cell.name == 'tight-t2-cross-from_teacher-s1')
    assert tight.baseline == 'none-cross-from_teacher'
    assert tight.teacher.name == 'teacher-cross-s1'


def test_no_teacher_is_trained_that_teaches_nothing():
    chosen = _grid.choices('none', '1', 'backbone', 'colbert,cross', '1')
    assert [cell.name for cell in chosen.cells(True)] == ['bm25', 'untrained', 'none-from_backbone-s0']


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.setattr(_data, '_bm25', overlap)
    return [write_collection(tmp_path / 'alpha'), write_collection(tmp_path / 'beta', packed=True)]


def test_joined_ids_name_their_collection(two, tmp_path):
    """The collections have the same ids: unprefixed, a passage of one would be relevant in the other."""
    found = _data.collections([str(folder) for folder in two], [])
    entries = _data.prepare(found, tmp_path / 'data', 0, 4, 5)
    data = tmp_path / 'data'
    ids = {passage.docid for passage in read_corpus(data / 'train.corpus.jsonl')}
    assert ids == {f'{name}/d{i}' for name in ('alpha', 'beta') for i in range(1, 7)}
    topics = read_topics(data / 'train.queries.tsv')
    assert topics['beta/007'] == 'slow ice'
    assert read_qrels(data / 'train.qrels.txt')['beta/8'] == {'beta/d2': 1}
    negatives = read_run(data / 'train.negatives.trec')
    assert negatives.keys() == topics.keys()
    for qid, scores in negatives.items():
        assert len(scores) == 4
        assert all(docid.split('/')[0] == qid.split('/')[0] for docid in scores)
    assert [(entry['name'], entry['queries'], entry['of'], entry['passages']) for entry in entries] == [
        ('alpha', 3, 3, 6),
        ('beta', 3, 3, 6),
    ]
    assert read_topics(data / 'beta.dev.queries.tsv').keys() == {'007', '8', '9'}


def test_a_sample_of_dev_queries_is_fixed_and_judged(two, tmp_path):
    kept = []
    for name in 'ab':
        entries = _data.prepare(_data.collections([str(two[0])], []), tmp_path / name, 2, 4, 5)
        assert (entries[0]['queries'], entries[0]['of']) == (2, 3)
        kept.append(read_topics(tmp_path / name / 'alpha.dev.queries.tsv'))
        assert read_qrels(tmp_path / name / 'alpha.dev.qrels.txt').keys() == kept[-1].keys()
    assert kept[0] == kept[1]


def made_up(row, seed, baseline, **per_query):
    """A cell's file as the report reads it; ``per_query`` has the values of each collection."""
    means = {name: {'RR': sum(values) / len(values)} for name, values in per_query.items()}
    by_query = {name: {'RR': {str(i): value for i, value in enumerate(values)}} for name, values in per_query.items()}
    kind = 'student' if row != 'bm25' else row
    return {'row': row, 'kind': kind, 'seed': seed, 'baseline': baseline, 'means': means, 'per_query': by_query}


def test_statistics_are_those_of_hand_and_scipy():
    """Seeds are averaged for each query before the test; treated as more queries they would shrink p."""
    chance = np.random.default_rng(1)
    values = {(row, seed): chance.random(8).tolist() for row in ('none', 'loose', 'tight') for seed in (0, 1)}
    cells = [made_up(row, seed, '' if row == 'none' else 'none', a=found) for (row, seed), found in values.items()]
    rows = rows_of([made_up('bm25', None, '', a=[0.5] * 8), *cells])
    assert [row.name for row in rows] == ['bm25', 'none', 'loose', 'tight']
    means = [np.mean(values['tight', seed]) for seed in (0, 1)]
    assert spread(rows[3], MEAN, 'RR', ['a']) == pytest.approx((np.mean(means), abs(means[0] - means[1]) / 2**0.5))
    assert spread(rows[0], 'a', 'RR', ['a']) == (0.5, None)
    found = compare(rows, 'a', 'RR', ['a'])
    assert found.keys() == {'loose', 'tight'}
    by_query = {row: np.mean([values[row, 0], values[row, 1]], axis=0) for row in ('none', 'loose', 'tight')}
    ps = {}
    for row in ('loose', 'tight'):
        expected = stats.ttest_rel(by_query[row], by_query['none'])
        ps[row] = expected.pvalue
        low, high = expected.confidence_interval(0.95)
        assert found[row][:4] == pytest.approx((by_query[row].mean() - by_query['none'].mean(), low, high, ps[row]))
        assert found[row][5:] == (8, 2)
    lower, higher = sorted(ps, key=lambda row: ps[row])
    assert found[lower].corrected == pytest.approx(min(1, 2 * ps[lower]))
    assert found[higher].corrected == pytest.approx(max(min(1, 2 * ps[lower]), ps[higher]))


def test_collections_count_alike_in_the_mean():
    """One query of a against four of b: the difference of the means is (1 + 0) / 2, not (1 + 0) / 5."""
    cells = [made_up('none', 0, '', a=[0.0], b=[0.5] * 4), made_up('tight', 0, 'none', a=[1.0], b=[0.5] * 4)]
    rows = rows_of(cells)
    found = compare(rows, MEAN, 'RR', ['a', 'b'])['tight']
    assert found.difference == pytest.approx(0.5)
    assert spread(rows[1], MEAN, 'RR', ['a', 'b'])[0] == 0.75
    weighed = np.array([2.5, 0, 0, 0, 0])
    assert found.p == pytest.approx(stats.ttest_1samp(weighed, 0).pvalue)


def test_only_seeds_that_both_have_are_compared():
    """While cells are missing, a seed of one side alone would count as an effect."""
    cells = [made_up('none', seed, '', a=[float(seed), 0.5]) for seed in (0, 1)]
    found = compare(rows_of([*cells, made_up('tight', 1, 'none', a=[1.0, 0.75])]), 'a', 'RR', ['a'])['tight']
    assert (found.difference, found.seeds) == (0.125, 1)
    assert not math.isnan(found.p)
    assert compare(rows_of([cells[0], made_up('tight', 1, 'none', a=[1.0, 0.75])]), 'a', 'RR', ['a']) == {}


def test_a_collection_evaluated_with_one_seed_has_that_seeds_figures():
    """With --evaluate-seeds 1 the second seed has no value of b: it must neither hide nor dilute the first one's."""
    cells = [made_up('none', 0, '', a=[0.0, 0.0], b=[0.5, 0.25]), made_up('none', 1, '', a=[1.0, 0.0])]
    cells += [made_up('tight', 0, 'none', a=[0.5, 0.5], b=[1.0, 0.25]), made_up('tight', 1, 'none', a=[1.0, 1.0])]
    rows = rows_of(cells)
    assert spread(rows[1], 'b', 'RR', ['a']) == (0.625, None)
    assert spread(rows[1], MEAN, 'RR', ['a'])[0] == 0.75
    found = {column: compare(rows, column, 'RR', ['a'])['tight'] for column in ('a', 'b')}
    assert (found['b'].difference, found['b'].seeds) == (0.25, 1)
    assert (found['a'].difference, found['a'].seeds) == (0.5, 2)
    assert spread(rows[0], 'c', 'RR', ['a']) is None


@pytest.mark.parametrize(
    ('flags', 'sentence'),
    [
        (['--coupling', 'none,firm'], "--coupling 'firm' is unknown"),
        (['--temperature', '1,0'], "--temperature '0' is no number above 0"),
        (['--temperature', 'warm'], "--temperature 'warm' is no number above 0"),
        (['--temperature', '1,1.0'], 'names 1.0 twice'),
        (['--student-init', ''], "--student-init '' is unknown"),
        (['--teacher-class', 'bert'], "--teacher-class 'bert' is unknown"),
        (['--seeds', '1.5'], '--seeds 1.5: the number of seeds'),
        (['--seeds', '0'], '--seeds 0: the number of seeds'),
        (['--steps', '-1'], 'steps is -1: at least 0 is needed'),
        (['--only', 'loud*'], '--only loud* is the name of no cell'),
        (['--measures', 'Best@3'], 'Best@3'),
        (['--measures', 'R@1000'], 'R@1000 looks at more than the 100 passages that are kept'),
        (['--recipe', '{folder}/own.yaml'], 'sets kd_pairs, which is for the ablation to choose'),
        (['--recipe', 'mine'], 'mine is neither a file nor a recipe'),
        (['--recipe', 'tct-v1'], 'the weights of all losses are 0'),
        (['--evaluate', '{folder}/alpha'], 'two collections are called alpha'),
        (['--evaluate', '{folder}/beta:test'], 'queries.test.tsv does not exist'),
        (['--evaluate', '{folder}/none'], 'none is no folder'),
        (['--output', '{folder}/alpha/x'], 'are in each other'),
        (['--output', '{folder}'], 'are in each other'),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(two, tmp_path, flags, sentence, capsys):
    words = ['--collection', two[0], '--output', tmp_path / 'out', '--backbone', 'x']
    (tmp_path / 'own.yaml').write_text('about: a\nsource: b\nstatus: c\nsettings: {kd_pairs: own}\n')
    flags = [flag.replace('{folder}', str(tmp_path)) for flag in flags]
    assert sentence in fails(main, *words, *flags, capsys=capsys)
    assert not (tmp_path / 'out').exists()


def test_bad_collections_are_refused(two, tmp_path, capsys):
    words = ['--output', tmp_path / 'out', '--backbone', 'x']
    assert '--collection is missing' in fails(main, *words, capsys=capsys)
    (two[0] / 'qrels.dev.txt').write_text('8 0 d2 0\n')
    assert 'calls no passage relevant' in fails(main, *words, '--collection', two[0], capsys=capsys)
    (two[1] / 'corpus.jsonl.gz').unlink()
    assert 'corpus.jsonl.gz does not exist' in fails(main, *words, '--collection', two[1], capsys=capsys)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'letter').write_text('mine')
    folder = write_collection(tmp_path / 'gamma')
    assert 'is not empty and no earlier ablation' in fails(main, *words, '--collection', folder, capsys=capsys)
    assert 'holds no ablation' in fails(main, '--output', tmp_path / 'out', '--report-only', capsys=capsys)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['letter']


def test_the_list_runs_nothing(two, tmp_path, capsys):
    main(['--collection', str(two[0]), '--output', str(tmp_path / 'out'), '--backbone', 'x', '--seeds', '1', '--list'])
    out = capsys.readouterr().out
    assert out.count('python -m pyserini_tct.train ') == 1 + 1 + 2 * 4
    assert not (tmp_path / 'out').exists()
