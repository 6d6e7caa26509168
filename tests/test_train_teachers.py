# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Students of every teacher, live and stored, and of ensembles, on a tiny BERT."""

import dataclasses

import pytest
import torch
from conftest import refusal
from tiny_judged import CROSS, RUN, log, tiny_config

from pyserini_tct.models import student
from pyserini_tct.models.teachers.factory import load
from pyserini_tct.train import _loop, _setup, train
from pyserini_tct.train.__main__ import main
from pyserini_tct.train._data import load_data


@pytest.fixture
def config(tiny_bert, tmp_path):
    return tiny_config(tiny_bert, tmp_path)


@pytest.fixture
def teachers(config, tmp_path):
    """A trained checkpoint of each kind."""
    made = {
        'colbert': {'dimension': 8, 'logit_scale': 4.0},
        'cross': {**CROSS, 'logit_scale': 2.0},
        'tct_colbert-t': {},
    }
    for name, options in made.items():
        model = {'tct_colbert-t': 'student'}.get(name, name)
        train(dataclasses.replace(config, **{**options, 'model': model, 'output': tmp_path / name, 'seed': 3}))
    return {name: str(tmp_path / name) for name in made}


def taught(config, **options):
    return dataclasses.replace(config, kd_weight=1.0, **options)


@pytest.mark.parametrize('pairs', ['own', 'in-batch'])
@pytest.mark.parametrize('name', ['colbert', 'cross', 'tct_colbert-t'])
def test_every_kind_teaches(config, teachers, name, pairs, capsys):
    """The checkpoint's path is all that a user gives."""
    made = taught(config, teacher=teachers[name], kd_pairs=pairs)
    capsys.readouterr()
    train(made)
    scale = {'colbert': '4', 'cross': '2', 'tct_colbert-t': '1'}[name]
    assert f'training scale {scale})' in capsys.readouterr().err
    settings = student.load(made.output).settings
    assert settings.parents['teacher'] == load(teachers[name]).sha256
    assert {'teacher_entropy', 'agreement', 'loss'} <= set(log(made)[0])


def write_scores(config, name, path, pairs=None):
    """Store a teacher's scores of all pairs, or of some."""
    model = load(name)
    call = model.scores if isinstance(model, student.Student) else model
    data = load_data(config, path.parent)
    with torch.no_grad():
        scores = call(data.queries, data.passages).tolist()
    rows = [
        (qid, passage.docid, scores[i][j])
        for i, qid in enumerate(data.names)
        for j, passage in enumerate(data.passages)
    ]
    path.write_text(''.join(f'{q}\t{d}\t{s}\n' for q, d, s in rows if pairs is None or (q, d) in pairs))
    return path


@pytest.mark.parametrize('name', ['colbert', 'cross', 'tct_colbert-t'])
def test_stored_scores_teach_as_their_teacher_does(config, teachers, tmp_path, name):
    """Temperature 3 at training scale s is 3 / s for scores whose scale is not known."""
    scale = {'colbert': 4, 'cross': 2, 'tct_colbert-t': 1}[name]
    live = taught(config, teacher=teachers[name], margin_weight=0.0)
    stored = taught(
        config, teacher_scores='stored', stored_scores=write_scores(config, teachers[name], tmp_path / 's.tsv'),
        temperature=3.0 / scale, output=tmp_path / 'tct_colbert-stored',
    )  # fmt: skip
    train(live)
    train(stored)
    found, expected = ([line['loss'] for line in log(made)] for made in (stored, live))
    assert found == pytest.approx(expected, abs=1e-5)
    assert student.load(stored.output).settings.parents.keys() == {'backbone', 'stored scores'}


OWN = {(q, d) for q, ds in RUN.items() for d in ds}


def test_own_pairs_need_own_scores_only_and_are_checked_before_the_first_step(config, teachers, tmp_path):
    path = write_scores(config, teachers['cross'], tmp_path / 's.tsv', OWN)
    made = taught(config, teacher_scores='stored', stored_scores=path, kd_pairs='own', steps=6)
    train(made)
    tight = dataclasses.replace(made, kd_pairs='in-batch', output=tmp_path / 'tct_colbert-tight')
    assert 's.tsv has no score of query' in refusal(train, tight)
    write_scores(config, teachers['cross'], path, OWN - {('4', 'e')})
    again = dataclasses.replace(made, output=tmp_path / 'tct_colbert-again')
    assert 'has no score of query 4 with passage e' in refusal(train, again)
    assert not list(tmp_path.glob('tct_colbert-tight*.jsonl'))  # no step was made


