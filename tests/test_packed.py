# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Texts laid end to end give what Transformers' own BertModel gives for each text alone, values and gradients."""

import pytest
import torch
from conftest import transformers_bert

from pyserini_tct.models import packed, student
from pyserini_tct.models.student import mean_pooling

GROUPS = [[[2, 5, 6, 7, 8, 9], [2, 9, 8, 7, 6, 5]], [[2, 5, 6, 7], [2, 5, 6, 7, 11, 12, 13], [2, 5, 6, 7, 10]]]
LENGTHS = [len(row) for group in GROUPS for row in group]


@pytest.fixture
def bert(tiny_student):
    return student.load(tiny_student).bert


def alone(bert, row, attended=None):
    """Run Transformers' network on one text."""
    mask = torch.tensor([attended or [1] * len(row)])
    return bert(torch.tensor([row]), attention_mask=mask).last_hidden_state[0]


def test_packed_is_each_text_alone(bert):
    theirs = transformers_bert(bert)
    expected = torch.cat([alone(theirs, row) for group in GROUPS for row in group])
    torch.testing.assert_close(packed.hidden_states(bert, GROUPS), expected, atol=1e-6, rtol=1e-5)


def test_gradients_are_those_of_each_text_alone(bert):
    weight = torch.randn(sum(LENGTHS), bert.config.hidden_size)
    (packed.hidden_states(bert, GROUPS) * weight).sum().backward()
    other = transformers_bert(bert)
    (torch.cat([alone(other, row) for group in GROUPS for row in group]) * weight).sum().backward()
    ours, theirs = (
        {name: value.grad for name, value in network.named_parameters() if value.grad is not None}
        for network in (bert, other)
    )
    assert ours.keys() == theirs.keys()
    assert len(ours) > 10
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_gradients_in_bf16_are_those_in_single_precision_but_for_rounding(bert):
    """Attention leaves autocast on the way: what comes back has the type and the gradient of the rest."""
    weight = torch.randn(sum(LENGTHS), bert.config.hidden_size)
    found = {}
    for enabled in (False, True):
        bert.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            (packed.hidden_states(bert, GROUPS).float() * weight).sum().backward()
        found[enabled] = torch.cat([p.grad.flatten() for p in bert.encoder.parameters() if p.grad is not None])
    assert (found[True] != found[False]).any()
    assert torch.nn.functional.cosine_similarity(found[True], found[False], dim=0) > 0.999
    query = torch.randn(2, 4, 3, 8, dtype=torch.bfloat16, requires_grad=True)
    mixed = packed._mixed(query, query, query, None, 0.0)
    assert mixed.dtype is torch.bfloat16
    single = torch.nn.functional.scaled_dot_product_attention(query.float(), query.float(), query.float())
    torch.testing.assert_close(mixed, single.to(torch.bfloat16), atol=0, rtol=0)


def test_a_token_that_is_not_attended_to_changes_no_other(bert):
    """ColBERT v2 reads [MASK] vectors of a query, but no token looks at them."""
    attended = [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]
    theirs = transformers_bert(bert)
    expected = torch.cat([alone(theirs, row, mask) for row, mask in zip(GROUPS[0], attended, strict=True)])
    found = packed.hidden_states(bert, GROUPS[:1], [[[bool(flag) for flag in mask] for mask in attended]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    changed = [[[2, 5, 6, 7, 20, 21], GROUPS[0][1]]]
    other = packed.hidden_states(bert, changed, [[[bool(flag) for flag in mask] for mask in attended]])
    torch.testing.assert_close(other[:4], found[:4])
    assert not torch.allclose(other[4:6], found[4:6])


def test_dropout_is_the_networks_own(bert):
    bert.train()
    for module in bert.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    assert not torch.allclose(packed.hidden_states(bert, GROUPS), packed.hidden_states(bert, GROUPS))
    bert.eval()
    torch.testing.assert_close(packed.hidden_states(bert, GROUPS), packed.hidden_states(bert, GROUPS))


def test_mean_and_unpack_agree_with_the_padded_mean():
    """A text of nothing but its prefix gives zeros; 4 prefix positions never count."""
    states = torch.randn(sum(LENGTHS), 3)
    padded = packed.unpack(states, LENGTHS)
    mask = torch.tensor([[1] * length + [0] * (max(LENGTHS) - length) for length in LENGTHS])
    torch.testing.assert_close(packed.mean(states, LENGTHS), mean_pooling(padded, mask))
    assert packed.mean(states, LENGTHS)[2].tolist() == [0.0, 0.0, 0.0]
    assert padded[2, 4:].abs().sum() == 0
    torch.testing.assert_close(padded[4, :5], states[-5:])


def test_mean_by_hand():
    states = torch.tensor([[9.0], [9.0], [9.0], [9.0], [1.0], [3.0], [9.0], [9.0], [9.0], [9.0], [5.0]])
    assert packed.mean(states, [6, 5]).tolist() == [[2.0], [5.0]]
