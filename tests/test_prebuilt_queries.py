# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Published sets of encoded queries are pickles: what pandas wrote is converted, everything else is refused unrun.

`pandas_frames.json` has the bytes, in hexadecimal, that four releases of pandas wrote for the table of `EXPECTED`, in
the form in which Pyserini's `encode.query` writes its own.
"""

import io
import json
import os
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from conftest import refusal

from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.prebuilt import _queries

FRAMES = json.loads(Path(__file__).with_name('pandas_frames.json').read_text())
EXPECTED = {'1048585': ('paula deen & her brother', [1, 2.5, -3]), '2': ('what é', [4, 5, 6])}


@pytest.mark.parametrize('written_by', FRAMES)
def test_data_frames_are_converted(written_by, tmp_path):
    (tmp_path / 'embedding.pkl').write_bytes(bytes.fromhex(FRAMES[written_by]))
    assert _queries.convert(tmp_path / 'embedding.pkl', tmp_path / 'v2.hnp') == 2
    vectors = np.load(tmp_path / 'v2.hnp.npy', allow_pickle=False)
    assert vectors.dtype == np.float32
    lines = (tmp_path / 'v2.hnp.tsv').read_text(encoding='utf-8').splitlines()
    assert dict(line.split('\t') for line in lines) == {qid: text for qid, (text, _) in EXPECTED.items()}
    encoder = TctColBertQueryEncoder(encoded_query_dir=tmp_path / 'v2.hnp.npy')
    for text, vector in EXPECTED.values():
        assert encoder.encode(text).tolist() == vector


def frame(**columns) -> bytes:
    """Return the pickle of a frame in pandas' layout since 1.3, made without pandas."""
    names = list(columns)
    return pickle.dumps(
        Call(
            'pandas.core.frame',
            'DataFrame',
            (),
            {
                '_mgr': Call(
                    'pandas.core.internals.managers',
                    'BlockManager',
                    (
                        (
                            Call(
                                'pandas._libs.internals',
                                '_unpickle_block',
                                (objects(list(columns.values())), Call('builtins', 'slice', (0, len(names), 1)), 2),
                            ),
                        ),
                        [Call('pandas.core.indexes.base', '_new_Index', (None, {'data': objects(names)}))],
                    ),
                )
            },
        )
    )


class Call:
    """An object whose pickle calls a name of another package, which need not be installed."""

    def __init__(self, module, name, args, state=None):
        self.words = module, name, args, state

    def __reduce__(self):
        module, name, args, state = self.words
        return _global(module, name), args, state


def _global(module, name):
    """Return a function that pickles as a reference to another."""

    def function():
        pass

    function.__module__, function.__qualname__, function.__name__ = module, name, name
    return function


def objects(rows):
    flat = [value for row in rows for value in (row if isinstance(row, list) else [row])]
    shape = (len(rows), len(rows[0])) if rows and isinstance(rows[0], list) else (len(rows),)
    kind = Call('numpy', 'dtype', ('O8', False, True), (3, '|', None, None, None, -1, -1, 63))
    return Call('numpy.core.multiarray', '_reconstruct', (None, (0,), b'b'), (1, shape, kind, False, flat))


def floats(*values):
    kind = Call('numpy', 'dtype', ('f4', False, True), (3, '<', None, None, None, -1, -1, 0))
    return Call(
        'numpy.core.numeric', '_frombuffer', (struct.pack(f'<{len(values)}f', *values), kind, (len(values),), 'C')
    )


@pytest.fixture(autouse=True)
def pickles_of_what_is_not_installed(monkeypatch):
    """Let the tests write references that `pickle.dumps` would look up."""

    class Writer(pickle._Pickler):
        def save_global(self, obj, name=None):
            self.save(obj.__module__)
            self.save(obj.__qualname__)
            self.write(pickle.STACK_GLOBAL)

        dispatch: ClassVar = {**pickle._Pickler.dispatch, type(_global): save_global}

    def dumps(value, protocol=4):
        out = io.BytesIO()
        Writer(out, protocol).dump(value)
        return out.getvalue()

    monkeypatch.setattr(pickle, 'dumps', dumps)


def refused(content: bytes, folder: Path) -> str:
    (folder / 'embedding.pkl').write_bytes(content)
    sentence = refusal(_queries.convert, folder / 'embedding.pkl', folder / 'out')
    assert sorted(path.name for path in folder.iterdir()) == ['embedding.pkl']
    return sentence


