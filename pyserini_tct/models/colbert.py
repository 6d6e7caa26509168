# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""ColBERT, the teacher: BERT and a projection, one vector a token, scored by MaxSim.

Reads and writes Hugging Face's ColBERT layout (``bert.*``, ``linear.weight``) with ``colbert.json``: the token contract
of that very checkpoint, what is normalised, and the scale its logits were trained with. Checkpoints of ColBERT v2,
which have ``artifact.metadata`` instead, are read too.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pyserini_tct import _env

import torch  # isort: skip
from torch.nn.functional import normalize  # isort: skip
from torch.nn.utils.rnn import pad_sequence  # isort: skip

from pyserini_tct._atomic import atomic_folder, write_json
from pyserini_tct._errors import TctError
from pyserini_tct._manifest import FORMAT_VERSION, describe
from pyserini_tct.collection import Passage
from pyserini_tct.models import _weights, packed
from pyserini_tct.models._colbert_settings import Settings, read_settings
from pyserini_tct.models.bert import Bert, read_config
from pyserini_tct.scoring import maxsim
from pyserini_tct.text import TctTokenizer, TokenRow

DIMENSION = 128


class TokenVectors(NamedTuple):
    """Token vectors of texts, padded: ``(texts, tokens, dimension)`` and which of them count, ``(texts, tokens)``."""

    vectors: torch.Tensor
    counted: torch.Tensor


Scorer = Callable[[TokenVectors, TokenVectors], torch.Tensor]  # to ``(queries, passages)``


class ColBert(torch.nn.Module):
    """ColBERT's network with its tokenizer and settings.

    Args:
        bert: the backbone.
        linear: the projection, hidden size to dimension.
        tokenizer: of the checkpoint.
        settings: contract, normalisation, scale.
        sha256: digest of the weights file it was read from, empty for a new network.
    """

    def __init__(
        self,
        bert: Bert,
        linear: torch.nn.Linear,
        tokenizer: TctTokenizer,
        settings: Settings | None = None,
        sha256: str = '',
    ) -> None:
        super().__init__()
        self.bert, self.linear, self.tokenizer, self.sha256 = bert, linear, tokenizer, sha256
        self.settings = settings or Settings()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.linear.weight.device

    @property
    def logit_scale(self) -> float:
        """What its scores were multiplied with in its own training."""
        return self.settings.logit_scale

    @property
    def scorer(self) -> Scorer:
        """From token vectors of queries and of passages to MaxSim; it holds no weights."""
        return functools.partial(score, padding=self.settings.padding_score)

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        """Return the token vectors of queries."""
        rows = self.tokenizer.late_queries(texts, self.settings.contract)
        return self._vectors([rows], [self.settings.normalize_queries])[0]

    def encode_passages(self, passages: Sequence[Passage]) -> TokenVectors:
        """Return the token vectors of passages."""
        rows = self.tokenizer.late_passages(passages, self.settings.contract)
        return self._vectors([rows], [self.settings.normalize_passages])[0]

    def forward(self, queries: Sequence[str], passages: Sequence[Passage]) -> torch.Tensor:
        """Return MaxSim of each query with each passage, ``(queries, passages)``."""
        contract = self.settings.contract
        rows = [self.tokenizer.late_queries(queries, contract), self.tokenizer.late_passages(passages, contract)]
        return self.scorer(*self._vectors(rows, [self.settings.normalize_queries, self.settings.normalize_passages]))

    def _vectors(self, groups: Sequence[Sequence[TokenRow]], unit: Sequence[bool]) -> list[TokenVectors]:
        """Encode groups of rows in one pass; ``unit`` says by group whether vectors get length 1."""
        states = packed.hidden_states(
            self.bert,
            [[row.ids for row in rows] for rows in groups],
            [[row.attended for row in rows] for rows in groups],
        )
        tokens, found, start = self.linear(states).float(), [], 0
        for rows, normalized in zip(groups, unit, strict=True):
            lengths = [len(row.ids) for row in rows]
            vectors = tokens[start : start + sum(lengths)]
            start += sum(lengths)
            padded = packed.unpack(normalize(vectors, dim=-1) if normalized else vectors, lengths)
            counted = pad_sequence([torch.tensor(row.counted) for row in rows], batch_first=True).to(self.device)
            found.append(TokenVectors(padded, counted))
        return found

    def save(self, folder: Path, inputs: Iterable[Path] = ()) -> None:
        """Write a checkpoint; the folder appears whole or not at all."""
        manifest = describe('colbert', dataclasses.asdict(self.settings), inputs)
        with atomic_folder(folder, manifest) as partial:
            write_folder(self, partial)


