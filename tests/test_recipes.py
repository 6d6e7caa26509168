# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes: each one trains; what a mistake in one gets; flags win."""

import dataclasses
import json

import pytest
from conftest import TEXTS, TOPICS, fails, refusal

from pyserini_tct.models import colbert, student
from pyserini_tct.train import TrainConfig, _recipes, read_recipe
from pyserini_tct.train.__main__ import main

NAMES = sorted(file.stem for file in _recipes.FOLDER.iterdir())
MARCO = [name for name in NAMES if name.startswith('tct-')]
HEAD = 'about: mine\nsource: me\nstatus: new\n'


def recipe(tmp_path, text):
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    return path


@pytest.fixture
def judged(corpus, topics, tmp_path):
    """Flags that name a corpus, topics and judgments."""
    (tmp_path / 'qrels').write_text(''.join(f'{qid} 0 d{row} 1\n' for row, qid in enumerate(TOPICS, 1)))
    (tmp_path / 'run').write_text(
        ''.join(f'{qid} Q0 {docid} 1 {i}.0 t\n' for qid in TOPICS for i, docid in enumerate(TEXTS))
    )
    return ['--corpus', corpus, '--queries', topics, '--qrels', tmp_path / 'qrels']


def test_the_names():
    assert NAMES == ['laptop', 'pocket', 'tct-v1', 'tct-v2', 'tct-v2-hn', 'tct-v2-hnp']


@pytest.mark.parametrize('name', NAMES)
def test_two_steps_of_each_recipe(name, judged, tiny_bert, tmp_path):
    """A teacher, then a student taught by it; what the recipe has to say is what they were trained with."""
    small = ['--recipe', name, *judged, '--backbone', tiny_bert, '--steps', 2, '--device', 'cpu', '--precision', 'fp32']
    given = [] if name == 'tct-v2-hn' else ['--negatives', tmp_path / 'run']
    for model, folder, extra in (
        ('colbert', tmp_path / 'colbert', ['--negatives', tmp_path / 'run']),
        ('student', tmp_path / 'tct_colbert-x', [*given, '--teacher', tmp_path / 'colbert', '--coupling', 'tight']),
    ):
        main([str(word) for word in ['--model', model, '--output', folder, *small, *extra]])
        made = (colbert if model == 'colbert' else student).load(folder)
        training = made.settings.training
        for key, value in read_recipe(name, model).items():
            if key in training and key not in ('steps', 'negatives'):
                assert training[key] == value, key
        assert training['steps'] == 2
        log = folder.with_name(f'{folder.name}.log.jsonl').read_text().splitlines()
        assert len(log) == 2
        assert all(json.loads(line)['loss'] > 0 for line in log)
    assert made.settings.training['negatives'] == ('self' if name == 'tct-v2-hn' else str(tmp_path / 'run'))


@pytest.mark.parametrize('name', MARCO)
def test_the_papers_values(name):
    """Known of the code of arXiv 2010.11386: 96 a batch, learning rate 7e-6, trained at 4 B, taught at 0.25."""
    teacher, taught = read_recipe(name, 'colbert'), read_recipe(name, 'student')
    for settings in (teacher, taught):
        assert (settings['batch_size'], settings['lr'], settings['weight_decay']) == (96, 7e-6, 0.01)
        assert (settings['query_length'], settings['passage_length']) == (36, 154)
    if name != 'tct-v2-hn':  # which has no stage of the teacher
        assert teacher['logit_scale'] == 4 * teacher['batch_size']
    assert (taught['temperature'], taught['raw_temperature'], taught['hard_weight']) == (0.25, True, 0.0)
    steps = {'tct-v1': 160_000, 'tct-v2': 500_000}.get(name)
    assert (teacher.get('steps'), taught.get('steps')) == (steps, steps)
    assert taught.get('warmup') == (10_000 if steps else None)


@pytest.mark.parametrize('name', MARCO)
def test_recipes_that_were_not_run_say_so(name):
    """And name their source, and what they leave at the default."""
    text = (_recipes.FOLDER / f'{name}.yaml').read_text()
    assert 'not run with real data' in text
    assert 'arXiv 2010.11386' in text
    assert "so left at this package's default" in text or 'same\n# gaps (see tct-v1.yaml)' in text


