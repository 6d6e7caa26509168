# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Text to token ids: the only place that knows how TCT-ColBERT writes a query and a passage.

A query is ``[CLS] [ q ]`` + word pieces + ``[MASK]`` up to exactly 36 ids, all attended to; a passage is
``[CLS] [ d ]`` + word pieces, at most 154 ids. Neither has a ``[SEP]``. ``[Q]`` and ``[D]`` are no special tokens: an
uncased BERT splits them into three word pieces, which is why the first four positions are dropped before pooling (arXiv
2010.11386 and its code). A cross-encoder reads ``[CLS] query [SEP] passage [SEP]``. A literal ``[MASK]`` in user text
stays text; in Pyserini it becomes the special token.
"""

import dataclasses
import hashlib
import json
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from pyserini_tct._errors import TctError
from pyserini_tct._files import numbered_lines, read_json
from pyserini_tct.collection import Passage

PREFIX_LENGTH = 4
QUERY_LENGTH = 36
PASSAGE_LENGTH = 154
PAIR_SPECIALS = 3  # [CLS] and two [SEP] of a cross-encoder's input
UNKNOWN = '[UNK]'
SPECIAL = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]')


@dataclasses.dataclass(frozen=True)
class TokenContract:
    """How a late-interaction model writes its texts; the default is TCT-ColBERT's own.

    Args:
        query_prefix: tokens before a query's word pieces.
        passage_prefix: likewise for a passage.
        query_length: ids of a query, filled up with ``[MASK]``.
        passage_length: most ids of a passage.
        separator: put ``[SEP]`` after the word pieces.
        attend_to_masks: the ``[MASK]``s of a query are attended to (they count in MaxSim in any case).
        dropped: leading positions that do not count in MaxSim.
        skip_punctuation: passage tokens that are punctuation do not count in MaxSim.
    """

    query_prefix: tuple[str, ...] = ('[CLS]', '[', 'q', ']')
    passage_prefix: tuple[str, ...] = ('[CLS]', '[', 'd', ']')
    query_length: int = QUERY_LENGTH
    passage_length: int = PASSAGE_LENGTH
    separator: bool = False
    attend_to_masks: bool = True
    dropped: int = PREFIX_LENGTH
    skip_punctuation: bool = False


class TokenRow(NamedTuple):
    """The ids of a text, which of them are attended to, and which count in MaxSim."""

    ids: list[int]
    attended: list[bool]
    counted: list[bool]


class PairRow(NamedTuple):
    """The ids of a query with a passage, and their token types: 0 up to the first ``[SEP]``, then 1."""

    ids: list[int]
    types: list[int]


class TctTokenizer:
    """WordPiece ids of queries and passages, from the vocabulary of an uncased BERT.

    Args:
        vocab: word piece to id.
        strip_accents: as in the backbone's configuration; ``None`` follows lower-casing, which is BERT's default.
        handle_chinese_chars: put spaces around CJK characters.
        name: where the vocabulary came from, for messages.

    Raises:
        TctError: the vocabulary lacks a special token, or ``[ q ]`` and ``[ d ]`` are not three known word pieces each.
    """

    def __init__(
        self,
        vocab: dict[str, int],
        strip_accents: bool | None = None,
        handle_chinese_chars: bool = True,
        name: str = 'vocabulary',
    ) -> None:
        if not all(isinstance(number, int) and number >= 0 for number in vocab.values()):
            raise TctError(f'{name} has an id that is no whole number of at least 0: it is damaged')
        missing = [token for token in SPECIAL if token not in vocab]
        if missing:
            raise TctError(f'{name} has no {missing[0]}: TCT-ColBERT needs the vocabulary of an uncased BERT')
        self.vocab = vocab
        self.strip_accents, self.handle_chinese_chars = strip_accents, handle_chinese_chars
        # No added special tokens: the splitter that would find '[MASK]' in user text does not exist here.
        self._pieces = Tokenizer(WordPiece(vocab, unk_token=UNKNOWN, max_input_chars_per_word=100))
        self._pieces.normalizer = BertNormalizer(
            clean_text=True, handle_chinese_chars=handle_chinese_chars, strip_accents=strip_accents, lowercase=True
        )
        self._pieces.pre_tokenizer = BertPreTokenizer()
        described = json.dumps([sorted(vocab.items()), strip_accents, handle_chinese_chars])
        self.sha256 = hashlib.sha256(described.encode()).hexdigest()
        self.mask_id, self.pad_id = vocab['[MASK]'], vocab['[PAD]']
        self._query_prefix, self._passage_prefix = self._prefix('[Q]', name), self._prefix('[D]', name)

    @classmethod
    def from_folder(cls, folder: Path) -> 'TctTokenizer':
        """Read ``tokenizer.json``, or else ``vocab.txt`` with ``tokenizer_config.json``.

        Raises:
            TctError: there is no vocabulary, or it is not WordPiece, or it is cased.
        """
        if (folder / 'tokenizer.json').exists():
            description = read_json(folder / 'tokenizer.json')
            model, normalizer = description.get('model') or {}, description.get('normalizer') or {}
            # Early files leave out the model's type; only WordPiece has this prefix.
            if model.get('type', 'WordPiece') != 'WordPiece' or 'continuing_subword_prefix' not in model:
                raise TctError(
                    f'{folder} has a {model.get("type")} tokenizer: TCT-ColBERT needs an uncased BERT (WordPiece)'
                )
            if not normalizer.get('lowercase', False):
                raise TctError(f'{folder} has a cased tokenizer: TCT-ColBERT needs an uncased BERT')
            return cls(
                model['vocab'],
                normalizer.get('strip_accents'),
                normalizer.get('handle_chinese_chars', True),
                str(folder),
            )
        if not (folder / 'vocab.txt').exists():
            raise TctError(f'{folder} has neither tokenizer.json nor vocab.txt: an uncased BERT folder is needed')
        config = read_json(folder / 'tokenizer_config.json') if (folder / 'tokenizer_config.json').exists() else {}
        if not config.get('do_lower_case', True):
            raise TctError(f'{folder} has a cased tokenizer: TCT-ColBERT needs an uncased BERT')
        vocab = {line: number - 1 for number, line in numbered_lines(folder / 'vocab.txt')}
        return cls(vocab, config.get('strip_accents'), config.get('tokenize_chinese_chars', True), str(folder))

    def save(self, folder: Path, longest: int = 512) -> None:
        """Write the tokenizer files that Transformers, and so stock Pyserini, reads; ``longest`` is their cut."""
        from transformers import BertTokenizerFast  # type: ignore[attr-defined,unused-ignore]

        BertTokenizerFast(
            vocab=self.vocab,
            do_lower_case=True,
            strip_accents=self.strip_accents,
            tokenize_chinese_chars=self.handle_chinese_chars,
            model_max_length=longest,
        ).save_pretrained(folder)
        words = sorted(self.vocab, key=lambda word: self.vocab[word])
        (folder / 'vocab.txt').write_text('\n'.join(words) + '\n', encoding='utf-8')

    def queries(self, texts: Sequence[str], length: int = QUERY_LENGTH) -> list[list[int]]:
        """Return the ids of each query: exactly ``length``, padded with ``[MASK]``."""
        rows = self._rows(self._query_prefix, texts, length)
        return [row + [self.mask_id] * (length - len(row)) for row in rows]

    def passages(self, passages: Sequence[Passage], length: int = PASSAGE_LENGTH) -> list[list[int]]:
        """Return the ids of each passage, title before text: at least the 4 prefix ids, at most ``length``."""
        return self._rows(self._passage_prefix, _texts(passages), length)

    def late_queries(self, texts: Sequence[str], contract: TokenContract) -> list[TokenRow]:
        """Return the rows of queries under a late-interaction model's contract."""
        rows = []
        for ids in self._framed(texts, contract.query_prefix, contract.query_length, contract.separator):
            masks = contract.query_length - len(ids)
            attended = [True] * len(ids) + [contract.attend_to_masks] * masks
            counted = [position >= contract.dropped for position in range(contract.query_length)]
            rows.append(TokenRow(ids + [self.mask_id] * masks, attended, counted))
        return rows

    def late_passages(self, passages: Sequence[Passage], contract: TokenContract) -> list[TokenRow]:
        """Return the rows of passages, title before text, under a late-interaction model's contract."""
        skipped = {self.vocab.get(mark) for mark in string.punctuation} if contract.skip_punctuation else set()
        rows = []
        for ids in self._framed(_texts(passages), contract.passage_prefix, contract.passage_length, contract.separator):
            counted = [position >= contract.dropped and id_ not in skipped for position, id_ in enumerate(ids)]
            rows.append(TokenRow(ids, [True] * len(ids), counted))
        return rows

    def pairs(
        self, queries: Sequence[str], passages: Sequence[Passage], wanted: Iterable[Sequence[int]], length: int
    ) -> list[PairRow]:
        """Return the rows of query-passage pairs, ``[CLS] query [SEP] passage [SEP]``, for a cross-encoder.

        Args:
            queries: texts.
            passages: title before text.
            wanted: (query, passage) as positions in the two lists.
            length: most ids of a row. What is longer loses ids from the end of the longer text, as in Transformers
                (``longest_first``): nearly always the passage.
        """
        cls, sep, room = self.vocab['[CLS]'], self.vocab['[SEP]'], length - PAIR_SPECIALS
        first, second = self._ids(queries), self._ids(_texts(passages))
        rows = []
        for i, j in wanted:
            query, passage = first[i], second[j]
            if len(query) + len(passage) > room:
                short = min(len(query), len(passage), room // 2)
                kept = short if len(query) <= len(passage) else room - short
                query, passage = query[:kept], passage[: room - kept]
            types = [0] * (len(query) + 2) + [1] * (len(passage) + 1)
            rows.append(PairRow([cls, *query, sep, *passage, sep], types))
        return rows

    def _framed(self, texts: Sequence[str], prefix: Sequence[str], length: int, separator: bool) -> list[list[int]]:
        unknown = next((token for token in prefix if token not in self.vocab), None)
        if unknown is not None:
            raise TctError(f'the vocabulary has no {unknown!r}, which the checkpoint puts before its texts')
        end = [self.vocab['[SEP]']] if separator else []
        rows = self._rows([self.vocab[token] for token in prefix], texts, length - len(end))
        return [row + end for row in rows]

    def _rows(self, prefix: list[int], texts: Sequence[str], length: int) -> list[list[int]]:
        return [prefix + ids[: length - len(prefix)] for ids in self._ids(texts)]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [row.ids for row in self._pieces.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _prefix(self, marker: str, name: str) -> list[int]:
        ids = [self.vocab['[CLS]'], *self._pieces.encode(marker, add_special_tokens=False).ids]
        if len(ids) != PREFIX_LENGTH or self.vocab['[UNK]'] in ids:
            raise TctError(
                f'{name} splits {marker!r} into {len(ids) - 1} word pieces, not three known ones: '
                f'TCT-ColBERT needs the vocabulary of an uncased BERT'
            )
        return ids


def _texts(passages: Sequence[Passage]) -> list[str]:
    return [f'{passage.title} {passage.text}' if passage.title else passage.text for passage in passages]


def check_lengths(query_length: int, passage_length: int, positions: int) -> None:
    """Raise :class:`TctError` unless both lengths leave room after the prefix and fit the backbone's positions."""
    for name, length in (('query', query_length), ('passage', passage_length)):
        if not PREFIX_LENGTH < length <= positions:
            raise TctError(
                f'the {name} length {length} is outside {PREFIX_LENGTH + 1}..{positions}, which this backbone allows'
            )
