# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a student: checkpoints that come back bit by bit or are refused by name."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from conftest import ROWS
from safetensors.torch import load_file, save_file

from pyserini_tct._errors import TctError
from pyserini_tct._files import sha256
from pyserini_tct.models import student

FILES = {
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.txt',
    'tct.json',
    'README.md',
}


@pytest.fixture(scope='module')
def model(tiny_student):
    return student.load(tiny_student)


@pytest.fixture
def broken(tiny_student, tmp_path):
    """A copy of the checkpoint to damage."""
    return shutil.copytree(tiny_student, tmp_path / 'tct_colbert-broken')


def refusal(folder) -> str:
    with pytest.raises(TctError) as error:
        student.load(folder)
    assert '\n' not in str(error.value)
    return str(error.value)


def test_save_and_load_give_the_same_bits(model, tmp_path):
    settings = student.Settings(20, 100, parents={'backbone': 'abc'}, training={'lr': 3e-6})
    folder = tmp_path / 'new' / 'tct_colbert-x'
    student.Student(model.bert, model.tokenizer, settings).save(folder)
    again = student.load(folder)
    assert again.settings == settings
    assert again.sha256 == sha256(folder / 'model.safetensors')
    assert all(torch.equal(mine, its) for mine, its in zip(model.parameters(), again.parameters(), strict=True))
    assert np.array_equal(model.embed(ROWS), again.embed(ROWS))


def test_the_files_of_a_checkpoint(tiny_student, tiny_bert):
    """Stock Pyserini warns of random pooler weights if they are left out, and reads fp32."""
    assert {file.name for file in tiny_student.iterdir()} - {'special_tokens_map.json'} == FILES
    tensors, source = load_file(tiny_student / 'model.safetensors'), load_file(tiny_bert / 'model.safetensors')
    assert torch.equal(tensors['pooler.dense.weight'], source['pooler.dense.weight'])
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert json.loads((tiny_student / 'tct.json').read_text())['passage_length'] == 154
    manifest = json.loads((tiny_student.parent / f'{tiny_student.name}.manifest.json').read_text())
    assert (manifest['kind'], manifest['query_length']) == ('student', 36)


def test_transformers_loads_every_weight(tiny_student):
    from transformers import BertModel

    _, info = BertModel.from_pretrained(tiny_student, output_loading_info=True)
    assert not any(info.values()), info


def old_layout(folder, **change):
    """Rewrite a checkpoint as the published TensorFlow conversions are: castorini/tct_colbert-msmarco and its kin."""
    tensors = {
        f'bert.{name}'.replace('LayerNorm.weight', 'LayerNorm.gamma').replace(
            'LayerNorm.bias', 'LayerNorm.beta'
        ): tensor
        for name, tensor in load_file(folder / 'model.safetensors').items()
    }
    tensors |= {
        'cls.predictions.bias': torch.ones(3),
        'bert.embeddings.position_ids': torch.arange(192)[None],
        **change,
    }
    torch.save(tensors, folder / 'pytorch_model.bin')
    for name in FILES - {'config.json', 'vocab.txt'}:
        (folder / name).unlink()
    return folder


def test_the_published_layout_gives_the_same_vectors(model, broken):
    """A LayerNorm left at its initial weights would load in silence and rank at random."""
    again = student.load(old_layout(broken))
    assert np.array_equal(again.embed(ROWS), model.embed(ROWS))
    assert again.tokenizer.vocab == model.tokenizer.vocab
    assert again.settings == student.Settings()


def test_a_missing_pooler_is_zero_and_changes_no_vector(model, broken):
    tensors = load_file(broken / 'model.safetensors')
    save_file({name: tensor for name, tensor in tensors.items() if 'pooler' not in name}, broken / 'model.safetensors')
    again = student.load(broken)
    assert not again.bert.pooler.dense.weight.any()
    assert np.array_equal(again.embed(ROWS), model.embed(ROWS))


