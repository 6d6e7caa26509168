# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The student: BERT's last layer averaged after the 4-token prefix, one vector a text, scored by dot product.

Reads and writes its checkpoint, a plain BERT folder that stock Pyserini loads, with ``tct.json`` for what BERT's own
files do not say. ``python -m pyserini_tct.models.student`` turns any uncased BERT into such a folder.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env  # sets the thread policy, so it stands before torch

import torch  # isort: skip

from pyserini_tct._atomic import atomic_folder, write_json
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct._manifest import FORMAT_VERSION, describe
from pyserini_tct.collection import Passage
from pyserini_tct.models import _weights, packed
from pyserini_tct.models._names import check_name
from pyserini_tct.models.bert import Bert, read_config
from pyserini_tct.scoring import dot
from pyserini_tct.text import PASSAGE_LENGTH, PREFIX_LENGTH, QUERY_LENGTH, TctTokenizer, check_lengths

CPU_TOKENS = 4096  # ids of a forward pass on the CPU at most


@dataclasses.dataclass(frozen=True)
class Settings:
    """What ``tct.json`` says beside BERT's configuration; lengths in ids, the prefix included."""

    query_length: int = QUERY_LENGTH
    passage_length: int = PASSAGE_LENGTH
    pooling: str = 'mean'
    parents: dict[str, str] = dataclasses.field(default_factory=dict)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)