def test_an_ensemble_of_kinds(config, teachers, capsys):
    names = [teachers['colbert'], teachers['cross']]
    made = taught(config, teacher=names, teacher_weights=[1, 3], temperature=0.5)
    train(made)
    settings = student.load(made.output).settings
    assert [settings.parents[f'teacher {i}'] for i in (1, 2)] == [load(name).sha256 for name in names]
    assert settings.training['teacher_weights'] == [1.0, 3.0]
    assert '(training scale 1)' in capsys.readouterr().err


def stop(*_):
    raise KeyboardInterrupt


def test_an_unfinished_run_knows_its_teachers(config, teachers, monkeypatch):
    """Weights come back from JSON as a list; and another teacher is another run."""
    made = taught(config, teacher=[teachers['colbert'], teachers['cross']], teacher_weights=[1, 3])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_loop, '_finish', stop)
        train(made)
    changed = dataclasses.replace(made, teacher_weights=[1, 2])
    assert 'another teacher_weights' in refusal(train, changed)
    assert 'another data' in refusal(train, dataclasses.replace(made, teacher=made.teacher[::-1]))
    assert 'another margin_weight' in refusal(train, dataclasses.replace(made, margin_weight=1.0))
    assert train(made).steps == 3


def test_the_digest_knows_scales_and_stored_scores(config, teachers, tmp_path):
    """A teacher's scale is in its settings, not in its weights; what is stored is in no checkpoint."""
    made = taught(config, teacher=teachers['cross'])
    before = _setup.data_digest(made)
    path = tmp_path / 'cross' / 'cross.json'
    path.write_text(path.read_text().replace('"logit_scale": 2.0', '"logit_scale": 8.0'))
    assert _setup.data_digest(made) != before
    scores = write_scores(config, teachers['cross'], tmp_path / 's.tsv')
    made = taught(config, teacher_scores='stored', stored_scores=scores)
    before = _setup.data_digest(made)
    scores.write_text(scores.read_text().replace('\t', '\t0', 1))
    assert _setup.data_digest(made) != before


@pytest.mark.parametrize('name', ['cross', 'tct_colbert-t'])
def test_a_student_may_start_from_any_teacher(config, teachers, name):
    made = dataclasses.replace(config, backbone='', teacher=teachers[name], student_init='teacher', steps=0)
    train(made)
    found, expected = student.load(made.output).bert.state_dict(), load(teachers[name]).bert.state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_dropout_of_the_teacher_moves_the_loss(config, teachers):
    made = taught(config, teacher=teachers['colbert'], steps=1)
    losses = []
    for i, rate in enumerate((0.0, 0.3, 0.3)):
        run = dataclasses.replace(made, teacher_dropout=rate, output=config.output.with_name(f'tct_colbert-{i}'))
        train(run)
        losses.append(log(run)[0]['loss'])
    assert losses[0] != losses[1] == losses[2]


def test_the_command_takes_several_teachers(config, teachers, tmp_path, capsys):
    words = [
        '--model',
        'student',
        '--backbone',
        config.backbone,
        '--corpus',
        config.corpus,
        '--queries',
        config.queries,
    ]
    words += [
        '--qrels',
        config.qrels,
        '--negatives',
        config.negatives,
        '--steps',
        1,
        '--batch-size',
        2,
        '--device',
        'cpu',
    ]
    words += ['--teacher', teachers['colbert'], '--teacher', teachers['cross'], '--teacher-weights', 1, 2]
    words += ['--margin-weight', 0.5, '--output', tmp_path / 'tct_colbert-m']
    main([str(word) for word in words])
    training = student.load(tmp_path / 'tct_colbert-m').settings.training
    assert (training['teacher_weights'], training['margin_weight'], training['kd_weight']) == ([1.0, 2.0], 0.5, 1.0)