def test_the_frame_of_these_tests_is_a_good_one(tmp_path):
    """Else the refusals below would prove nothing."""
    content = frame(id=['1', '2'], text=['a', 'b'], embedding=[floats(1, 2), floats(3, 4)])
    (tmp_path / 'embedding.pkl').write_bytes(content)
    assert _queries.convert(tmp_path / 'embedding.pkl', tmp_path / 'out') == 2
    assert np.load(tmp_path / 'out.npy').tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('posix', 'system'),
        ('builtins', 'eval'),
        ('builtins', 'getattr'),
        ('pandas', 'read_pickle'),
        ('numpy', 'load'),
        ('pandas.core.frame', 'DataFrame.query'),
        ('numpy.core.multiarray', 'scalar'),
        ('pyserini_tct.prebuilt._queries', '_Record'),
    ],
)
def test_other_names_are_refused(module, name, tmp_path):
    marker = tmp_path.parent / 'ran'
    content = pickle.dumps([Call(module, name, (f'touch {marker}',))])
    assert f'it asks for {module}.{name}' in refused(content, tmp_path)
    assert not marker.exists()


def test_a_frame_with_code_beside_it_is_refused(tmp_path):
    """The table itself is good; the attack rides along."""
    column = [floats(1, 2), Call('os', 'system', ('echo',))]
    assert 'os.system' in refused(frame(id=['1', '2'], text=['a', 'b'], embedding=column), tmp_path)


@pytest.mark.parametrize(
    'columns',
    [
        {'id': ['1'], 'text': ['a'], 'embedding': [floats(float('nan'))]},
        {'id': ['1', '1'], 'text': ['a', 'b'], 'embedding': [floats(1), floats(2)]},
        {'id': ['1', '2'], 'text': ['a', 'b'], 'embedding': [floats(1), floats(2, 3)]},
        {'id': ['1'], 'text': ['a\tb'], 'embedding': [floats(1)]},
        {'id': ['1'], 'text': ['a\u2028b'], 'embedding': [floats(1)]},
        {'id': ['1'], 'text': ['a'], 'embedding': [[1.0, 2.0]]},
        {'id': ['1'], 'text': ['a']},
    ],
    ids=['NaN', 'a qid twice', 'two dimensions', 'tab', 'line break', 'no array', 'no vectors'],
)
def test_tables_that_make_no_sense_are_refused(columns, tmp_path):
    assert 'it was refused' in refused(frame(**columns), tmp_path)


def test_one_large_vector_repeated_is_refused(tmp_path):
    """A few bytes a query would grow to all of the memory."""
    vector, count = floats(*range(10_000)), 2000
    columns = {'id': [str(i) for i in range(count)], 'text': ['a'] * count, 'embedding': [vector] * count}
    assert 'repeats itself' in refused(frame(**columns), tmp_path)


HUGE = struct.pack('<Q', 1 << 45)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x80\x05',
        b'no pickle',
        b'\x80\x04N.',
        b'\x80\x04Nr\xff\xff\xff\x7f.',
        b'\x80\x05\x96' + HUGE + b'.',
        b'\x80\x04\x8e' + HUGE + b'.',
        b'\x80\x04\x95' + HUGE + b'N.',
        b'\x80\x04\x82\x01.',
        b'\x80\x04(((((((((.',
        b'\x80\x04Pabc\n.',
    ],
    ids=['empty', 'cut', 'text', 'None', 'memo', 'bytearray', 'bytes', 'frame', 'extension', 'marks', 'persistent'],
)
def test_malformed_pickles_are_refused_without_filling_memory(content, tmp_path):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(content, tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_every_truncation_of_a_real_set_is_refused(tmp_path):
    whole = bytes.fromhex(next(iter(FRAMES.values())))
    for length in range(0, len(whole) - 1, 7):
        refused(whole[:length], tmp_path)


def test_a_pickle_is_never_read_by_the_encoder(tmp_path):
    """Pyserini's folder is refused with the way to have it converted."""
    (tmp_path / 'embedding.pkl').write_bytes(pickle.dumps(Call('posix', 'system', ('touch ran',))))
    assert 'fetch converts' in refusal(TctColBertQueryEncoder, encoded_query_dir=tmp_path)
    assert not os.path.exists('ran')


def test_real_vectors_survive(tmp_path):
    """The 43 published vectors of TREC DL 2019, in a pickle and out of it."""
    folder = Path(os.environ.get('TCT_DATA', '')) / 'tct-query-embeddings'
    if not os.environ.get('TCT_DATA') or not folder.is_dir():
        pytest.skip('set TCT_DATA to a folder with tct-query-embeddings')
    vectors = np.load(folder / 'dl19.npy')
    topics = [line.split('\t') for line in (folder / 'dl19.tsv').read_text(encoding='utf-8').splitlines()]
    column = [floats(*vector) for vector in vectors]
    content = frame(id=[qid for qid, _ in topics], text=[text for _, text in topics], embedding=column)
    (tmp_path / 'embedding.pkl').write_bytes(content)
    _queries.convert(tmp_path / 'embedding.pkl', tmp_path / 'dl19')
    encoder = TctColBertQueryEncoder(encoded_query_dir=tmp_path / 'dl19')
    assert np.array_equal(encoder.encode_batch([f' {text}' for _, text in topics]), vectors)
