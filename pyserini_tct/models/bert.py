# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""BERT, as much of it as retrieval needs: its configuration and its network, under the names of Transformers' classes.

Transformers and stock Pyserini read what is written here, and theirs is read here. It is not their class because
importing that takes longer than all else that a search for one query does.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention, silu

from pyserini_tct._atomic import write_json
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json


def _gelu_by_tanh(states: torch.Tensor) -> torch.Tensor:
    return gelu(states, approximate='tanh')


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    'gelu': gelu,
    'gelu_python': gelu,
    'gelu_new': _gelu_by_tanh,
    'gelu_fast': _gelu_by_tanh,
    'gelu_pytorch_tanh': _gelu_by_tanh,
    'relu': relu,
    'silu': silu,
    'tanh': torch.tanh,
}
# Of where a checkpoint lay, in which floats, with which head, how it was run: not true of what is written here.
DROPPED = ('_name_or_path', 'dtype', 'torch_dtype', 'transformers_version', 'num_labels', 'problem_type',
           'gradient_checkpointing', '_attn_implementation', 'id2label', 'label2id',
           'sentence_transformers')  # fmt: skip
LARGEST = 2**31  # of a size


@dataclasses.dataclass
class Config:
    """What ``config.json`` says of a BERT; the defaults are BERT's.

    Args:
        others: everything else that the file says, written again as it was.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    hidden_act: str = 'gelu'
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    others: dict[str, Any] = dataclasses.field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return what ``config.json`` holds."""
        known = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != 'others'}
        return {**self.others, **known, 'model_type': 'bert', 'dtype': 'float32'}

    def save(self, folder: Path, architecture: str, **more: Any) -> None:
        """Write ``config.json``, with the name of Transformers' class that reads the weights."""
        write_json(folder / 'config.json', {**self.content(), **more, 'architectures': [architecture]})


def read_config(folder: Path) -> Config:
    """Read the configuration of a checkpoint folder.

    Raises:
        TctError: it is of another model, or its values make no sense; the first is named.
    """
    path = folder / 'config.json'
    content = read_json(path)
    if content.get('model_type') != 'bert':
        raise TctError(f'{folder} is a {content.get("model_type")} model: TCT-ColBERT needs an uncased BERT')
    config = Config()
    for field in dataclasses.fields(Config):
        if field.name == 'others' or field.name not in content:
            continue
        value = content.pop(field.name)
        whole = field.type is int
        if field.type is str:
            fits = isinstance(value, str)
        else:
            low, high = (1, LARGEST) if whole else (0, 1)
            fits = isinstance(value, int if whole else (int, float)) and low <= value <= high
        if not fits or isinstance(value, bool):
            raise TctError(f'{path} describes no BERT: its {field.name} is {value!r}')
        setattr(config, field.name, float(value) if field.type is float else value)
    if config.hidden_size % config.num_attention_heads:
        raise TctError(
            f'{path} describes no BERT: {config.num_attention_heads} heads do not divide a hidden_size of '
            f'{config.hidden_size}'
        )
    if config.hidden_act not in ACTIVATIONS:
        raise TctError(f'{path}: the activation {config.hidden_act!r} is none of {", ".join(ACTIVATIONS)}')
    for name, usual in (('position_embedding_type', 'absolute'), ('is_decoder', False)):
        if content.get(name) not in (None, usual):
            raise TctError(f'{path}: {name} is {content[name]!r}, TCT-ColBERT needs a BERT with {usual!r}')
    config.others = {name: value for name, value in content.items() if name not in DROPPED}
    return config


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Draw nothing: weights are a checkpoint's."""


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        """Draw nothing."""


class _LayerNorm(nn.LayerNorm):
    def reset_parameters(self) -> None:
        """Set nothing."""


class _Part(nn.Module):
    """A node of the tree of names."""

    def __init__(self, /, **parts: nn.Module) -> None:  # a part of attention is called self
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class _SelfAttention(_Part):
    def __init__(self, config: Config) -> None:
        size = config.hidden_size
        super().__init__(**{name: _Linear(size, size) for name in ('query', 'key', 'value')})
        self.num_attention_heads = config.num_attention_heads
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)


class _Intermediate(_Part):
    def __init__(self, config: Config) -> None:
        super().__init__(dense=_Linear(config.hidden_size, config.intermediate_size))
        self.intermediate_act_fn = ACTIVATIONS[config.hidden_act]


class _Embeddings(_Part):
    def __init__(self, config: Config) -> None:
        size = config.hidden_size
        super().__init__(
            word_embeddings=_Embedding(config.vocab_size, size),
            position_embeddings=_Embedding(config.max_position_embeddings, size),
            token_type_embeddings=_Embedding(config.type_vocab_size, size),
            LayerNorm=_LayerNorm(size, eps=config.layer_norm_eps),
            dropout=nn.Dropout(config.hidden_dropout_prob),
        )


class _Pooler(_Part):
    dense: nn.Linear

    def __init__(self, config: Config) -> None:
        super().__init__(dense=_Linear(config.hidden_size, config.hidden_size))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the pooled first tokens, ``(texts, hidden)``, of states ``(texts, tokens, hidden)``."""
        pooled: torch.Tensor = self.dense(states[:, 0])
        return pooled.tanh()


def _output(inputs: int, config: Config) -> _Part:
    return _Part(
        dense=_Linear(inputs, config.hidden_size),
        LayerNorm=_LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
        dropout=nn.Dropout(config.hidden_dropout_prob),
    )


def _layer(config: Config) -> _Part:
    return _Part(
        attention=_Part(self=_SelfAttention(config), output=_output(config.hidden_size, config)),
        intermediate=_Intermediate(config),
        output=_output(config.intermediate_size, config),
    )


class Bert(nn.Module):
    """BERT's encoder with its pooler; its weights are not set before ``load_state_dict``.

    Args:
        config: sizes, activation, dropout.
    """

    embeddings: Any
    encoder: Any
    pooler: Any

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.embeddings = config, _Embeddings(config)
        self.encoder = _Part(layer=nn.ModuleList(_layer(config) for _ in range(config.num_hidden_layers)))
        self.pooler = _Pooler(config)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the last layer, ``(texts, tokens, hidden)``, of ids and mask ``(texts, tokens)``."""
        *_, last = self.layers(input_ids, attention_mask)
        return last

    def layers(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the embedded tokens and each layer, ``(texts, tokens, hidden)``."""
        embed = self.embeddings
        texts, tokens = input_ids.shape
        places = embed.position_embeddings.weight[:tokens]
        states = embed.word_embeddings(input_ids) + embed.token_type_embeddings.weight[0] + places
        yield (states := embed.dropout(embed.LayerNorm(states)))
        hidden = 1.0 - attention_mask[:, None, None].to(states.dtype)
        added = hidden * torch.finfo(states.dtype).min  # a sum, not a choice, is what runtimes of ONNX are fast at
        for layer in self.encoder.layer:
            own, output = layer.attention.self, layer.attention.output
            query, key, value = (part(states).view(texts, tokens, own.num_attention_heads, -1).transpose(1, 2)
                     for part in (own.query, own.key, own.value))  # fmt: skip
            dropout = own.dropout.p if own.training else 0.0
            mixed = scaled_dot_product_attention(query, key, value, attn_mask=added, dropout_p=dropout)
            mixed = mixed.transpose(1, 2).reshape(texts, tokens, -1)
            states = output.LayerNorm(output.dropout(output.dense(mixed)) + states)
            inner = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(states))
            yield (states := layer.output.LayerNorm(layer.output.dropout(layer.output.dense(inner)) + states))
