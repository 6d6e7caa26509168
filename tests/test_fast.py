# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Prepared weights give what Transformers' BertModel gives, padding or not; what cannot be prepared is run as it is."""

import numpy as np
import pytest
import torch
from conftest import transformers_bert

from pyserini_tct.models import backends, fast, student

ROWS = [[2, 5, 6, 7, 8, 9, 10], [2, 9, 8, 7, 6, 5], [2, 5, 6, 7]]
LONG = [[2, *range(5, 5 + length)] for length in (16, 15, 20, 3)]  # around what attention is padded to


@pytest.fixture
def model(tiny_student):
    found = student.load(tiny_student)
    for parameter in found.parameters():  # biases are zero at first, and norms one: a swapped pair would go unseen
        torch.nn.init.normal_(parameter, std=0.1)
    return found


@pytest.mark.parametrize('rows', [ROWS, ROWS[:1], [ROWS[0], ROWS[0][::-1]], LONG, LONG[:2]])
def test_the_last_layer_is_berts(model, rows):
    ids, mask = student.pad(rows, 0)
    with torch.inference_mode():
        expected = transformers_bert(model.bert)(ids, attention_mask=mask).last_hidden_state
        found = fast.FastBert(model.bert)(ids, mask)
    used = mask.bool()
    torch.testing.assert_close(found[used], expected[used], atol=1e-6, rtol=1e-5)
    assert not found[~used].any()


def test_sizes_of_products_come_again(model, monkeypatch):
    """Guards against memory that grows with the corpus: oneDNN keeps about 0.3 MB for each number of rows."""
    prepared, sizes, product = fast.FastBert(model.bert), set(), fast._linear
    monkeypatch.setattr(fast, '_linear', lambda rows, *rest: sizes.add(len(rows)) or product(rows, *rest))
    for texts in range(5, 80):
        prepared(*student.pad([[2, *[5] * length] for length in range(10, 10 + texts)], 0))
    assert max(sizes) > 3900
    assert len(sizes) <= 48  # of 75 batches: 16 up to 1024 tokens, 16 to 2048, 16 to 4096


def test_bf16_is_near(model):
    if not fast.available(model.bert, torch.bfloat16):
        pytest.skip('this CPU has no such products')
    ids, mask = student.pad([*ROWS, *LONG], 0)
    with torch.inference_mode():
        exact, near = fast.FastBert(model.bert)(ids, mask), fast.FastBert(model.bert, torch.bfloat16)(ids, mask)
    assert near.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(near, exact, dim=-1)[mask.bool()].min() > 0.999
    assert not torch.equal(near, exact)


def test_an_encoder_is_prepared_and_a_network_in_training_is_not(model, monkeypatch):
    """Weights are copied: a student that is trained on must not be encoded with those of before."""
    assert model.runner is None
    plain = model.embed(ROWS)
    backends.use(model)
    np.testing.assert_allclose(model.embed(ROWS), plain, atol=1e-6)
    assert model.runner is not None
    monkeypatch.setattr(model.bert.config, 'hidden_act', 'relu')
    backends.use(model)
    assert model.runner is None
