# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The student: pooling by hand, batching without a trace, and the command that makes a checkpoint."""

import numpy as np
import pytest
import torch
from conftest import ROWS, fails

from pyserini_tct._files import sha256
from pyserini_tct.models import __main__ as models_main
from pyserini_tct.models import student


@pytest.fixture(scope='module')
def model(tiny_student):
    return student.load(tiny_student)


def test_mean_pooling_by_hand():
    """Four prefix positions (100) are dropped, a masked one (50) does not count: (1 + 3) / 2 = 2, (2 + 6) / 2 = 4."""
    hidden = torch.tensor([[[100.0, 100.0]] * 4 + [[1.0, 2.0], [3.0, 6.0], [50.0, 50.0]]])
    assert student.mean_pooling(hidden, torch.tensor([[1, 1, 1, 1, 1, 1, 0]])).tolist() == [[2.0, 4.0]]
    assert student.mean_pooling(hidden, torch.tensor([[1, 1, 1, 1, 1, 1, 1]])).tolist() == [
        [18.0, pytest.approx(58 / 3)]
    ]


@pytest.mark.parametrize('tokens', [4, 6])
def test_mean_pooling_of_an_empty_text_is_zero_not_nan(tokens):
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])[:, :tokens]
    assert student.mean_pooling(torch.full((1, tokens, 2), 7.0), mask).tolist() == [[0.0, 0.0]]


def test_a_vector_does_not_depend_on_its_batch_nor_on_padding(model):
    """Attention to padding changes every vector a little and no score visibly."""
    alone = np.concatenate([model.embed([row]) for row in ROWS])
    for size in (1, 2, 4, 64):
        np.testing.assert_allclose(model.embed(ROWS, size), alone, atol=1e-6, rtol=0)
    assert alone.any(axis=1).tolist() == [True, False, True, True, True, True]


def test_batches_hold_every_text_once_and_so_many_ids(model, monkeypatch):
    """A text longer than the budget goes alone; a smaller budget changes batches and not vectors."""
    lengths = [5, 1, 40, 7, 7, 3, 12, 0]
    batches = list(student.batches_by_length(lengths, 4, 14))
    assert sorted(place for batch in batches for place in batch) == list(range(8))
    assert [[lengths[place] for place in batch] for batch in batches] == [[40], [12], [7, 7], [5, 3], [1, 0]]
    whole = model.embed(ROWS)
    monkeypatch.setattr(student, 'CPU_TOKENS', 12)
    np.testing.assert_allclose(model.embed(ROWS), whole, atol=1e-6, rtol=0)


def test_embed_keeps_the_order_given(model):
    """Batches are made by length: vectors in that order would belong to other passages."""
    forwards, backwards = model.embed(ROWS, 2), model.embed(ROWS[::-1], 2)
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-6)
    assert np.abs(forwards[0] - forwards[2]).max() > 0.01


def test_embed_reports_progress_and_makes_no_graph(model):
    """A graph kept for each batch fills the memory of a long job."""
    seen, graphs = [], []
    handle = model.register_forward_hook(lambda _module, _inputs, out: graphs.append(out.requires_grad))
    vectors = model.embed(ROWS, 4, seen.append)
    handle.remove()
    assert (seen, graphs) == ([4, 2], [False, False])
    assert (vectors.shape, vectors.dtype) == ((6, 32), np.float32)
    assert model.embed([]).shape == (0, 32)
    assert not model.training, 'dropout would be on'


def test_the_command_stores_lengths_and_they_count(tiny_bert, tmp_path, capsys):
    """Lengths that are stored and then forgotten would give other vectors at search time."""
    from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder

    output = tmp_path / 'tct_colbert-short'
    models_main.main(
        ['--backbone', str(tiny_bert), '--output', str(output), '--query-length', '8', '--passage-length', '6']
    )
    assert 'queries of 8 ids, passages of at most 6' in capsys.readouterr().out
    model = student.load(output)
    assert model.settings.parents == {'backbone': sha256(tiny_bert / 'model.safetensors')}
    query, passage = TctColBertQueryEncoder(output), TctColBertDocumentEncoder(output, device='cpu')
    expected = model.embed(model.tokenizer.queries(['ice'], 8))[0]
    np.testing.assert_allclose(query.encode('ice'), expected, atol=1e-6)
    np.testing.assert_array_equal(passage.encode(['slow ice wave']), passage.encode(['slow ice river']))
    assert 'exists: choose another output' in fails(
        models_main.main, '--backbone', tiny_bert, '--output', output, capsys=capsys
    )
    assert "in each other's way" in fails(
        models_main.main, '--backbone', output, '--output', output, '--overwrite', capsys=capsys
    )
    again = output.with_name('tct_colbert-again')
    models_main.main(['--backbone', str(output), '--output', str(again)])
    assert student.load(again).settings.query_length == 8
    models_main.main(['--backbone', str(tiny_bert), '--output', str(output), '--overwrite'])
    assert student.load(output).settings.query_length == 36


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--query-length', 4], 'the query length 4 is outside 5..192'),
        (['--passage-length', 193], 'the passage length 193'),
        (['--output', 'student'], "student has no 'tct_colbert'"),
    ],
)
def test_the_command_refuses_and_leaves_nothing(tiny_bert, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    words = [*('--backbone', tiny_bert, '--output', tmp_path / 'tct_colbert-x'), *words]
    assert message in fails(models_main.main, *words, capsys=capsys)
    assert list(tmp_path.iterdir()) == []
