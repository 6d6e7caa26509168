# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The cross-encoder, a teacher and re-ranker: BERT over ``[CLS] query [SEP] passage [SEP]``, one score a pair.

Reads and writes Hugging Face's ``BertForSequenceClassification`` with one label (``bert.*``, ``classifier.*``):
Transformers and sentence-transformers read what is written here, and published checkpoints of that layout are read.
``cross.json`` says what those files do not: the length of a pair and the scale its logits were trained with.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env

import torch  # isort: skip

from pyserini_tct._atomic import atomic_folder, write_json
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct._manifest import FORMAT_VERSION, describe
from pyserini_tct.collection import Passage
from pyserini_tct.models import _weights, packed
from pyserini_tct.models.bert import Bert, read_config
from pyserini_tct.text import PAIR_SPECIALS, PASSAGE_LENGTH, QUERY_LENGTH, PairRow, TctTokenizer

CHUNK = 64  # pairs a forward pass


@dataclasses.dataclass(frozen=True)
class Settings:
    """What ``cross.json`` says.

    Args:
        length: most ids of a pair, ``[CLS]`` and both ``[SEP]`` included.
        logit_scale: what the scores were multiplied with in the training loss; ``None``: unknown (no ``cross.json``).
        parents, training: where the checkpoint comes from.
    """

    length: int = QUERY_LENGTH + PASSAGE_LENGTH
    logit_scale: float | None = 1.0
    parents: dict[str, str] = dataclasses.field(default_factory=dict)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)


class CrossEncoder(torch.nn.Module):
    """A cross-encoder's network with its tokenizer and settings.

    Args:
        bert: the backbone; its pooler is used.
        classifier: from the pooled ``[CLS]`` to one score.
        tokenizer: of the checkpoint.
        settings: length, scale, origin.
        sha256: digest of the weights file it was read from, empty for a new network.

    Raises:
        TctError: the length has no room for text, or the backbone has fewer positions.
    """

    def __init__(
        self,
        bert: Bert,
        classifier: torch.nn.Linear,
        tokenizer: TctTokenizer,
        settings: Settings | None = None,
        sha256: str = '',
    ) -> None:
        super().__init__()
        self.bert, self.classifier, self.tokenizer, self.sha256 = bert, classifier, tokenizer, sha256
        self.settings = settings or Settings()
        self.dropout = torch.nn.Dropout(bert.config.hidden_dropout_prob)
        longest, least = bert.config.max_position_embeddings, PAIR_SPECIALS + 2
        if not least <= self.settings.length <= longest:
            raise TctError(
                f'a pair of {self.settings.length} ids is outside {least}..{longest}, which this backbone allows: '
                'give shorter or longer lengths of query and passage'
            )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.classifier.weight.device

    def forward(
        self, queries: Sequence[str], passages: Sequence[Passage], wanted: np.ndarray | None = None
    ) -> torch.Tensor:
        """Score pairs.

        Args:
            queries: texts.
            passages: title before text.
            wanted: true for a pair to score, ``(queries, passages)``; ``None``: all.

        Returns:
            ``(queries, passages)`` in single precision, 0 where not wanted.
        """
        shape = (len(queries), len(passages))
        pairs = np.argwhere(np.ones(shape, bool) if wanted is None else wanted)
        rows = self.tokenizer.pairs(queries, passages, pairs, self.settings.length)
        by_length = sorted(range(len(rows)), key=lambda k: -len(rows[k].ids))
        scores = torch.zeros(len(queries) * len(passages), device=self.device)
        if not rows:
            return scores.view(shape)
        chunks = [by_length[start : start + CHUNK] for start in range(0, len(by_length), CHUNK)]
        found = torch.cat([self.logits([rows[k] for k in chunk]) for chunk in chunks])
        places = torch.from_numpy(np.ravel_multi_index(tuple(pairs[by_length].T), shape)).to(self.device)
        return scores.index_copy(0, places, found).view(shape)

    def logits(self, rows: Sequence[PairRow]) -> torch.Tensor:
        """Return the scores of tokenised pairs, ``(pairs,)``, from one forward pass."""
        ids = [row.ids for row in rows]
        states = packed.hidden_states(self.bert, [ids], types=[[row.types for row in rows]])
        pooled = self.bert.pooler(packed.first(states, [len(row) for row in ids]).unsqueeze(1))
        return self.classifier(self.dropout(pooled)).float().squeeze(-1)

    def save(self, folder: Path, inputs: Iterable[Path] = ()) -> None:
        """Write a checkpoint; the folder appears whole or not at all."""
        manifest = describe('cross', dataclasses.asdict(self.settings), inputs)
        with atomic_folder(folder, manifest) as partial:
            write_folder(self, partial)


