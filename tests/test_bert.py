# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Our BERT has the names, the values and the files of Transformers' own, and refuses what is none."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import ROWS, clean_environment, transformers_bert

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.models import _weights, student
from pyserini_tct.models.bert import ACTIVATIONS, Bert, Config, read_config


@pytest.fixture
def bert(tiny_student):
    found = student.load(tiny_student).bert
    for parameter in found.parameters():  # biases are zero at first, and norms one: a swapped pair would go unseen
        torch.nn.init.normal_(parameter, std=0.1)
    return found


@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_values_are_those_of_transformers(bert, activation):
    config = Config(**{**vars(bert.config), 'hidden_act': activation, 'layer_norm_eps': 1e-3})
    ours = Bert(config).eval()
    ours.load_state_dict(bert.state_dict())
    ids, mask = student.pad(ROWS, 0)
    with torch.inference_mode():
        theirs = transformers_bert(ours)(ids, attention_mask=mask, output_hidden_states=True)
        found, pooled = list(ours.layers(ids, mask)), ours.pooler(theirs.last_hidden_state)
    assert len(found) == len(theirs.hidden_states) == 3
    for mine, its in zip(found, theirs.hidden_states, strict=True):
        torch.testing.assert_close(mine[mask.bool()], its[mask.bool()], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(pooled, theirs.pooler_output, atol=1e-6, rtol=1e-5)


def test_gradients_and_dropout_are_those_of_transformers(bert):
    ids, mask = student.pad(ROWS[:2], 0)
    theirs = transformers_bert(bert)
    for network in (bert, theirs):
        network.zero_grad()
    weight = torch.randn(*ids.shape, bert.config.hidden_size) * mask.unsqueeze(-1)
    (bert(ids, mask) * weight).sum().backward()
    (theirs(ids, attention_mask=mask).last_hidden_state * weight).sum().backward()
    for (name, mine), its in zip(bert.named_parameters(), theirs.parameters(), strict=True):
        if its.grad is not None:
            torch.testing.assert_close(mine.grad, its.grad, atol=1e-5, rtol=1e-4, msg=name)
    assert torch.equal(bert(ids, mask), bert(ids, mask))
    bert.train()
    assert not torch.equal(bert(ids, mask), bert(ids, mask))


def test_files_are_read_by_transformers_as_they_were(bert, tiny_student, tmp_path):
    """What the configuration does not know of is kept; where a checkpoint lay, and in which floats, is not."""
    from transformers import BertConfig

    content = json.loads((tiny_student / 'config.json').read_text())
    assert {'_name_or_path', 'torch_dtype'}.isdisjoint(content)
    assert (content['architectures'], content['dtype']) == (['BertModel'], 'float32')
    more = {'_name_or_path': '/somewhere', 'torch_dtype': 'float16', 'pad_token_id': 3, 'own': {'a': 1}}
    more |= {
        'num_labels': 2,
        'id2label': {'0': 'a'},
        'sentence_transformers': {},
        'gradient_checkpointing': True,
        'initializer_range': 1,
        'position_embedding_type': None,
    }
    (tmp_path / 'config.json').write_text(json.dumps({**content, **more}))
    read_config(tmp_path).save(tmp_path, 'BertModel')
    again = json.loads((tmp_path / 'config.json').read_text())
    kept = {'pad_token_id': 3, 'own': {'a': 1}, 'initializer_range': 1.0, 'position_embedding_type': None}
    assert again == {**content, **kept}
    theirs = BertConfig.from_pretrained(tmp_path)  # which refuses a whole number for a float
    assert (theirs.hidden_size, theirs.layer_norm_eps, theirs.pad_token_id) == (32, 1e-12, 3)


def test_defaults_are_transformers():
    from transformers import BertConfig

    usual = BertConfig()
    content = Config().content()
    assert {name: getattr(usual, name) for name in content if name not in ('model_type', 'dtype')} == {
        name: value for name, value in content.items() if name not in ('model_type', 'dtype')
    }


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'hidden_size': '32'}, "its hidden_size is '32'"),
        ({'num_hidden_layers': 0}, 'its num_hidden_layers is 0'),
        ({'vocab_size': True}, 'its vocab_size is True'),
        ({'num_hidden_layers': 2.5}, 'its num_hidden_layers is 2.5'),
        ({'layer_norm_eps': None}, 'its layer_norm_eps is None'),
        ({'hidden_dropout_prob': -1}, 'its hidden_dropout_prob is -1'),
        ({'attention_probs_dropout_prob': 1.5}, 'its attention_probs_dropout_prob is 1.5'),
        ({'layer_norm_eps': float('nan')}, 'its layer_norm_eps is nan'),
        ({'vocab_size': 10**19}, 'its vocab_size is 1000'),
        ({'num_attention_heads': 5}, '5 heads do not divide a hidden_size of 32'),
        ({'hidden_act': 'mish'}, "the activation 'mish' is none of gelu, gelu_python"),
        ({'position_embedding_type': 'relative_key'}, "needs a BERT with 'absolute'"),
        ({'model_type': 'roberta'}, 'is a roberta model'),
        ({'vocab_size': 2**31}, 'config.json says'),  # without an attempt to make room for it
    ],
)
def test_what_is_no_bert(tiny_student, tmp_path, change, sentence):
    content = json.loads((tiny_student / 'config.json').read_text())
    (tmp_path / 'config.json').write_text(json.dumps({**content, **change}))
    with pytest.raises(TctError, match=sentence):
        _weights.build_bert(read_config(tmp_path), tiny_student / 'model.safetensors')


def test_weights_are_copies(tiny_student):
    """A file may be mapped into memory: what is trained must not be the file's."""
    tensors = _weights.read(tiny_student / 'model.safetensors')
    made = _weights.build_bert(read_config(tiny_student), tiny_student / 'model.safetensors', tensors)
    assert all(weight.requires_grad for weight in made.parameters())
    with torch.no_grad():
        made.pooler.dense.weight += 1
    assert not torch.equal(made.pooler.dense.weight, tensors['pooler.dense.weight'])


def test_a_student_is_loaded_without_transformers(tiny_student):
    """Importing it takes longer than a search for one query."""
    lines = (
        f'import sys; from pyserini_tct.encode import TctColBertQueryEncoder as Encoder; Encoder({str(tiny_student)!r})'
    )
    lines += ".encode('ice'); sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', lines], env=clean_environment(), check=False).returncode == 0


def test_bf16_is_the_devices(monkeypatch):
    """``cuda:0`` is no CPU."""
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: True)
    monkeypatch.setattr(torch.cpu, 'get_capabilities', dict, raising=False)
    assert [_env.precision_of('auto', device) for device in ('cuda', 'cuda:0', 'cpu')] == ['bf16', 'bf16', 'fp32']