def test_flags_win(tmp_path, judged, tiny_bert, capsys):
    path = recipe(
        tmp_path, HEAD + 'settings: {steps: 9, batch_size: 2, bias: false, device: cpu}\ncolbert: {dimension: 8}\n'
    )
    words = ['--recipe', path, *judged, '--negatives', 'none', '--backbone', tiny_bert]
    for extra, expected in (([], (9, 8, None)), (['--steps', 1, '--dimension', 4, '--bias'], (1, 4, 4))):
        output = tmp_path / f'colbert-{len(extra)}'
        main([str(word) for word in ['--model', 'colbert', *words, *extra, '--output', output]])
        made = colbert.load(output)
        bias = None if made.linear.bias is None else len(made.linear.bias)
        assert (made.settings.training['steps'], made.linear.out_features, bias) == expected
        assert made.settings.training['batch_size'] == 2
    both = ['--model', 'colbert', *words, '--paper-faithful', '--output', tmp_path / 'x']
    assert 'give one of them' in fails(main, *both, capsys=capsys)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (HEAD + 'settings:\n  steps: 3\n  stepz: 4\n', "line 6: settings: the key 'stepz' is unknown: use one of back"),
        (HEAD + 'settings: {}\nteacher: {}\n', "line 5: the key 'teacher' is unknown"),
        (HEAD + 'settings:\n  model: colbert\n', "line 5: settings: the key 'model' is unknown"),
        (HEAD + 'settings:\n  steps: 3\n  steps: 4\n', "line 6: settings: the key 'steps' stands here twice"),
        (HEAD + 'settings:\n  lr: 7e-6\n', "line 5: settings: lr: '7e-6' is no number: write it like 0.5 or 1.0e-3"),
        (HEAD + 'settings:\n  steps: 1.5\n', "line 5: settings: steps: '1.5' is no whole number"),
        (HEAD + 'settings:\n  bias: 1\n', "line 5: settings: bias: '1' is neither true nor false"),
        (HEAD + 'settings:\n  backbone: 3\n', 'line 5: settings: backbone: 3 is no text'),
        (HEAD, "the key 'settings' is missing"),
        ('settings: {}\n', "the key 'about' is missing"),
        ('', 'is empty: a recipe is needed'),
        (HEAD + 'settings: [\n', 'is not valid YAML'),
        (HEAD + 'settings: !!python/object/apply:os.getcwd []\n', 'line 4: settings: `key: value` lines are needed'),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text, message):
    found = refusal(read_recipe, recipe(tmp_path, text), 'colbert')
    assert found.startswith(str(tmp_path / 'mine.yaml'))
    assert message in found


def test_an_unknown_name_lists_the_recipes(capsys):
    assert refusal(read_recipe, 'nothing', 'student').endswith(f'({", ".join(NAMES)})')
    with pytest.raises(SystemExit) as done:
        main(['--list-recipes'])
    assert done.value.code == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == NAMES


def test_every_setting_can_stand_in_a_recipe(tmp_path):
    """As the settings' own defaults; lists, too."""
    default = {field.name: field.default for field in dataclasses.fields(TrainConfig) if field.name in _recipes.FIELDS}
    plain = {key: value for key, value in default.items() if value not in (None, '', ()) and value == value}
    lists = {'teacher': ['a', 'b'], 'teacher_weights': [0.5, 1.5], 'stored_scores': 'one.tsv', 'padding_score': -15.0}
    text = json.dumps({**plain, **lists}).replace('3e-05', '3.0e-5').replace('1e-06', '1.0e-6')
    path = recipe(tmp_path, HEAD + f'settings: {text}\n')
    found = read_recipe(path, 'cross')
    expected = {**plain, 'teacher': ('a', 'b'), 'teacher_weights': (0.5, 1.5), 'stored_scores': ('one.tsv',)}
    assert found == {**expected, 'padding_score': -15.0}