def write_folder(model: CrossEncoder, folder: Path) -> None:
    """Write the files of a checkpoint into an existing folder."""
    labels = {'id2label': {'0': 'LABEL_0'}, 'label2id': {'LABEL_0': 0}}
    # sentence-transformers would put a sigmoid on the score: the same order, but other scores than ours.
    plain = {'activation_fn': 'torch.nn.modules.linear.Identity'}
    model.bert.config.save(folder, 'BertForSequenceClassification', **labels, sentence_transformers=plain)
    tensors = {f'bert.{name}': weight.float() for name, weight in model.bert.state_dict().items()}
    tensors |= {f'classifier.{name}': weight.float() for name, weight in model.classifier.state_dict().items()}
    _weights.write(tensors, folder / 'model.safetensors')
    model.tokenizer.save(folder, model.settings.length)
    write_json(folder / 'cross.json', {'format_version': FORMAT_VERSION, **dataclasses.asdict(model.settings)})


def new(backbone: str | Path, settings: Settings | None = None) -> CrossEncoder:
    """Return an untrained cross-encoder; its head is drawn from torch's generator (seed it first).

    A pooler that the backbone lacks is drawn as well.

    Args:
        backbone: folder or hub name of an uncased BERT.
        settings: length and scale.

    Raises:
        TctError: the backbone is unusable, or too short for the length.
    """
    folder = _weights.resolve(backbone)
    tokenizer, weights_file = TctTokenizer.from_folder(folder), _weights.find(folder)
    bert = _weights.build_bert(read_config(folder), weights_file)
    spread = bert.config.initializer_range
    if not bert.pooler.dense.weight.any():  # what build_bert fills in
        torch.nn.init.normal_(bert.pooler.dense.weight, std=spread)
    classifier = torch.nn.Linear(bert.config.hidden_size, 1)
    torch.nn.init.normal_(classifier.weight, std=spread)
    torch.nn.init.zeros_(classifier.bias)
    parents = {'backbone': _weights.digest(weights_file)}
    return CrossEncoder(bert, classifier, tokenizer, dataclasses.replace(settings or Settings(), parents=parents))


def load(name: str | Path, device: str | None = 'cpu') -> CrossEncoder:
    """Load a cross-encoder by path or hub name: ours, or a published ``BertForSequenceClassification`` with one label.

    Args:
        name: folder, or hub name (downloaded to Hugging Face's cache; needs the network once).
        device: ``cpu``, ``cuda:0``, ... or ``auto``.

    Raises:
        TctError: nothing is there, it is no cross-encoder, or its files are damaged.
    """
    folder = _weights.resolve(name)
    config, weights_file = read_config(folder), _weights.find(folder)
    tensors = _weights.read(weights_file)
    shapes = {'classifier.weight': (1, config.hidden_size), 'classifier.bias': (1,)}
    for key, shape in {**shapes, 'bert.pooler.dense.weight': (config.hidden_size, config.hidden_size)}.items():
        found = tuple(tensors[key].shape) if key in tensors else 'missing'
        if found != shape:
            raise TctError(f'{name} is no cross-encoder with one score a pair: its {key} is {found}, not {shape}')
    classifier = torch.nn.Linear(config.hidden_size, 1)
    classifier.load_state_dict({key.split('.')[1]: tensors[key].float() for key in shapes})
    if not all(torch.isfinite(weight).all() for weight in classifier.parameters()):
        raise TctError(f'{weights_file}: the classifier holds NaN or infinity: the checkpoint is damaged')
    tokenizer = TctTokenizer.from_folder(folder)
    _weights.check_vocabulary(tokenizer, config.vocab_size, str(name))
    bert = _weights.build_bert(config, weights_file, tensors)
    settings = _read_settings(folder, config.max_position_embeddings)
    model = CrossEncoder(bert, classifier, tokenizer, settings, _weights.digest(weights_file))
    return model.to(_env.device_of(device)).eval()


def _read_settings(folder: Path, positions: int) -> Settings:
    if (folder / 'cross.json').exists():
        content = read_json(folder / 'cross.json')
        version = content.pop('format_version', None)
        if version != FORMAT_VERSION:
            raise TctError(f'{folder}/cross.json has format version {version}, this release reads {FORMAT_VERSION}')
        try:
            settings = Settings(**content)
        except TypeError as error:
            raise TctError(f'{folder}/cross.json is not as this release writes it ({error})') from error
        if isinstance(settings.length, bool) or not isinstance(settings.length, int):
            raise TctError(f'{folder}/cross.json: length is {settings.length!r}, a whole number is needed')
        scale = settings.logit_scale
        if scale is not None and not (isinstance(scale, (int, float)) and math.isfinite(scale) and scale > 0):
            raise TctError(f'{folder}/cross.json: logit_scale is {scale!r}, a number above 0 or null is needed')
        return settings
    path = folder / 'tokenizer_config.json'
    longest = read_json(path).get('model_max_length') if path.exists() else None
    return Settings(min(positions, longest) if isinstance(longest, int) else positions, logit_scale=None)
