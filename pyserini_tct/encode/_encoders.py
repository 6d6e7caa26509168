# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The student on Pyserini's two encoder interfaces, batched and without an autograd graph.

Pyserini accepts these classes by duck typing, so its heavy ``pyserini.encode`` is not imported. Argument names of 1.6
and of 2.x are both taken (2.x renamed ``encoded_query_dir`` to ``encoded_queries_dir``).
"""

import contextlib
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.encode._queries import QueryCache, load_encoded_queries

logger = logging.getLogger(__name__)


class TctColBertQueryEncoder:
    """Encode queries with a student, or look up queries that were encoded before.

    Args:
        encoder_dir: folder or hub name of a student, a published checkpoint or an uncased BERT.
        tokenizer_name: folder or hub name of another vocabulary.
        encoded_query_dir: ``NAME.npy`` with ``NAME.tsv`` beside it, or a name of ``prebuilt`` (see
            :func:`load_encoded_queries`); 1.6's name. As in Pyserini, where there is a model, it encodes all queries.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.
        encoded_queries_dir: 2.x's name for ``encoded_query_dir``.
        batch_size: queries a forward pass in :meth:`encode_batch`.
        backend, precision: see :func:`pyserini_tct.models.backends.use`.
        query_cache: folder in which vectors of queries are kept, for this and other processes.

    Raises:
        TctError: neither a model nor encoded queries, or one of them is unusable, or a ``prefix`` is given (TCT-ColBERT
            has its own).

    Example:
        >>> encoder = TctColBertQueryEncoder('tct_colbert-mine')         # doctest: +SKIP
        >>> encoder.encode('what is a lobster roll').shape              # doctest: +SKIP
        (384,)
    """

    def __init__(
        self,
        encoder_dir: str | Path | None = None,
        tokenizer_name: str | Path | None = None,
        encoded_query_dir: str | Path | None = None,
        device: str = 'cpu',
        encoded_queries_dir: str | Path | None = None,
        batch_size: int = 64,
        backend: str = 'torch',
        precision: str = 'fp32',
        query_cache: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        _check_extras(kwargs)
        queries = encoded_query_dir or encoded_queries_dir
        if not encoder_dir and not queries:
            raise TctError(
                'neither an encoder nor encoded queries: name a checkpoint folder, a hub name or encoded queries'
            )
        self.device, self.batch_size = device, batch_size
        self.model_name = str(encoder_dir or queries)
        self.has_model, self.has_encoded_query = bool(encoder_dir), bool(queries)
        self.embedding = load_encoded_queries(Path(queries)) if queries else {}
        self.has_encoded_queries, self.embeddings = self.has_encoded_query, self.embedding
        if encoder_dir:
            self.student = load_student(encoder_dir, tokenizer_name, device)
            self.backend, self.precision = backend, use_backend(self.student, backend, precision)
            self.cache = self._open_cache(Path(query_cache)) if query_cache else None

    def encode(self, query: str, **kwargs: Any) -> np.ndarray:
        """Return the vector of one query, float32 ``(dimension,)``.

        Raises:
            TctError: there is no model and the query was not encoded before.
        """
        return self.encode_batch([query], **kwargs)[0]

    def encode_batch(self, queries: Sequence[str], **kwargs: Any) -> np.ndarray:
        """Return the vectors of several queries, float32 ``(queries, dimension)``; Pyserini's batch hook."""
        if not self.has_model:
            unknown = next((query for query in queries if query.strip() not in self.embedding), None)
            if unknown is not None:
                raise TctError(f'the query {unknown!r} is not among the encoded queries: name an encoder instead')
            return np.stack([self.embedding[query] for query in queries])
        settings = self.student.settings
        if kwargs.get('max_length') not in (None, settings.query_length):
            _warn_once(f'queries keep {settings.query_length} ids: max_length={kwargs["max_length"]} is ignored')
        return self.cache.vectors(queries, self._embed) if self.cache else self._embed(queries)

    def _embed(self, queries: Sequence[str]) -> np.ndarray:
        rows = self.student.tokenizer.queries(queries, self.student.settings.query_length)
        vectors = self.student.embed(rows, self.batch_size)
        check_finite(vectors, [f'the query {query!r}' for query in queries], self.model_name)
        return vectors

    def _open_cache(self, folder: Path) -> QueryCache:
        digests = [self.student.sha256, self.student.tokenizer.sha256]
        ways = [str(self.student.settings.query_length), self.backend, self.precision]
        return QueryCache(folder, '-'.join([*(digest[:32] for digest in digests), *ways]), self.student.dimension)


