# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""An ablation from collections to the table: cells of a seed see the same data, and a second call runs nothing."""

import json
import sys

import pytest
from conftest import fails
from tiny_ablation import overlap, write_collection

from pyserini_tct.ablate import _child, _data, _evaluate, _run
from pyserini_tct.ablate.__main__ import main
from pyserini_tct.train._samples import TrainingData

CELLS = ['bm25', 'untrained', 'teacher-colbert-s0', 'maxsim-colbert-s0', 'none-from_backbone-s0',
         'loose-t2-colbert-from_backbone-s0', 'tight-t2-colbert-from_backbone-s0']  # fmt: skip


@pytest.fixture(scope='module')
def started():
    """What was run, as (module, output), and the batches that were drawn; all in this process, without a JVM."""
    ran, drawn = [], {}
    batch_at = TrainingData.batch_at

    def measured(record, log, module, words):
        ran.append((module.rsplit('.', 1)[1], record.name.removesuffix('.json').lstrip('.')))
        _child.child([str(record), module, *words])
        return json.loads(record.read_text())

    def watched(data, step, size, seed):
        batch = batch_at(data, step, size, seed)
        drawn.setdefault(ran[-1][1], {})[step] = (batch.names, batch.passage_rows)
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, 'measured', measured)
        patch.setattr(_data, '_bm25', overlap)
        patch.setattr(TrainingData, 'batch_at', watched)
        yield ran, drawn


@pytest.fixture(scope='module')
def words(tiny_bert, tmp_path_factory):
    """The command's flags: two collections trained on, one of them again as another that is only evaluated."""
    folder = tmp_path_factory.mktemp('collections')
    found = [write_collection(folder / name, name == 'beta') for name in ('alpha', 'beta', 'gamma')]
    return ['--collection', *found[:2], '--evaluate', f'{found[2]}:dev', '--backbone', tiny_bert, '--steps', 2,
            '--batch-size', 2, '--warmup', 1, '--lr', 0.01, '--dimension', 8, '--temperature', 2, '--seeds', 1,
            '--rerank-depth', 3, '--precision', 'fp32']  # fmt: skip


@pytest.fixture(scope='module')
def ablation(words, started, tmp_path_factory):
    """A finished ablation."""
    folder = tmp_path_factory.mktemp('ablation') / 'work'
    main([*map(str, words), '--output', str(folder)])
    return folder


def cell(folder, name):
    return json.loads((folder / 'cells' / f'{name}.json').read_text())


def test_every_cell_is_trained_evaluated_and_described(ablation):
    assert sorted(path.stem for path in (ablation / 'cells').glob('*.json')) == sorted(CELLS)
    tight = cell(ablation, CELLS[-1])
    assert tight['training']['steps'] == 2
    assert tight['training']['peak_memory'] > 2**20
    log = (ablation / 'models' / f'tct_colbert-{CELLS[-1]}.log.jsonl').read_text().splitlines()
    assert tight['training']['target_entropy'] == json.loads(log[0])['teacher_entropy'] > 0
    assert tight['per_query'].keys() == {'alpha', 'beta', 'gamma'}
    values = tight['per_query']['alpha']['RR@10']
    assert values.keys() == {'007', '8', '9'}
    assert tight['means']['alpha']['RR@10'] == pytest.approx(sum(values.values()) / 3)
    assert tight['mean'] == pytest.approx(tight['means']['beta'])  # the same collection twice, and gamma does not count
    assert '--coupling tight --student-init backbone --temperature 2.0 --teacher' in tight['command']
    assert cell(ablation, 'bm25')['means']['alpha'] == {'RR@10': 1.0, 'nDCG@10': 1.0}
    assert cell(ablation, 'untrained')['training'] is None


def test_cells_of_a_seed_see_the_same_batches(ablation, started):
    """Another order of queries or other negatives would be counted as an effect of the coupling."""
    drawn = [batches for name, batches in started[1].items() if name.endswith('.training')]
    assert len(drawn) == 4  # the teacher and three students
    assert all(batches == drawn[0] for batches in drawn)
    assert drawn[0].keys() == {0, 1}
    assert all(len(rows) == 4 for _, rows in drawn[0].values())  # two positives, two negatives


