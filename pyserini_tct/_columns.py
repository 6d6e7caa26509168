# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A run file as columns: array operations do in seconds what takes a reader of single lines a minute.

Only a plain file is read here: ASCII, 3 or 6 columns on every line with one space or tab between them, each query's
lines together, finite scores, no document twice. Nothing is said of any other: the reader in ``runs`` goes through it
line by line and names what is wrong.
"""

import functools
import gzip
import itertools
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

BLOCK = 1 << 22  # bytes that are split at a time
PADDING = b'\n' * 16  # around a block, so that the 64-bit words before the end of a number and after any letter exist
FIRST = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)  # keeps the first bytes of a word
LAST = ~FIRST[::-1]  # keeps the last bytes of a word
ZEROS, TENS, TOPS = (np.uint64(byte * 0x0101010101010101) for byte in (ord('0'), 0x76, 0x80))
DIGITS = 15  # a float64 holds every whole number of that many digits


class Columns:
    """A run with a row a line, in the order of the file; a document's name stays in the file until it is asked for.

    Args:
        data: the file.
        rows: of each query, in the order of the file.
        scores: float64 (rows).
        keys: uint64 (rows), equal for equal docids (:func:`keys_of`), and in their order where ``ordered`` says so.
        starts: where in ``data`` each docid begins, int64 (rows).
        sizes: bytes of each docid, int32 (rows).
    """

    def __init__(
        self,
        data: bytes,
        rows: dict[str, slice],
        scores: np.ndarray,
        keys: np.ndarray,
        starts: np.ndarray,
        sizes: np.ndarray,
    ) -> None:
        self.data, self.rows, self.scores, self.keys = data, rows, scores, keys
        self.starts, self.sizes = starts, sizes

    @functools.cached_property
    def ordered(self) -> bool:
        """Whether keys compare as docids do: no docid has more than 8 bytes."""
        return int(self.sizes.max(initial=0)) <= 8

    def names(self, rows: np.ndarray) -> list[str]:
        """Return the docids of some rows, which lie close together: the part of the file that has them is decoded."""
        if self.ordered:
            return names_of(self.keys[rows])
        if not len(rows):
            return []
        starts = self.starts[rows]
        ends, first = starts + self.sizes[rows], int(starts.min())
        text = self.data[first : int(ends.max())].decode('ascii')
        return [text[start:end] for start, end in zip((starts - first).tolist(), (ends - first).tolist(), strict=True)]

    def as_run(self) -> dict[str, dict[str, float]]:
        """Return ``{qid: {docid: score}}``."""
        text, run = self.data.decode('ascii'), {}
        for qid, rows in self.rows.items():
            names = [text[start : start + size] for start, size in self._bounds(rows)]
            run[qid] = dict(zip(names, self.scores[rows].tolist(), strict=True))
        return run

    def _bounds(self, rows: slice | np.ndarray) -> Iterator[tuple[int, int]]:
        return zip(self.starts[rows].tolist(), self.sizes[rows].tolist(), strict=True)


class _NotPlain(Exception):
    """The file is for the other reader."""


def read_columns(path: Path) -> Columns | None:
    """Read a plain run file; ``None`` for any other, whatever is the matter with it."""
    if not path.is_file():  # a pipe can be read only once
        return None
    try:
        with gzip.open(path) if path.suffix == '.gz' else open(path, 'rb') as stream:
            return _columns(stream.read())
    except (_NotPlain, OSError, EOFError, zlib.error):
        return None


def keys_of(docids: Sequence[str]) -> np.ndarray:
    """Return a 64-bit key of each docid; those of two docids differ, surely up to 8 bytes and nearly surely beyond.

    Keys of docids of up to 8 bytes compare as the docids do.

    >>> bool(keys_of(['a'])[0] == keys_of(['a longer one', 'a'])[1])
    True
    >>> np.argsort(keys_of(['b', '10', 'ab', '9', 'a'])).tolist()
    [1, 3, 4, 2, 0]
    """
    encoded = [docid.encode() for docid in docids]
    words = -(-max(map(len, encoded), default=1) // 8)
    return _keys(list(np.array(encoded, f'S{8 * words}').view('<u8').reshape(-1, words).T))


def names_of(keys: np.ndarray) -> list[str]:
    """Return the docids of some keys: ASCII, of at most 8 bytes each.

    >>> names_of(keys_of(['10', 'eight by']))
    ['10', 'eight by']
    """
    names: list[str] = keys.astype('>u8').view('S8').astype('U8').tolist()
    return names


def _columns(data: bytes) -> Columns:
    if not data.isascii():
        raise _NotPlain
    data += b'' if data.endswith(b'\n') else b'\n'
    width, count = len(data[: data.find(b'\n')].split()), data.count(b'\n')
    starts, sizes = np.empty(count, np.int64), np.empty(count, np.int32)
    keys, scores = np.empty(count, np.uint64), np.empty(count)
    qids, firsts, position, row = list[str](), list[int](), 0, 0
    while position < len(data):
        stop = data.rfind(b'\n', position, position + BLOCK) + 1
        block = _Block(data[position:stop], width)
        rows = slice(row, row + block.lines)
        starts[rows], sizes[rows] = block.docids[0] + (position - len(PADDING)), block.docids[1] - block.docids[0]
        keys[rows], scores[rows] = _keys(block.words(block.docids)), block.scores()
        for i, qid in block.queries():
            if not qids or qid != qids[-1]:  # it is the same where a block ends within a query
                qids.append(qid)
                firsts.append(row + i)
        position, row = stop, rows.stop
    rows_of = {qid: slice(*bounds) for qid, bounds in zip(qids, itertools.pairwise([*firsts, row]), strict=True)}
    query = np.arange(len(qids), dtype=np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    pairs = np.repeat(query, np.diff([*firsts, row])) + mixed(keys)
    pairs.sort()
    if len(rows_of) < len(qids) or (pairs[1:] == pairs[:-1]).any():
        raise _NotPlain
    return Columns(data, rows_of, scores, keys, starts, sizes)


def _keys(words: list[np.ndarray]) -> np.ndarray:
    """Return the letters of short names, the first one highest, and of longer ones the mixed words.

    A word of zeros adds nothing, so a key does not depend on the other names.
    """
    short = words[0].byteswap()
    if len(words) == 1:
        return short
    total = np.zeros(len(short), np.uint64)
    for i, word in enumerate(words):
        total += mixed(word) * np.uint64(2 * i + 1)
    return np.where(words[1] == 0, short, total)


def mixed(words: np.ndarray) -> np.ndarray:
    """Return words whose bits, the last ones too, depend on all of a word; different words stay different."""
    words = (words ^ (words >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64's constant
    return words ^ (words >> np.uint64(29))


class _Block:
    """Whole lines of a run, split; bounds of columns are int64 (2, lines): where they begin and end in ``data``."""

    def __init__(self, text: bytes, width: int) -> None:
        if width not in (3, 6):
            raise _NotPlain
        self.data, self.width = PADDING + text + PADDING, width
        self.bytes = np.frombuffer(self.data, np.uint8)
        self.at = np.ndarray(len(self.data) - 7, '<u8', self.data, strides=(1,))  # the word at each position
        blanks = np.flatnonzero(self.bytes <= ord(' '))[len(PADDING) - 1 : 1 - len(PADDING)]
        self.lines, rest = divmod(len(blanks) - 2, width)
        if rest or not self.lines or not (blanks[1:-1] - blanks[:-2] > 1).all():
            raise _NotPlain
        ends = blanks[1:-1].reshape(-1, width)
        within, last = self.bytes[ends[:, :-1]], self.bytes[ends[:, -1]]
        if (last != ord('\n')).any() or ((within != ord(' ')) & (within != ord('\t'))).any():
            raise _NotPlain
        starts = blanks[:-2].reshape(-1, width) + 1
        columns = (0, 2, 4) if width == 6 else (0, 1, 2)
        self.qids, self.docids, self.numbers = (np.stack((starts[:, i], ends[:, i])) for i in columns)

    def words(self, bounds: np.ndarray) -> list[np.ndarray]:
        """Return the names between bounds as 64-bit words, filled up with zeros."""
        starts, sizes = bounds[0], bounds[1] - bounds[0]
        last = len(self.at) - 1
        return [
            self.at[np.minimum(starts + i, last)] & FIRST[np.clip(sizes - i, 0, 8)]
            for i in range(0, int(sizes.max()), 8)
        ]

    def queries(self) -> Iterator[tuple[int, str]]:
        """Yield the line at which a query begins, and its id."""
        new = np.ones(self.lines, bool)
        new[1:] = np.logical_or.reduce([word[1:] != word[:-1] for word in self.words(self.qids)])
        for i in np.flatnonzero(new).tolist():
            yield i, self.data[self.qids[0, i] : self.qids[1, i]].decode('ascii')

    def scores(self) -> np.ndarray:
        """Return the scores, or of ranks 1 / rank, as Python's own ``float`` and ``int`` read them."""
        numbers = self._decimals()
        if numbers is None:
            words = self.words(self.numbers)
            written = np.stack(words, axis=1).view(f'S{8 * len(words)}')[:, 0]
            try:
                numbers = written.astype(np.float64 if self.width == 6 else np.int64)
            except (ValueError, OverflowError) as error:
                raise _NotPlain from error
        if not (np.isfinite(numbers) if self.width == 6 else numbers).all():
            raise _NotPlain
        return numbers if self.width == 6 else 1 / numbers

    def _decimals(self) -> np.ndarray | None:
        """Read numbers that have the same count of decimals, and at most 15 digits; ``None`` if there are others.

        Such a number is a quotient of two that a float64 holds exactly, so one division rounds it as ``float`` does.
        """
        starts, ends = self.numbers
        _, dot, decimals = self.data[starts[0] : ends[0]].partition(b'.')
        negative = self.bytes[starts] == ord('-')
        sizes = ends - starts - negative
        if sizes.max() > DIGITS + len(dot) or sizes.min() < 1 + len(dot) or (dot and self.width == 3):
            return None
        words = [(self.at[ends - back] ^ ZEROS) & LAST[np.clip(sizes + 8 - back, 0, 8)] for back in (16, 8)]
        if dot:
            word, byte = divmod(15 - len(decimals), 8)
            words[word] ^= np.uint64((ord('.') ^ ord('0')) << 8 * byte)
            if ((words[word] >> np.uint64(8 * byte)) & np.uint64(255)).any():
                return None
        if any(((word | (word + TENS)) & TOPS).any() for word in words):  # a byte above 9
            return None
        whole = _eight_digits(words[0]) * np.uint64(10**8) + _eight_digits(words[1])
        if dot:  # in its place is a zero
            left, right = np.divmod(whole, np.uint64(10 ** (len(decimals) + 1)))
            whole = left * np.uint64(10 ** len(decimals)) + right
        return np.where(negative, -1.0, 1.0) * whole / 10.0 ** len(decimals)


def _eight_digits(words: np.ndarray) -> np.ndarray:
    """Return the number that 8 digits make, the first one in the lowest byte: pairs, then fours, then all."""
    for factor, shift, mask in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10_000, 32, 0xFFFFFFFF)):
        words = (words * np.uint64(factor) + (words >> np.uint64(shift))) & np.uint64(mask)
    return words
