# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The student's network for encoding on a CPU by torch: weights laid out once as oneDNN's matrix products want them.

The network itself hands its weights to the library anew at every product, casts them anew in bf16, and builds masks and
keyword arguments for uses that a student does not have: for one query that is most of the time. The arithmetic is the
same; query, key and value are one product, and GELU is done by the product before it. Weights are copied, so what was
prepared is of the moment: training uses the network itself.
"""

from typing import Any

import torch
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from pyserini_tct.models.bert import Bert

NEEDED = ('_reorder_linear_weight', '_linear_pointwise', '_is_mkldnn_bf16_supported')
Norm = tuple[list[int], torch.Tensor, torch.Tensor]
ROWS = 4096  # tokens of a product that the layout is chosen for


def available(bert: Bert, dtype: torch.dtype = torch.float32) -> bool:
    """Tell whether this torch and CPU have the products, and the network an activation that they can do."""
    has = torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in NEEDED)
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
        self.words, self.places = embed.word_embeddings.weight, embed.position_embeddings.weight
        self.segment, self.norm = embed.token_type_embeddings.weight[0], _norm(embed.LayerNorm)
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

    def _product(self, weight: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        reorder = torch.ops.mkldnn._reorder_linear_weight
        return reorder(weight.detach().to(self.dtype).contiguous(), ROWS), bias.detach().to(self.dtype)

    def _normal(self, states: torch.Tensor, norm: Norm) -> torch.Tensor:
        shape, weight, bias = norm
        return layer_norm(states, shape, weight, bias, self.eps)

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the last layer, ``(texts, tokens, hidden)``, of ids and mask ``(texts, tokens)``."""
        texts, tokens = input_ids.shape
        states = self.words[input_ids] + self.segment + self.places[:tokens]
        states = self._normal(states.view(texts * tokens, -1), self.norm)
        visible = None if bool(attention_mask.all()) else attention_mask.bool()[:, None, None]
        for projection, attention, first_norm, inner, outer, second_norm in self.layers:
            mixed = _linear(states.to(self.dtype), projection).view(texts, tokens, 3, self.heads, -1)
            query, key, value = mixed.permute(2, 0, 3, 1, 4)
            found = scaled_dot_product_attention(query, key, value, attn_mask=visible)
            found = found.transpose(1, 2).reshape(texts * tokens, -1)
            states = self._normal(states + _linear(found, attention), first_norm)
            found = _linear(_linear(states.to(self.dtype), inner, 'gelu'), outer)
            states = self._normal(states + found, second_norm)
        return states.view(texts, tokens, -1)


def _norm(module: Any) -> Norm:
    return list(module.normalized_shape), module.weight.detach(), module.bias.detach()


def _linear(rows: torch.Tensor, product: tuple[torch.Tensor, torch.Tensor], after: str = 'none') -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(rows, *product, after, [], 'none')