def mean_pooling(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average token vectors after the prefix over the positions attended to.

    Args:
        hidden: last layer, ``(texts, tokens, dimension)``.
        mask: 1 for a real token, ``(texts, tokens)``.

    Returns:
        ``(texts, dimension)``; zeros for a text without a token after the prefix.

    Source: arXiv 2010.11386, section 3.2; average over the effective mask in the authors' code.
    """
    used = mask[:, PREFIX_LENGTH:].unsqueeze(-1).to(hidden.dtype)
    return (hidden[:, PREFIX_LENGTH:] * used).sum(1) / used.sum(1).clamp(min=1e-9)


class Student(torch.nn.Module):
    """TCT-ColBERT's student network with its tokenizer and settings.

    Args:
        bert: the backbone, with its pooler (unused, kept so that stock Pyserini loads the folder in silence).
        tokenizer: ids of queries and passages.
        settings: lengths and origin.
        sha256: digest of the weights file it was read from, empty for a new network.
    """

    def __init__(self, bert: Bert, tokenizer: TctTokenizer, settings: Settings | None = None, sha256: str = '') -> None:
        super().__init__()
        self.bert, self.tokenizer, self.settings, self.sha256 = bert, tokenizer, settings or Settings(), sha256
        self.runner: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None  # see models.backends
        check_lengths(self.settings.query_length, self.settings.passage_length, bert.config.max_position_embeddings)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.bert.config.hidden_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.bert.embeddings.word_embeddings.weight.device
        return device

    @property
    def batch_tokens(self) -> int | None:
        """Ids of a forward pass of :meth:`embed` at most."""
        return CPU_TOKENS if self.device.type == 'cpu' else None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode ``(texts, tokens)`` ids to ``(texts, dimension)`` vectors."""
        return mean_pooling(self.bert(input_ids, attention_mask).float(), attention_mask)

    def scores(self, queries: Sequence[str], passages: Sequence[Passage]) -> torch.Tensor:
        """Return the dot product of each query with each passage, ``(queries, passages)``, with gradient."""
        q = self.tokenizer.queries(queries, self.settings.query_length)
        p = self.tokenizer.passages(passages, self.settings.passage_length)
        states = packed.hidden_states(self.bert, [q, p])
        with torch.autocast(self.device.type, enabled=False):
            vectors = packed.mean(states, [len(row) for row in (*q, *p)])
            return dot(vectors[: len(q)], vectors[len(q) :])

    @torch.inference_mode()
    def embed(
        self, rows: Sequence[Sequence[int]], batch_size: int = 64, on_batch: Callable[[int], object] | None = None
    ) -> np.ndarray:
        """Encode token ids without an autograd graph, in batches of like length, in the order given.

        Args:
            rows: ids of each text, of any lengths.
            batch_size: texts a forward pass at most; on the CPU also at most ``CPU_TOKENS`` ids, which its cache holds.
            on_batch: called with the number of texts after each forward pass, for progress.

        Returns:
            float32 ``(texts, dimension)``.
        """
        vectors, run = np.empty((len(rows), self.dimension), np.float32), self.runner or self
        for batch in batches_by_length([len(row) for row in rows], batch_size, self.batch_tokens):
            ids, mask = pad([rows[i] for i in batch], self.tokenizer.pad_id)
            vectors[batch] = run(ids.to(self.device), mask.to(self.device)).float().cpu().numpy()
            if on_batch:
                on_batch(len(batch))
        return vectors

    def save(self, folder: Path, inputs: Iterable[Path] = ()) -> None:
        """Write a checkpoint; the folder appears whole or not at all.

        Raises:
            TctError: stock Pyserini would take another class for a folder of that name.
        """
        check_name(folder)
        manifest = describe('student', dataclasses.asdict(self.settings), inputs)
        with atomic_folder(folder, manifest) as partial:
            write_folder(self, partial)


def write_folder(student: Student, folder: Path) -> None:
    """Write the files of a checkpoint into an existing folder."""
    student.bert.config.save(folder, 'BertModel')
    _weights.write(
        {name: weight.float() for name, weight in student.bert.state_dict().items()}, folder / 'model.safetensors'
    )
    student.tokenizer.save(folder)
    write_json(folder / 'tct.json', {'format_version': FORMAT_VERSION, **dataclasses.asdict(student.settings)})
    (folder / 'README.md').write_text(_model_card(student), encoding='utf-8')


def batches_by_length(lengths: Sequence[int], batch_size: int, tokens: int | None = None) -> Iterator[list[int]]:
    """Yield the places of texts in batches of like length, the longest first.

    Args:
        lengths: ids of each text.
        batch_size: texts of a batch at most.
        tokens: ids of a batch at most, padding included; a longer text is a batch of its own.

    Example:
        >>> list(batches_by_length([3, 9, 2, 8, 2], 3, 18))
        [[1, 3], [0, 2, 4]]
    """
    by_length = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(by_length):
        longest = max(1, lengths[by_length[start]])
        size = min(batch_size, max(1, tokens // longest)) if tokens else batch_size
        yield by_length[start : start + size]
        start += size


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and attention mask, ``(texts, longest)``, padded on the right."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[pad_id] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def load(name: str | Path, device: str | None = 'cpu') -> Student:
    """Load a student by path or hub name: our checkpoints, castorini/tct_colbert*, or any uncased BERT.

    Args:
        name: folder, or hub name (downloaded to Hugging Face's cache; needs the network once).
        device: ``cpu``, ``cuda:0``, ... or ``auto``.

    Raises:
        TctError: nothing is there, it is no uncased BERT, or its files are damaged.
    """
    folder = _weights.resolve(name)
    config = read_config(folder)
    tokenizer = TctTokenizer.from_folder(folder)
    _weights.check_vocabulary(tokenizer, config.vocab_size, str(name))
    weights_file = _weights.find(folder)
    bert = _weights.build_bert(config, weights_file)
    settings = _read_settings(folder)
    longest = bert.config.max_position_embeddings
    if max(settings.query_length, settings.passage_length) > longest:
        raise TctError(
            f'{folder} is for {longest} positions, its lengths are {settings.query_length} and '
            f'{settings.passage_length}: give shorter ones in tct.json'
        )
    student = Student(bert, tokenizer, settings, _weights.digest(weights_file))
    return student.to(_env.device_of(device)).eval()


def _read_settings(folder: Path) -> Settings:
    if not (folder / 'tct.json').exists():
        return Settings()
    content = read_json(folder / 'tct.json')
    version = content.pop('format_version', None)
    if version != FORMAT_VERSION or content.get('pooling') != 'mean':
        raise TctError(
            f'{folder}/tct.json has format version {version} and pooling {content.get("pooling")!r}: '
            f'this release reads version {FORMAT_VERSION} and mean pooling'
        )
    known = {field.name for field in dataclasses.fields(Settings)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise TctError(
            f'{folder}/tct.json has an unknown setting {unknown[0]!r}: a newer release wrote it, upgrade pyserini-tct'
        )
    settings = Settings(**content)
    for name in ('query_length', 'passage_length'):
        length = getattr(settings, name)
        if isinstance(length, bool) or not isinstance(length, int) or length <= PREFIX_LENGTH:
            raise TctError(f'{folder}/tct.json: {name} is {length!r}, a whole number above {PREFIX_LENGTH} is needed')
    return settings


def _model_card(student: Student) -> str:
    return f"""---
license: apache-2.0
library_name: pyserini
tags: [tct-colbert, dense-retrieval]
---
# A TCT-ColBERT student

One vector of {student.dimension} dimensions a text: the mean of the last layer after the 4-token prefix, scored by dot
product (arXiv 2010.11386). Queries take {student.settings.query_length} ids, passages at most
{student.settings.passage_length}. Made by pyserini-tct; settings and origin are in `tct.json`.
Pyserini reads it with `--encoder-class tct_colbert`.
"""
