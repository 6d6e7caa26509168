# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""BERT over texts laid end to end: no padding in its matrix products, one pass for queries and passages together.

In: rows of token ids. Out: the last layer, ``(tokens of all texts, hidden)``, which :func:`mean` pools and
:func:`unpack` pads. Only attention, where texts must not see each other, runs on a padded view. The weights are those
of :class:`Bert`, whose results these are; a training step takes about three quarters of the time that it
takes in padded groups (``python -m benchmarks train``).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

from pyserini_tct.models.bert import Bert
from pyserini_tct.text import PREFIX_LENGTH


class _Group(NamedTuple):
    """Texts whose attention runs in one call: their tokens' span, the padded shape, and the way there and back.

    ``spread`` gives each padded place its token, ``gather`` each token its place; both are ``None`` where every text
    is equally long. ``visible`` is true for the keys that may be attended to, ``(texts, 1, 1, longest)``.
    """

    start: int
    end: int
    shape: tuple[int, int]
    spread: torch.Tensor | None
    gather: torch.Tensor | None
    visible: torch.Tensor | None


def hidden_states(
    bert: Bert,
    groups: Sequence[Sequence[Sequence[int]]],
    attended: Sequence[Sequence[Sequence[bool]] | None] | None = None,
    types: Sequence[Sequence[Sequence[int]]] | None = None,
) -> torch.Tensor:
    """Run a BERT over groups of texts; texts of a group should be of like length.

    Args:
        bert: the network; dropout is its own.
        groups: token ids of each text, group by group.
        attended: by group, false for a token that no token may attend to; ``None``: all are attended to.
        types: token types (segments) in the shape of ``groups``; ``None``: 0 everywhere.

    Returns:
        The last layer, ``(tokens, hidden)``, text after text.
    """
    device = bert.embeddings.word_embeddings.weight.device
    rows = [row for group in groups for row in group]
    ids = torch.tensor([token for row in rows for token in row], device=device)
    positions = torch.cat([torch.arange(len(row)) for row in rows]).to(device)
    embed = bert.embeddings
    if types is None:
        segments = embed.token_type_embeddings.weight[0]
    else:
        flat = [type_ for group in types for row in group for type_ in row]
        segments = embed.token_type_embeddings(torch.tensor(flat, device=device))
    states = embed.word_embeddings(ids) + segments + embed.position_embeddings(positions)
    states = embed.dropout(embed.LayerNorm(states))
    plan, start = [], 0
    for number, group in enumerate(groups):
        plan.append(_plan(group, attended[number] if attended else None, start, device))
        start = plan[-1].end
    for layer in bert.encoder.layer:
        output = layer.attention.output
        states = output.LayerNorm(output.dropout(output.dense(_attention(layer.attention.self, states, plan))) + states)
        inner = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(states))
        states = layer.output.LayerNorm(layer.output.dropout(layer.output.dense(inner)) + states)
    return states


def first(states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Return the state of each text's first token, ``[CLS]``: ``(texts, hidden)``."""
    return states.index_select(0, torch.tensor(_starts(lengths)).to(states.device))


def mean(states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Average each text's states after the prefix, as ``student.mean_pooling`` does on padded texts.

    Args:
        states: ``(tokens, hidden)``.
        lengths: tokens of each text; they sum to ``len(states)``.

    Returns:
        ``(texts, hidden)`` in single precision; zeros for a text without a token after the prefix.
    """
    starts, counts = _starts(lengths), [max(0, length - PREFIX_LENGTH) for length in lengths]
    kept = [torch.arange(start + PREFIX_LENGTH, start + length) for start, length in zip(starts, lengths, strict=True)]
    used = states.index_select(0, torch.cat(kept).to(states.device)).float()
    text = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).to(states.device)
    total = torch.zeros(len(counts), states.shape[1], device=states.device).index_add(0, text, used)
    return total / torch.tensor(counts, device=states.device).clamp(min=1).unsqueeze(1)


def unpack(states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Lay texts side by side, ``(texts, longest, hidden)``, zeros after their ends."""
    padded = states.new_zeros(len(lengths), max(lengths), states.shape[1])
    places = torch.cat([torch.arange(length) + i * max(lengths) for i, length in enumerate(lengths)])
    flat = padded.view(-1, states.shape[1]).index_copy(0, places.to(states.device), states)
    return flat.view_as(padded)


def _starts(lengths: Sequence[int]) -> list[int]:
    starts = [0]
    for length in lengths[:-1]:
        starts.append(starts[-1] + length)
    return starts


def _plan(
    group: Sequence[Sequence[int]], attended: Sequence[Sequence[bool]] | None, start: int, device: torch.device
) -> _Group:
    lengths = [len(row) for row in group]
    longest, end = max(lengths), start + sum(lengths)
    hidden = attended is not None and not all(all(row) for row in attended)
    if min(lengths) == longest and not hidden:
        return _Group(start, end, (len(group), longest), None, None, None)
    spread = torch.zeros(len(group), longest, dtype=torch.long)  # a padded place repeats some token: it is not visible
    visible = torch.zeros(len(group), longest, dtype=torch.bool)
    places = []
    for i, (offset, length) in enumerate(zip(_starts(lengths), lengths, strict=True)):
        spread[i, :length] = torch.arange(offset, offset + length)
        visible[i, :length] = torch.tensor(attended[i]) if attended is not None else True
        places.append(torch.arange(i * longest, i * longest + length))
    return _Group(
        start,
        end,
        (len(group), longest),
        spread.view(-1).to(device),
        torch.cat(places).to(device),
        visible[:, None, None].to(device),
    )


def _attention(attention: Any, states: torch.Tensor, plan: Sequence[_Group]) -> torch.Tensor:
    """Return multi-head attention within each text, ``(tokens, hidden)``, before the output projection."""
    heads = attention.num_attention_heads
    projected = [attention.query(states), attention.key(states), attention.value(states)]
    dropout = attention.dropout.p if attention.training else 0.0
    parts = []
    for group in plan:
        views = []
        for tensor in projected:
            tokens = tensor[group.start : group.end]
            if group.spread is not None:
                tokens = tokens.index_select(0, group.spread)
            views.append(tokens.view(*group.shape, heads, -1).transpose(1, 2))
        query, key, value = views
        mixed = _mixed(query, key, value, group.visible, dropout)
        flat = mixed.transpose(1, 2).reshape(group.shape[0] * group.shape[1], -1)
        parts.append(flat if group.gather is None else flat.index_select(0, group.gather))
    return torch.cat(parts)


def _mixed(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visible: torch.Tensor | None, dropout: float
) -> torch.Tensor:
    """Return scaled dot-product attention, ``(texts, heads, longest, dimension)``, in the type of ``query``."""
    if query.dtype is torch.bfloat16 and query.device.type == 'cpu' and query.requires_grad:
        # The backward pass of torch's fused attention has no fast bf16 kernel on the CPU: single precision takes a
        # third of its time (8 texts of 150 tokens, 12 heads of 32: 27 against 91 ms), and the forward pass loses less.
        with torch.autocast('cpu', enabled=False):
            single = query.float(), key.float(), value.float()
            return scaled_dot_product_attention(*single, attn_mask=visible, dropout_p=dropout).to(query.dtype)
    return scaled_dot_product_attention(query, key, value, attn_mask=visible, dropout_p=dropout)