def score(queries: TokenVectors, passages: TokenVectors, padding: float | None = None) -> torch.Tensor:
    """Return MaxSim in single precision whatever the encoder's, ``(queries, passages)``."""
    with torch.autocast(queries.vectors.device.type, enabled=False):
        return maxsim(queries.vectors, passages.vectors, queries.counted, passages.counted, padding=padding)


def write_folder(model: ColBert, folder: Path) -> None:
    """Write the files of a checkpoint into an existing folder."""
    model.bert.config.save(folder, 'HF_ColBERT')
    tensors = {f'bert.{name}': weight.float() for name, weight in model.bert.state_dict().items()}
    tensors |= {f'linear.{name}': weight.float() for name, weight in model.linear.state_dict().items()}
    _weights.write(tensors, folder / 'model.safetensors')
    model.tokenizer.save(folder)
    write_json(folder / 'colbert.json', {'format_version': FORMAT_VERSION, **dataclasses.asdict(model.settings)})


def new(
    backbone: str | Path, dimension: int = DIMENSION, bias: bool = True, settings: Settings | None = None
) -> ColBert:
    """Return an untrained ColBERT on a backbone; the projection is drawn from torch's generator (seed it first).

    Args:
        backbone: folder or hub name of an uncased BERT.
        dimension: of a token vector.
        bias: give the projection a bias, as the paper's code does.
        settings: contract, normalisation, scale.

    Raises:
        TctError: the backbone is unusable.
    """
    folder = _weights.resolve(backbone)
    tokenizer = TctTokenizer.from_folder(folder)
    bert = _weights.build_bert(read_config(folder), _weights.find(folder))
    linear = torch.nn.Linear(bert.config.hidden_size, dimension, bias=bias)
    torch.nn.init.normal_(linear.weight, std=bert.config.initializer_range)
    if bias:
        torch.nn.init.zeros_(linear.bias)
    parents = {'backbone': _weights.digest(_weights.find(folder))}
    return ColBert(bert, linear, tokenizer, dataclasses.replace(settings or Settings(), parents=parents))


def load(name: str | Path, device: str | None = 'cpu') -> ColBert:
    """Load a ColBERT by path or hub name: ours, or one in ColBERT v2's layout.

    Args:
        name: folder, or hub name (downloaded to Hugging Face's cache; needs the network once).
        device: ``cpu``, ``cuda:0``, ... or ``auto``.

    Raises:
        TctError: nothing is there, it is no ColBERT, or its files are damaged.
    """
    folder = _weights.resolve(name)
    config, weights_file = read_config(folder), _weights.find(folder)
    tensors = _weights.read(weights_file)
    projection = tensors.get('linear.weight')
    if projection is None or projection.ndim != 2 or projection.shape[1] != config.hidden_size:
        raise TctError(f'{name} is no ColBERT: its weights have no linear.weight for {config.hidden_size} inputs')
    linear = torch.nn.Linear(projection.shape[1], projection.shape[0], bias='linear.bias' in tensors)
    linear.load_state_dict({key[7:]: tensor.float() for key, tensor in tensors.items() if key.startswith('linear.')})
    if not all(torch.isfinite(weight).all() for weight in linear.parameters()):
        raise TctError(f'{weights_file}: the projection holds NaN or infinity: the checkpoint is damaged')
    bert = _weights.build_bert(config, weights_file, tensors)
    model = ColBert(
        bert, linear, TctTokenizer.from_folder(folder), read_settings(folder), _weights.digest(weights_file)
    )
    return model.to(_env.device_of(device)).eval()