def test_a_teacher_is_trained_once_and_full_maxsim_uses_it(ablation, started):
    assert [name for module, name in started[0][:11] if module == 'train'].count('teacher-colbert-s0.training') == 1
    assert ('_evaluate', 'maxsim-colbert-s0.evaluation') in started[0]
    assert not list((ablation / 'cells').glob('.*.npy'))  # the scores that the two evaluations share


def test_collections_not_trained_on_can_be_left_to_some_seeds(ablation, tmp_path):
    """What ``--evaluate-seeds`` asks of the evaluation of a later seed."""
    _evaluate.main([str(ablation / 'plan.json'), 'bm25', 'x', str(tmp_path / 'scores.json'), 'trained'])
    assert [*json.loads((tmp_path / 'scores.json').read_text())] == ['alpha', 'beta']


def test_the_report_has_every_row_and_the_plot(ablation):
    report = json.loads((ablation / 'ablation.json').read_text())
    assert [row['row'] for row in report['rows']] == [name.removesuffix('-s0') for name in CELLS]
    tight = report['rows'][-1]['scores']['mean']['RR@10']
    none = report['rows'][4]['scores']['mean']['RR@10']
    assert tight['to_none']['difference'] == pytest.approx(tight['mean'] - none['mean'])
    assert tight['to_none']['queries'] == 6
    assert (ablation / 'ablation.png').read_bytes().startswith(b'\x89PNG')
    text = (ablation / 'ablation.md').read_text()
    assert 'gamma (3 queries, 6 passages, not trained on)' in text
    assert text.count('python -m pyserini_tct.train ') == 4


def test_without_matplotlib_the_table_is_written_all_the_same(ablation, monkeypatch, capsys):
    (ablation / 'ablation.png').unlink()
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    main(['--output', str(ablation), '--report-only'])
    printed = capsys.readouterr()
    assert printed.err.count('note: no plot: the plot needs the package matplotlib') == 1
    assert 'tight-t2-colbert-from_backbone' in printed.out
    assert not (ablation / 'ablation.png').exists()


def test_a_second_call_runs_nothing_and_a_lost_cell_alone_is_made_again(ablation, words, started, capsys):
    ran = started[0]
    before, done = cell(ablation, CELLS[-1]), len(ran)
    main([*map(str, words), '--output', str(ablation)])
    assert len(ran) == done
    (ablation / 'cells' / f'{CELLS[-1]}.json').unlink()
    main(['--output', str(ablation), '--report-only'])
    assert f'Missing (1 of 7 cells): {CELLS[-1]}.' in capsys.readouterr().out
    main([*map(str, words), '--output', str(ablation)])
    assert ran[done:] == [('_evaluate', f'{CELLS[-1]}.evaluation')]
    after = cell(ablation, CELLS[-1])
    assert after['per_query'] == before['per_query']
    assert after['training'] == before['training']


def test_a_damaged_file_can_be_made_again(ablation, words, started, capsys):
    """ "Restore the file" would be advice that no one can follow."""
    before, content = cell(ablation, CELLS[-1]), ablation / 'cells' / f'{CELLS[-1]}.json'
    for path in (content, ablation / 'models' / f'tct_colbert-{CELLS[-1]}.training.json'):
        content.unlink()
        path.write_text('{"name": "tig')
        sentence = fails(main, *words, '--output', ablation, capsys=capsys)
        assert f'{path} is damaged: remove it, and the same command makes it again' in sentence
        path.unlink()
        main([*map(str, words), '--output', str(ablation)])
        assert cell(ablation, CELLS[-1])['per_query'] == before['per_query']


def test_a_cell_is_trained_again_to_the_same_scores(ablation, words, started):
    before = cell(ablation, 'none-from_backbone-s0')
    for path in (*ablation.glob('cells/none*.json'), *ablation.glob('models/*none*.training.json')):
        path.unlink()
    main([*map(str, words), '--output', str(ablation), '--only', 'none*', '--discard-students'])
    assert cell(ablation, 'none-from_backbone-s0')['per_query'] == before['per_query']
    assert not (ablation / 'models' / 'tct_colbert-none-from_backbone-s0').exists()