class TctColBertDocumentEncoder:
    """Encode passages with a student.

    Args:
        model_name: folder or hub name of a student, a published checkpoint or an uncased BERT.
        tokenizer_name: folder or hub name of another vocabulary.
        device: ``cpu``, ``cuda:0``, ... or ``auto`` (the default: the first GPU if there is one).
        batch_size: passages a forward pass.
        backend, precision: see :func:`pyserini_tct.models.backends.use`.

    Raises:
        TctError: the checkpoint is unusable, or the device or the backend is not there.
    """

    def __init__(
        self,
        model_name: str | Path,
        tokenizer_name: str | Path | None = None,
        device: str = 'auto',
        batch_size: int = 64,
        backend: str = 'torch',
        precision: str = 'fp32',
        **kwargs: Any,
    ) -> None:
        _check_extras(kwargs)
        self.device, self.batch_size, self.model_name = _env.device_of(device), batch_size, str(model_name)
        self.student = load_student(model_name, tokenizer_name, self.device)
        self.backend, self.precision = backend, use_backend(self.student, backend, precision)

    def encode(
        self,
        texts: Sequence[str],
        titles: Sequence[str] | None = None,
        fp16: bool = False,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> np.ndarray:
        """Return the vectors of passages.

        Args:
            texts: passages.
            titles: put before each text, if given.
            fp16: half-precision arithmetic, on a GPU only.
            max_length: most ids of a passage, prefix included; ``None`` takes the checkpoint's
                (154 unless it says other).

        Returns:
            float32 ``(passages, dimension)``.

        Raises:
            TctError: ``fp16`` on a CPU, or titles and texts of different number.
        """
        if titles is not None and len(titles) != len(texts):
            raise TctError(f'{len(titles)} titles for {len(texts)} texts: one title a text is needed')
        passages = [Passage('', text, title) for text, title in zip(texts, titles or [''] * len(texts), strict=True)]
        rows = self.student.tokenizer.passages(passages, passage_length(self.student, max_length))
        with half_precision(self.device) if fp16 else contextlib.nullcontext():
            return self.student.embed(rows, self.batch_size)


def load_student(name: str | Path, tokenizer_name: str | Path | None, device: str) -> Any:
    """Load a student, with another tokenizer if one is named."""
    from pyserini_tct.models import _weights, student
    from pyserini_tct.text import TctTokenizer

    model = student.load(name, device)
    if tokenizer_name:
        model.tokenizer = TctTokenizer.from_folder(_weights.resolve(tokenizer_name))
        _weights.check_vocabulary(model.tokenizer, model.bert.config.vocab_size, str(tokenizer_name))
    return model


def check_finite(vectors: np.ndarray, names: Sequence[str], model_name: str) -> None:
    """Refuse NaN and infinity in the vectors that a model gave, ``(texts, dimension)``.

    Raises:
        TctError: the sentence has the name of the first such row.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise TctError(
            f'the vector of {names[int(finite.argmin())]} is not finite: the weights of {model_name} are unsound, '
            'use another checkpoint'
        )


def use_backend(student: Any, backend: str, precision: str) -> str:
    """Set what a student is computed with; return the precision."""
    from pyserini_tct.models import backends

    return backends.use(student, backend, precision)


def passage_length(student: Any, asked: int | None) -> int:
    """Return the passage length to use; a flag that differs from the checkpoint's length wins with a warning."""
    from pyserini_tct.text import check_lengths

    if asked is None or asked == student.settings.passage_length:
        return student.settings.passage_length
    check_lengths(student.settings.query_length, asked, student.bert.config.max_position_embeddings)
    _warn_once(f'passages of {asked} ids, although the checkpoint says {student.settings.passage_length}')
    return asked


def half_precision(device: str) -> contextlib.AbstractContextManager[Any]:
    """Return a context of fp16 arithmetic on a GPU.

    Raises:
        TctError: the device is a CPU, where fp16 is hundreds of times slower than fp32.
    """
    import torch

    if not str(device).startswith('cuda'):
        raise TctError('fp16 needs a GPU: leave it out on a CPU')
    return torch.autocast('cuda', dtype=torch.float16)


def _check_extras(kwargs: dict[str, Any]) -> None:
    """Take what Pyserini's factories pass to every encoder; refuse what would change the vectors."""
    if kwargs.get('prefix'):
        raise TctError(f'the prefix {kwargs["prefix"]!r} cannot be used: TCT-ColBERT has its own prefixes')
    for name in sorted(set(kwargs) - {'prefix', 'fp16', 'multimodal'}):
        _warn_once(f'TCT-ColBERT ignores {name}={kwargs[name]!r}')


@functools.cache
def _warn_once(sentence: str) -> None:
    logger.warning(sentence)
