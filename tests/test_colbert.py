# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The ColBERT teacher: its tokens, its normalisation, its checkpoints and those of ColBERT v2."""

import dataclasses
import json

import pytest
import torch
from conftest import refusal

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.models import colbert
from pyserini_tct.models._weights import write
from pyserini_tct.models.teachers.late import CachedTeacher, LiveTeacher
from pyserini_tct.text import TokenContract

QUERIES = ['what is a slow river', 'earth quake magnitude', 'x']
PASSAGES = [Passage('1', 'the ice of a glacier is a slow river'), Passage('2', 'snow', 'title'), Passage('3', '')]


@pytest.fixture
def model(tiny_bert):
    torch.manual_seed(1)
    return colbert.new(tiny_bert, dimension=8).eval()


def test_passage_tokens_have_unit_length_and_query_tokens_do_not(model):
    """The paper's code normalises passages only."""
    passages, queries = model.encode_passages(PASSAGES), model.encode_queries(QUERIES)
    lengths = passages.vectors.norm(dim=-1)[passages.counted]
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-5)
    assert (queries.vectors.norm(dim=-1)[queries.counted] - 1).abs().max() > 0.01


def test_the_prefix_and_the_padding_do_not_count(model):
    passages, queries = model.encode_passages(PASSAGES), model.encode_queries(QUERIES)
    assert queries.counted.tolist() == [[False] * 4 + [True] * 32] * 3
    assert passages.counted.sum(1).tolist() == [9, 2, 0]
    assert not passages.counted[:, :4].any()


def test_padded_equals_unpadded_and_batched_equals_single(model):
    with torch.no_grad():
        batched = model(QUERIES, PASSAGES[:2])
        single = torch.cat([model(QUERIES, [passage]) for passage in PASSAGES[:2]], dim=1)
        assert torch.allclose(batched, single, atol=1e-5)
        assert torch.allclose(batched[1:2], model(QUERIES[1:2], PASSAGES[:2]), atol=1e-5)


def test_save_and_load_give_the_same_scores(model, tmp_path):
    model.settings = dataclasses.replace(model.settings, logit_scale=4.0, normalize_queries=True)
    model.save(tmp_path / 'colbert')
    again = colbert.load(tmp_path / 'colbert')
    assert again.settings == model.settings
    with torch.no_grad():
        assert torch.equal(again(QUERIES, PASSAGES), model(QUERIES, PASSAGES))


@pytest.fixture
def v2_checkpoint(tiny_bert, tmp_path):
    """A checkpoint in ColBERT v2's layout: artifact.metadata, `linear.weight` without bias, its own markers."""
    from pyserini_tct.models import student

    start = student.load(tiny_bert)
    folder = tmp_path / 'colbertv2'
    folder.mkdir()
    student.write_folder(start, folder)
    (folder / 'tct.json').unlink()
    tensors = {f'bert.{name}': weight for name, weight in start.bert.state_dict().items() if 'pooler' not in name}
    torch.manual_seed(2)
    write({**tensors, 'linear.weight': torch.randn(8, 32)}, folder / 'model.safetensors')
    metadata = {
        'query_token_id': 'a',
        'doc_token_id': 'b',
        'query_maxlen': 12,
        'doc_maxlen': 20,
        'mask_punctuation': True,
    }
    (folder / 'artifact.metadata').write_text(
        json.dumps({**metadata, 'attend_to_mask_tokens': False, 'similarity': 'cosine'})
    )
    return folder


def test_v2_checkpoints_bring_their_own_contract(v2_checkpoint):
    model = colbert.load(v2_checkpoint)
    vocab = model.tokenizer.vocab
    query = model.tokenizer.late_queries(['ice'], model.settings.contract)[0]
    head = [vocab['[CLS]'], vocab['a'], vocab['ice'], vocab['[SEP]']]
    assert query.ids == head + [vocab['[MASK]']] * 8
    assert query.attended == [True] * 4 + [False] * 8
    assert query.counted == [True] * 12
    passage = model.tokenizer.late_passages([Passage('1', 'ice, snow.')], model.settings.contract)[0]
    words = ['[CLS]', 'b', 'ice', ',', 'snow', '.', '[SEP]']
    assert passage.ids == [vocab[word] for word in words]
    assert passage.counted == [True, True, True, False, True, False, True]