class Malice:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize(
    'dump',
    [
        torch.save,
        lambda value, path: torch.save(value, path, _use_new_zipfile_serialization=False),
        lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2)),
    ],
)
def test_a_pickle_that_runs_code_is_refused_unrun(broken, tmp_path, dump):
    old_layout(broken)
    dump({'bert.x': Malice(tmp_path / 'pwned')}, broken / 'pytorch_model.bin')
    assert 'pytorch_model.bin' in refusal(broken)
    assert not (tmp_path / 'pwned').exists()


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('embeddings.LayerNorm.weight', None, 'has no tensor embeddings.LayerNorm.weight'),
        (
            'encoder.layer.1.output.dense.bias',
            torch.ones(31),
            '1.output.dense.bias has shape (31,), config.json says (32,)',
        ),
        ('encoder.layer.0.output.dense.bias', torch.full((32,), float('nan')), '0.output.dense.bias holds NaN'),
        ('pooler.dense.bias', torch.ones(3), 'pooler.dense.bias has shape (3,)'),
    ],
)
def test_unfit_tensors_are_named(broken, name, value, message):
    """Transformers fills what is missing with random numbers and a warning."""
    tensors = load_file(broken / 'model.safetensors')
    tensors.pop(name) if value is None else tensors.update({name: value})
    save_file(tensors, broken / 'model.safetensors')
    assert f'{broken}/model.safetensors' in (found := refusal(broken))
    assert message in found


@pytest.mark.parametrize(
    ('file', 'change', 'message'),
    [
        ('config.json', {'model_type': 'distilbert'}, 'is a distilbert model'),
        ('config.json', {'vocab_size': 50}, 'the vocabulary has'),
        ('config.json', {'num_hidden_layers': 3}, 'has no tensor encoder.layer.2'),
        ('tct.json', {'format_version': 99}, 'tct.json has format version 99'),
        ('tct.json', {'pooling': 'cls'}, "pooling 'cls'"),
        ('tct.json', {'temperature': 1}, "tct.json has an unknown setting 'temperature'"),
        ('tct.json', {'passage_length': 193}, 'its lengths are 36 and 193'),
        ('tct.json', {'query_length': '36'}, "query_length is '36'"),
    ],
)
def test_settings_that_do_not_fit(broken, file, change, message):
    path = broken / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert str(broken) in (found := refusal(broken))
    assert message in found


@pytest.mark.parametrize(
    ('name', 'keep'),
    [
        ('model.safetensors', 1000),
        ('model.safetensors', 4),
        ('model.safetensors', 0),
        ('pytorch_model.bin', 1000),
        ('pytorch_model.bin', 0),
        ('config.json', 20),
        ('tokenizer.json', 1000),
        ('tct.json', 0),
    ],
)
def test_truncated_files_are_refused_by_name(broken, name, keep):
    if name == 'pytorch_model.bin':
        old_layout(broken)
    (broken / name).write_bytes((broken / name).read_bytes()[:keep])
    assert f'{broken}/{name} ' in refusal(broken)


def test_folders_that_are_no_checkpoint(broken):
    (broken / 'model.safetensors').unlink()
    assert f'{broken} has no model.safetensors or pytorch_model.bin' in refusal(broken)
    (broken / 'config.json').unlink()
    assert f'{broken} has no config.json' in refusal(broken)
    assert 'is a file' in refusal(broken / 'vocab.txt')


@pytest.mark.parametrize('name', ['no/such-model', 'no-such-folder', 'a/b/c', '/no/such/folder'])
def test_a_name_that_is_nowhere_offline(monkeypatch, tmp_path, name):
    """Hugging Face's own message is twenty lines and does not say that a path was meant."""
    import huggingface_hub.constants

    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.chdir(tmp_path)
    assert refusal(name).startswith(name)


@pytest.mark.parametrize(
    'name',
    [
        'student',
        'tct-colbert',
        'tct_colbert-dpr',
        'tct_colbert-dse',
        'TCT_ColBERT-CLIP',
        'bpr-tct_colbert',
        'dkrr_tct_colbert',
        'tct_colbert-contriever',
        'sentence-transformers-tct_colbert',
    ],
)
def test_names_by_which_stock_pyserini_takes_another_class(model, tmp_path, name):
    with pytest.raises(TctError, match=name):
        model.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