@pytest.mark.parametrize(
    ('flags', 'sentence'),
    [
        (['--lr', 0.02], 'another training colbert lr (0.01, now 0.02)'),
        (['--dev-queries', 2], 'another dev-queries (None, now 2)'),
        (['--evaluation-precision', 'bf16'], 'another evaluation-precision (fp32, now bf16)'),
        (['--measures', 'RR@5'], "another measures (['RR@10', 'nDCG@10'], now ['RR@5'])"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(ablation, words, flags, sentence, capsys):
    """Cells of two experiments would stand in one table."""
    assert sentence in fails(main, *words, *flags, '--output', ablation, capsys=capsys)


def test_other_data_in_the_same_folder_is_refused(ablation, words, started, capsys):
    path = words[1] / 'qrels.dev.txt'
    before = path.read_text()
    path.write_text(before + '9 0 d1 1\n')
    assert 'another data alpha/qrels.dev.txt' in fails(main, *words, '--output', ablation, capsys=capsys)
    path.write_text(before)


def test_a_call_killed_while_the_data_were_prepared_goes_on(words, started, tmp_path, monkeypatch):
    """The folder would be taken for a stranger's, and the user would have to empty it."""

    def killed(*_):
        raise KeyboardInterrupt

    here = [*map(str, words), '--output', str(tmp_path / 'work'), '--only', 'bm25']
    with monkeypatch.context() as patch:
        patch.setattr(_data, '_bm25', killed)
        with pytest.raises(KeyboardInterrupt):
            main(here)
    main(here)
    assert cell(tmp_path / 'work', 'bm25')['mean'] == {'RR@10': 1.0, 'nDCG@10': 1.0}


def test_a_cross_encoder_teaches_and_lends_its_weights(words, started, tmp_path):
    flags = ['--teacher-class', 'cross', '--student-init', 'teacher', '--coupling', 'none,tight', '--only', '*cross*']
    main([*map(str, words), *flags, '--output', str(tmp_path / 'work')])
    report = json.loads((tmp_path / 'work' / 'ablation.json').read_text())
    rows = {row['row']: row for row in report['rows']}
    assert [*rows] == ['teacher-cross', 'none-cross-from_teacher', 'tight-t2-cross-from_teacher']
    assert report['missing'] == ['bm25', 'untrained']
    assert rows['tight-t2-cross-from_teacher']['scores']['mean']['RR@10']['to_none']['seeds'] == 1
    assert rows['tight-t2-cross-from_teacher']['target_entropy'] > 0
    parents = json.loads((tmp_path / 'work/models/tct_colbert-none-cross-from_teacher-s0/tct.json').read_text())
    assert 'teacher' in parents['parents']


def test_a_lost_teacher_is_named(ablation, words, started, tmp_path, capsys):
    name = 'teacher-colbert-s0'
    (ablation / 'models' / name).rename(tmp_path / name)
    more = [*words, '--output', ablation, '--coupling', 'none,tight', '--temperature', 1]
    assert f'{name} is missing: remove cells/{name}.json too' in fails(main, *more, capsys=capsys)
    (tmp_path / name).rename(ablation / 'models' / name)
    rows = [entry['temperature'] for entry in json.loads((ablation / 'plan.json').read_text())['cells']]
    assert rows == [None, None, None, None, None, 2.0, 1.0, 2.0]  # the tight one added stands before its neighbour


def test_a_failed_training_is_one_sentence(tmp_path, capsys):
    """In a process of its own: the child's sentence is passed on, and the log is named."""

    def call(_):
        _child.measured(tmp_path / 'r.json', tmp_path / 'log', 'pyserini_tct.mine', ['--output', 'x'])

    sentence = f'pyserini_tct.mine failed: --topics is missing: name the training queries (see {tmp_path}/log)'
    assert sentence in fails(call, capsys=capsys)
    assert not (tmp_path / 'r.json').exists()