def test_v2_query_vectors_are_normalised(v2_checkpoint):
    vectors = colbert.load(v2_checkpoint).encode_queries(['ice']).vectors
    assert torch.allclose(vectors.norm(dim=-1), torch.ones(1, 12), atol=1e-5)


def test_long_texts_are_cut_with_the_separator_kept(v2_checkpoint):
    model = colbert.load(v2_checkpoint)
    row = model.tokenizer.late_passages([Passage('1', 'ice ' * 50)], model.settings.contract)[0]
    assert len(row.ids) == 20
    assert row.ids[-1] == model.tokenizer.vocab['[SEP]']


def test_a_bert_without_projection_is_no_teacher(tiny_student):
    with pytest.raises(TctError, match='is no ColBERT'):
        colbert.load(tiny_student)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda folder: (folder / 'artifact.metadata').unlink(), 'neither colbert.json nor artifact.metadata'),
        (lambda folder: (folder / 'artifact.metadata').write_text('{"similarity": "l2"}'), 'scores by l2'),
        (lambda folder: (folder / 'colbert.json').write_text('{"format_version": 7}'), 'format version 7'),
        (
            lambda folder: (folder / 'colbert.json').write_text('{"format_version": 1, "contract": {"x": 1}}'),
            'colbert.json',
        ),
        (lambda folder: (folder / 'model.safetensors').write_bytes(b'x' * 50), 'is damaged'),
    ],
)
def test_damaged_checkpoints(v2_checkpoint, change, message):
    change(v2_checkpoint)
    with pytest.raises(TctError, match=message):
        colbert.load(v2_checkpoint)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        *(('logit_scale', value, 'a number above 0 is needed') for value in (0, -1.0, float('nan'), '4', None, True)),
        *(('padding_score', value, 'a number or null is needed') for value in ('-15', float('-inf'), True)),
        ('normalize_queries', 'yes', 'true or false is needed'),
        ('normalize_passages', None, 'true or false is needed'),
    ],
)
def test_settings_that_would_change_scores_without_a_word(model, tmp_path, name, value, message):
    """A teacher whose scale is 0 would teach nothing, one of -1 the opposite."""
    model.save(tmp_path / 'colbert')
    path = tmp_path / 'colbert' / 'colbert.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    found = refusal(colbert.load, tmp_path / 'colbert')
    assert f'colbert.json: {name} is {value!r}, {message}' in found


@pytest.mark.parametrize('contract', [TokenContract(), TokenContract(dropped=0, separator=True, skip_punctuation=True)])
def test_cached_teacher_equals_live_teacher(model, tmp_path, contract):
    """A frozen teacher gives the same matrix from its stored token vectors."""
    model.settings = dataclasses.replace(model.settings, contract=contract)
    passages = [*PASSAGES, Passage('4', 'a wave, a sea.')]
    cached, live = CachedTeacher(model, QUERIES, passages, tmp_path), LiveTeacher(model)
    rows = [3, 0, 2]
    batch = ([QUERIES[2], QUERIES[0]], [passages[row] for row in rows], [2, 0], rows)
    assert torch.allclose(cached(*batch), live(*batch), atol=1e-5)


def test_the_cache_is_used_again_and_not_for_another_teacher(model, tmp_path, monkeypatch):
    CachedTeacher(model, QUERIES, PASSAGES, tmp_path)
    stores = set(tmp_path.iterdir())
    monkeypatch.setattr(model, 'encode_passages', None)
    CachedTeacher(model, QUERIES, PASSAGES, tmp_path)
    monkeypatch.undo()
    model.sha256 = 'another'
    CachedTeacher(model, QUERIES, PASSAGES, tmp_path)
    assert len(set(tmp_path.iterdir()) - stores) == 2


def test_the_teacher_teaches_without_dropout_and_without_gradient(model):
    model.train()
    teacher = LiveTeacher(model)
    batch = (QUERIES, PASSAGES, [0, 1, 2], [0, 1, 2])
    assert torch.equal(teacher(*batch), teacher(*batch))
    assert not teacher(*batch).requires_grad
