# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A published set of encoded queries, a pickled data frame of pandas, to ``NAME.npy`` and ``NAME.tsv``.

Nothing in the pickle is run: each of the few names that such a pickle needs stands for a record of what it was called
with, and every other name is refused. The columns are then put together from the records.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError

NUMBERS = ('f2', 'f4', 'f8', 'i4', 'i8', 'u4', 'u8')


class _Record:
    """What the pickle says of one object: the arguments of its making, and its state."""

    __slots__ = ('args', 'state')
    kind = ''
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> '_Record':
        record = super().__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state


# The names in data frames that pandas 1.0 to 2.3 wrote, with numpy 1 or 2, and what each stands for.
NAMES = {
    ('pandas.core.frame', 'DataFrame'): 'frame',
    ('pandas.core.internals.managers', 'BlockManager'): 'manager',
    ('pandas._libs.internals', '_unpickle_block'): 'block',
    ('pandas.core.indexes.base', '_new_Index'): 'index',
    ('pandas.core.indexes.base', 'Index'): 'class',
    ('pandas.core.indexes.range', 'RangeIndex'): 'class',
    ('pandas.core.indexes.numeric', 'Int64Index'): 'class',
    ('builtins', 'slice'): 'slice',
    ('numpy', 'ndarray'): 'class',
    ('numpy', 'dtype'): 'type',
    **{(f'numpy.{core}.multiarray', '_reconstruct'): 'array' for core in ('core', '_core')},
    **{(f'numpy.{core}.numeric', '_frombuffer'): 'buffer' for core in ('core', '_core')},
}
RECORDS = {kind: type(kind, (_Record,), {'__slots__': (), 'kind': kind}) for kind in set(NAMES.values())}


class _Reader(pickle._Unpickler):
    """The unpickler in Python: the one in C fills memory up to whatever index a hostile memo names."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f'it asks for {module}.{name}')
        return RECORDS[NAMES[module, name]]


def convert(pickled: Path, output: Path) -> int:
    """Convert a set, whose archive's checksum has been compared.

    Args:
        pickled: Pyserini's ``embedding.pkl``: a data frame with the columns ``id``, ``text`` and ``embedding``.
        output: ``NAME.npy`` (float32, queries x dimension) and ``NAME.tsv`` (qid, text) are written, given ``NAME``.

    Returns:
        The number of queries.

    Raises:
        TctError: the pickle is damaged, asks for anything but a plain data frame, or its columns make no sense.
    """
    try:
        content = pickled.read_bytes()
        columns = _columns(_Reader(io.BytesIO(content)).load())
        qids, texts = ([str(value) for value in columns[name]] for name in ('id', 'text'))
        rows = [_array(vector).reshape(-1) for vector in columns['embedding']]
        if sum(row.nbytes for row in rows) > len(content):
            raise ValueError('it repeats itself')
        vectors = np.stack(rows).astype('<f4')
    except Exception as error:  # a hostile pickle can raise anything
        cause = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise TctError(f'{pickled.name} holds no plain table of encoded queries ({cause}): it was refused') from error
    if not len(qids) == len(texts) == len(vectors) or not np.isfinite(vectors).all() or len(set(qids)) != len(qids):
        raise TctError(f'{pickled.name} holds no sound vector for each query: it was refused')
    if any(len(text.splitlines()) > 1 or '\t' in text for text in (*qids, *texts)):
        raise TctError(f'{pickled.name} holds a query with a tab or a line break: it was refused')
    with _atomic.atomic_file(output.with_name(output.name + '.tsv')) as lines:
        lines.writelines(f'{qid}\t{text}\n' for qid, text in zip(qids, texts, strict=True))
    with _atomic.atomic_file(output.with_name(output.name + '.npy'), 'wb') as out:
        np.save(out, vectors, allow_pickle=False)
    return len(qids)


def _columns(frame: Any) -> dict[str, Any]:
    """Return the columns of a recorded data frame by name."""
    state = _of(frame, 'frame').state
    manager = state['_mgr'] if '_mgr' in state else state['_data']  # pandas 1.0
    if _of(manager, 'manager').state is not None:  # up to pandas 1.2
        described = manager.state[3]['0.14.1']
        axes = described['axes']
        blocks = [(block['values'], block['mgr_locs']) for block in described['blocks']]
    else:
        recorded, axes = manager.args[:2]
        blocks = [_of(block, 'block').args[:2] for block in recorded]
    names = _array(_of(axes[0], 'index').args[1]['data'])
    columns = {}
    for values, places in blocks:
        rows = range(len(names))[slice(*places.args)] if _is(places, 'slice') else _array(places)
        for name, row in zip((names[place] for place in rows), _array(values), strict=True):
            columns[str(name)] = row
    return columns


def _array(record: Any) -> np.ndarray:
    """Return a recorded array; numpy itself makes it, of numbers from bytes or of objects from a list."""
    if _is(record, 'buffer'):
        content, recorded_type, shape, order = record.args
    else:
        _, shape, recorded_type, fortran, content = _of(record, 'array').state
        order = 'F' if fortran else 'C'
    code = _of(recorded_type, 'type').args[0]
    if code in ('O8', 'O') and type(content) is list:
        array = np.empty(len(content), object)
        array[:] = content
    elif code in NUMBERS and isinstance(content, bytes | bytearray):
        array = np.frombuffer(bytes(content), np.dtype(recorded_type.state[1].replace('|', '<') + code))
    else:
        raise ValueError(f'an array of {code!r}')
    return array.reshape(tuple(int(size) for size in shape), order=order)


def _is(record: Any, kind: str) -> bool:
    return isinstance(record, _Record) and record.kind == kind


def _of(record: Any, kind: str) -> Any:
    if not _is(record, kind):
        raise ValueError(f'a {getattr(record, "kind", type(record).__name__)} where a {kind} belongs')
    return record
