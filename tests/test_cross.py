# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The cross-encoder: its input, its scores against Transformers' own network, its checkpoints and published ones."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import refusal
from safetensors.torch import load_file, save_file

from pyserini_tct.collection import Passage
from pyserini_tct.models import cross

QUERIES = ['what is a slow river', 'earth quake magnitude', 'x']
PASSAGES = [Passage('1', 'the ice of a glacier is a slow river'), Passage('2', 'snow', 'title'), Passage('3', '')]


@pytest.fixture(scope='module')
def model(tiny_bert):
    torch.manual_seed(1)
    made = cross.new(tiny_bert, cross.Settings(length=16, logit_scale=2.0))
    made.bert.pooler.dense.weight.data *= 20  # so that the scores differ, and a mix-up shows
    torch.nn.init.normal_(made.classifier.weight)
    return made.eval()


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / 'cross')
    return tmp_path / 'cross'


def transformers_ids(folder, query, passage):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer([query], [passage], truncation=True, max_length=16, return_tensors='pt')


def test_scores_are_those_of_transformers(model, folder):
    """Same files, same ids, other code: token types, pooler, dropout and classifier all have to be in their places."""
    from transformers import BertForSequenceClassification

    theirs, info = BertForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    assert theirs.config.num_labels == 1
    with torch.no_grad():
        found = model(QUERIES, PASSAGES)
        for i, query in enumerate(QUERIES):
            for j, passage in enumerate(PASSAGES):
                text = f'{passage.title} {passage.text}'.strip()
                expected = theirs.eval()(**transformers_ids(folder, query, text)).logits.item()
                assert found[i, j].item() == pytest.approx(expected, abs=1e-5)
    assert found.std() > 0.01


@pytest.mark.parametrize(
    'words', [(2, 3), (2, 40), (40, 2), (7, 7), (7, 6), (6, 7), (40, 41), (41, 40), (1, 13), (13, 1)]
)
def test_long_pairs_are_cut_as_in_transformers(model, folder, words):
    """The longer text is cut; a query is so only when it is longer than half of the room."""
    query, passage = ('ice ' * words[0]).strip(), ('snow ' * words[1]).strip()
    row = model.tokenizer.pairs([query], [Passage('1', passage)], [(0, 0)], 16)[0]
    expected = transformers_ids(folder, query, passage)
    assert row.ids == expected['input_ids'][0].tolist()
    assert row.types == expected['token_type_ids'][0].tolist()


def test_a_literal_separator_is_text(model):
    """As the special token it would let a passage pose as the end of the pair."""
    vocab = model.tokenizer.vocab
    row = model.tokenizer.pairs(['ice'], [Passage('1', '[SEP] snow')], [(0, 0)], 16)[0]
    words = ['[CLS]', 'ice', '[SEP]', '[', 's', '##e', '##p', ']', 'snow', '[SEP]']
    assert row.ids == [vocab[word] for word in words]
    assert row.types == [0] * 3 + [1] * 7


def test_only_wanted_pairs_are_scored(model, monkeypatch):
    """A wrong place would give a query another one's score; scoring all would cost the batch's square."""
    wanted = np.array([[True, False, False], [False, False, True], [True, True, False]])
    seen = []
    original = cross.CrossEncoder.logits
    monkeypatch.setattr(cross, 'CHUNK', 2)
    monkeypatch.setattr(
        cross.CrossEncoder, 'logits', lambda self, rows: (seen.append(len(rows)), original(self, rows))[1]
    )
    with torch.no_grad():
        found = model(QUERIES, PASSAGES, wanted)
        assert sum(seen) == 4
        everything = model(QUERIES, PASSAGES)
        assert torch.equal(model(QUERIES, PASSAGES, np.zeros((3, 3), bool)), torch.zeros(3, 3))
    torch.testing.assert_close(found, everything.masked_fill(~torch.from_numpy(wanted), 0.0), atol=1e-6, rtol=1e-5)


def test_gradients_reach_the_pooler_and_the_classifier(model):
    model(QUERIES, PASSAGES, np.eye(3, dtype=bool)).sum().backward()
    for weight in (
        model.classifier.weight,
        model.bert.pooler.dense.weight,
        model.bert.embeddings.token_type_embeddings.weight,
    ):
        assert weight.grad.abs().sum() > 0
    model.zero_grad()


def test_save_and_load_give_the_same_scores(model, folder):
    again = cross.load(folder)
    assert again.settings == model.settings
    assert again.sha256
    with torch.no_grad():
        assert torch.equal(again(QUERIES, PASSAGES), model(QUERIES, PASSAGES))
    manifest = json.loads(folder.with_name('cross.manifest.json').read_text())
    assert (manifest['kind'], manifest['length'], manifest['logit_scale']) == ('cross', 16, 2.0)


def test_a_backbone_without_pooler_gets_one(tiny_bert, tmp_path):
    """A pooler of zeros gives every pair the same score, and no gradient to the layers below."""
    bare = shutil.copytree(tiny_bert, tmp_path / 'bare')
    tensors = load_file(bare / 'model.safetensors')
    save_file({name: tensor for name, tensor in tensors.items() if 'pooler' not in name}, bare / 'model.safetensors')
    assert cross.new(bare).bert.pooler.dense.weight.std() > 0.01


def test_published_checkpoints_have_no_cross_json(folder, model):
    """Their length is the tokenizer's, and nobody knows the scale of their logits."""
    (folder / 'cross.json').unlink()
    again = cross.load(folder)
    assert again.settings == cross.Settings(length=16, logit_scale=None)
    config = json.loads((folder / 'tokenizer_config.json').read_text())
    (folder / 'tokenizer_config.json').write_text(json.dumps(config | {'model_max_length': 10**30}))
    assert cross.load(folder).settings.length == 192
    tensors = load_file(folder / 'model.safetensors')
    torch.save({**tensors, 'bert.embeddings.position_ids': torch.arange(192)[None]}, folder / 'pytorch_model.bin')
    (folder / 'model.safetensors').unlink()
    with torch.no_grad():
        assert torch.equal(cross.load(folder)(['x'], [PASSAGES[1]]), model(['x'], [PASSAGES[1]]))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            {'classifier.weight': torch.ones(2, 32)},
            'no cross-encoder with one score a pair: its classifier.weight is (2, 32)',
        ),
        ({'classifier.bias': None}, 'its classifier.bias is missing'),
        ({'bert.pooler.dense.weight': None}, 'its bert.pooler.dense.weight is missing'),
        ({'classifier.bias': torch.tensor([float('nan')])}, 'the classifier holds NaN'),
        ({'bert.encoder.layer.1.output.dense.bias': None}, 'has no tensor encoder.layer.1.output.dense.bias'),
    ],
)
def test_weights_that_do_not_fit(folder, change, message):
    tensors = load_file(folder / 'model.safetensors')
    for name, value in change.items():
        tensors.pop(name) if value is None else tensors.update({name: value})
    save_file(tensors, folder / 'model.safetensors')
    assert message in (found := refusal(cross.load, folder))
    assert str(folder) in found


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'format_version': 9}, 'format version 9'),
        ({'unknown': 1}, 'is not as this release writes it'),
        ({'length': '16'}, "length is '16'"),
        ({'length': 4}, 'a pair of 4 ids is outside 5..192'),
        ({'length': 200}, 'a pair of 200 ids is outside 5..192'),
        ({'logit_scale': 0}, 'logit_scale is 0'),
        ({'logit_scale': 'x'}, "logit_scale is 'x'"),
    ],
)
def test_settings_that_do_not_fit(folder, change, message):
    path = folder / 'cross.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert message in refusal(cross.load, folder)
