# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The student's network for encoding on a CPU by torch: weights laid out once as oneDNN's matrix products want them.

The network itself hands its weights to the library anew at every product and casts them anew in bf16: for one query
that is most of the time. The arithmetic is the same; query, key and value are one product, and GELU is done by the
product before it. Texts lie end to end, so that padding costs nothing but in attention; some rows for nothing are added
since oneDNN compiles a product anew for each number of rows, which takes longer than the product, and keeps the code.
Weights are copied, so what was prepared is of the moment: training uses the network itself.
"""

from typing import Any

import torch
from torch.nn.functional import layer_norm, pad, scaled_dot_product_attention

from pyserini_tct.models.bert import Bert

NEEDED = ('_reorder_linear_weight', '_linear_pointwise', '_is_mkldnn_bf16_supported')
Norm = tuple[list[int], torch.Tensor, torch.Tensor]
Product = tuple[torch.Tensor, torch.Tensor]
ROWS = 4096  # tokens of a product that the layout is chosen for
SIZES = 64  # tokens of a product are a multiple of it, where a batch has padding
LANES = 16  # torch's attention takes up to twice the time on a length that is no multiple


def available(bert: Bert, dtype: torch.dtype = torch.float32) -> bool:
    """Tell whether this torch and CPU have the products, and the network an activation that they can do."""
    products = torch.ops.mkldnn
    has = torch.backends.mkldnn.is_available() and all(hasattr(products, name) for name in NEEDED)
    has = has and 'binary' in products._linear_pointwise.overloads()
    half = dtype == torch.bfloat16
    return has and bert.config.hidden_act == 'gelu' and (not half or torch.ops.mkldnn._is_mkldnn_bf16_supported())


class FastBert:
    """The last layer of a BERT, without dropout and gradients.

    Args:
        bert: on the CPU, in single precision.
        dtype: of the products; sums and normalisation are in single precision.
    """

    def __init__(self, bert: Bert, dtype: torch.dtype = torch.float32) -> None:
        embed: Any = bert.embeddings
        self.dtype, self.heads, self.eps = dtype, bert.config.num_attention_heads, bert.config.layer_norm_eps
        self.words, self.norm = embed.word_embeddings.weight.detach(), _norm(embed.LayerNorm)
        self.places = embed.position_embeddings.weight.detach() + embed.token_type_embeddings.weight[0].detach()
        self.layers = [self._layer(layer) for layer in bert.encoder.layer]

    @torch.no_grad()
    def _layer(self, layer: Any) -> tuple[Any, ...]:
        own = layer.attention.self
        three = own.query, own.key, own.value
        return (
            self._product(*(torch.cat([getattr(part, name) for part in three]) for name in ('weight', 'bias'))),
            self._product(layer.attention.output.dense.weight, layer.attention.output.dense.bias),
            _norm(layer.attention.output.LayerNorm),
            self._product(layer.intermediate.dense.weight, layer.intermediate.dense.bias),
            self._product(layer.output.dense.weight, layer.output.dense.bias),
            _norm(layer.output.LayerNorm),
        )

    def _product(self, weight: torch.Tensor, bias: torch.Tensor) -> Product:
        reorder = torch.ops.mkldnn._reorder_linear_weight
        return reorder(weight.detach().to(self.dtype).contiguous(), ROWS), bias.detach().to(self.dtype)

    def _normal(self, states: torch.Tensor, norm: Norm) -> torch.Tensor:
        shape, weight, bias = norm
        return layer_norm(states, shape, weight, bias, self.eps)

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the last layer, ``(texts, tokens, hidden)``, of ids and mask ``(texts, tokens)``; zeros off it."""
        texts, tokens = input_ids.shape
        real = attention_mask.reshape(-1).nonzero().view(-1)
        padded, count = len(real) < texts * tokens, len(real)
        room = -(-tokens // LANES) * LANES if padded else tokens  # of a text in attention
        visible = places = spread = None
        if padded:  # ``places``: of each token among the padded ones; ``spread``: the way back, any token for none
            seen = pad(attention_mask.bool(), (0, room - tokens))
            visible, places = seen[:, None, None], seen.view(-1).nonzero().view(-1)
            spread = places.new_zeros(texts * room).index_copy_(0, places, torch.arange(count))
            real, places = (pad(rows, (0, _recurring(count) - count)) for rows in (real, places))  # by rows for nothing
        states = self.words[input_ids.reshape(-1)[real]] + self.places[real % tokens]
        states = self._normal(states, self.norm)
        for projection, attention, first_norm, inner, outer, second_norm in self.layers:
            mixed = _linear(states.to(self.dtype), projection)
            mixed = mixed if spread is None else mixed.index_select(0, spread)
            query, key, value = mixed.view(texts, room, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            found = scaled_dot_product_attention(query, key, value, attn_mask=visible)
            found = found.transpose(1, 2).reshape(texts * room, -1)
            found = found if places is None else found.index_select(0, places)
            states = self._normal(_added(states, found, attention), first_norm)
            found = _linear(states.to(self.dtype), inner, 'gelu')
            states = self._normal(_added(states, found, outer), second_norm)
        if padded:
            states = states.new_zeros(texts * tokens, states.shape[1]).index_copy_(0, real[:count], states[:count])
        return states.view(texts, tokens, -1)


def _recurring(rows: int) -> int:
    """Return a number of rows, at most 6 % or 63 above, that comes again: a product of a new size is compiled.

    Example:
        >>> _recurring(36), _recurring(1000), _recurring(2049)
        (64, 1024, 2176)
    """
    step = max(SIZES, 2 ** (rows.bit_length() - 5))
    return -(-rows // step) * step


def _norm(module: Any) -> Norm:
    return list(module.normalized_shape), module.weight.detach(), module.bias.detach()


def _linear(rows: torch.Tensor, product: Product, after: str = 'none') -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(rows, *product, after, [], 'none')


def _added(states: torch.Tensor, rows: torch.Tensor, product: Product) -> torch.Tensor:
    """Return states plus the product of rows, in the type of ``states``; one pass where both have the same type."""
    if rows.dtype == states.dtype:
        return torch.ops.mkldnn._linear_pointwise.binary(rows, states, *product, 'add')
    return states + _linear(rows, product)
