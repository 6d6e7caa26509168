# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The quick reader of runs gives what the careful one gives, or leaves the file to it."""

import os
import random
import threading

import numpy as np
import pytest
from conftest import write

from pyserini_tct import _columns
from pyserini_tct._columns import Columns, keys_of, read_columns
from pyserini_tct._errors import TctError
from pyserini_tct.runs import load_run, read_lines, read_run

DOCIDS = ('7', '7187158', 'D1234567', 'doc-12345', 'MED-10', 'a' * 16, 'a' * 17, 'https://example.org/a?b=' + 'c' * 90)
NUMBERS = ('12.345678', '-0.000001', '3', '1e-3', '.5', '5.', '+2.5', '1_0', '0.1234567890123456', '-12345678.9')


@pytest.fixture(params=[1 << 22, 300])
def block(request, monkeypatch):
    """Whole files, and blocks that end within a query."""
    monkeypatch.setattr(_columns, 'BLOCK', request.param)


def random_run(seed: int, form: str) -> str:
    chance = random.Random(seed)
    lines = []
    for qid in chance.sample(['1', '007', '1048585', 'q-1048585', 'q-1048586', 'x' * 30], 5):
        docids = [f'{docid}{"" if n == 1 else n}' for n in range(1, 6) for docid in DOCIDS]
        for rank, docid in enumerate(chance.sample(docids, chance.randrange(1, 40)), 1):
            score = {
                'six decimals': f'{chance.uniform(-100, 100):.6f}',
                'all digits': repr(chance.gauss(0, 1) * 10 ** chance.randrange(-9, 9)),
                'mixed': chance.choice(NUMBERS),
                'whole': str(chance.randrange(-(10**15), 10**15)),
            }.get(form)
            lines.append(f'{qid}\t{docid}\t{rank}' if form == 'msmarco' else f'{qid} Q0 {docid} {rank}\t{score} t')
    return '\n'.join(lines) + chance.choice(['', '\n'])


@pytest.mark.parametrize('form', ['six decimals', 'all digits', 'mixed', 'whole', 'msmarco'])
@pytest.mark.parametrize('name', ['run', 'run.gz'])
def test_both_readers_agree(tmp_path, block, form, name):
    """To the last bit of a score; order of queries and documents too."""
    for seed in range(10):
        path = write(tmp_path / name, random_run(seed, form))
        columns, expected = read_columns(path), read_lines(path)
        assert columns is not None
        assert [(qid, list(hits.items())) for qid, hits in columns.as_run().items()] == [
            (qid, list(hits.items())) for qid, hits in expected.items()
        ]


@pytest.mark.parametrize('decimals', [0, 1, 6, 7, 8, 9, 14, 15])
def test_decimals_are_read_as_float_reads_them(tmp_path, decimals):
    """A score that is off by one bit can change an order; the dot may stand in either half of the 16 bytes."""
    chance = random.Random(decimals)
    numbers = [f'{chance.choice([1, -1]) * 10 ** chance.uniform(-8, 14):.{decimals}f}'[-17:] for _ in range(500)]
    numbers = [number for number in numbers if number.lstrip('-')[0] != '.']
    path = write(tmp_path / 'run', ''.join(f'1 Q0 d{i} 1 {number} t\n' for i, number in enumerate(numbers)))
    assert read_columns(path).scores.tolist() == [float(number) for number in numbers]


LINES = [f'{qid} Q0 document-{n} {n} {9 - n}.5 tag' for qid in '12' for n in range(4)]


@pytest.mark.parametrize(
    ('line', 'instead'),
    [
        (3, '2 Q0 document-0 1 9.5'),
        (3, '2 Q0 document-0 1 9.5 tag more'),
        (2, '1 Q0 document-0 1 9.5 tag'),
        (2, '1 Q0 document-2 1 inf tag'),
        (2, '1 Q0 document-2 1 nan tag'),
        (2, '1 Q0 document-2 1 1e999 tag'),
        (2, '1 Q0 document-2 1 7,5 tag'),
        (2, '1 Q0 document-2 1 7.5.1 tag'),
        (2, '1 Q0 document-2 1 . tag'),
        (2, '1 Q0 document-2 1 - tag'),
    ],
)
def test_what_is_wrong_is_left_to_the_careful_reader(tmp_path, block, line, instead):
    """It names the line; the quick reader, which cannot, must not read past it."""
    lines = [*LINES]
    lines[line] = instead
    path = write(tmp_path / 'run', '\n'.join(lines))
    assert read_columns(path) is None
    with pytest.raises(TctError, match=f'line {line + 1}'):
        read_run(path)


@pytest.mark.parametrize(
    ('text', 'run'),
    [
        ('1 Q0 a 1 2 t\n\n1 Q0 b 2 1 t\n', {'1': {'a': 2.0, 'b': 1.0}}),
        ('1 Q0 a 1 2 t\r\n1 Q0 b 2 1 t\r\n', {'1': {'a': 2.0, 'b': 1.0}}),
        ('1  Q0 a 1 2 t\n 1 Q0 b 2 1 t \n', {'1': {'a': 2.0, 'b': 1.0}}),
        ('1 Q0 a 1 2 t\n2 Q0 b 1 1 t\n1 Q0 b 2 1 t\n', {'1': {'a': 2.0, 'b': 1.0}, '2': {'b': 1.0}}),
        ('1 Q0 é 1 2 t\n', {'1': {'é': 2.0}}),
        ('\ufeff1 Q0 a 1 2 t\n', {'1': {'a': 2.0}}),
        ('1 Q0 a 1 2 t\x0c\n', {'1': {'a': 2.0}}),
    ],
)
def test_what_is_unusual_is_read_all_the_same(tmp_path, text, run):
    path = write(tmp_path / 'run', text.encode())
    assert read_columns(path) is None
    assert read_run(path) == run


def test_columns_that_make_up_for_each_other_are_noticed(tmp_path):
    """Five columns and then seven: the count of all is right."""
    path = write(tmp_path / 'run', '1 Q0 a 1 2 t\n1 Q0 b 1 2\n1 Q0 c 1 2 t u\n')
    with pytest.raises(TctError, match='line 2 has 5 columns'):
        read_run(path)


def test_ranks_are_whole_and_not_zero(tmp_path):
    for rank in ('0', '1.0', '2.5', 'x', '1e3'):
        path = write(tmp_path / 'run', f'1\ta\t1\n1\tb\t{rank}\n')
        with pytest.raises(TctError, match='line 2: score or rank is not a number'):
            read_run(path)


def test_a_pipe_is_read_once(tmp_path):
    """Guards against a second look at what is gone: `eval qrels <(zcat run.gz)` would find an empty run."""
    os.mkfifo(tmp_path / 'pipe')
    writer = threading.Thread(target=(tmp_path / 'pipe').write_text, args=['1 Q0 a 1 2.0 t\n'])
    writer.start()
    assert read_run(tmp_path / 'pipe') == {'1': {'a': 2.0}}
    writer.join()


def test_keys_of_similar_names_differ():
    """Names of 9 bytes and more share words: a sum of the words would give doc-10-01 and doc-01-10 one key."""
    names = [f'document-{a:02}-{b:02}-{c:02}' for a in range(20) for b in range(20) for c in range(20)]
    assert len(set(keys_of(names).tolist())) == len(names)
    assert keys_of([name[::-1] for name in names])[7] == keys_of([names[7][::-1]])[0]


def test_keys_of_short_names_compare_as_the_names(tmp_path):
    names = ['b', 'a', 'ab', '10', '9', '100', '8 bytes!', '~', 'a-b', 'Z']
    names = [name.replace(' ', '_') for name in names]
    assert [names[i] for i in np.argsort(keys_of(names))] == sorted(names)
    text = ''.join(f'1 Q0 {name} 1 {-i} t\n' for i, name in enumerate(names))
    short, long = (read_columns(write(tmp_path / 'run', text + more)) for more in ('', '1 Q0 nineBytes 1 -99 t\n'))
    assert (short.ordered, long.ordered) == (True, False)
    rows = np.array([3, 0, 7])
    assert short.names(rows) == long.names(rows) == ['10', 'b', '~']
    assert long.keys[:-1].tolist() == short.keys.tolist()


def test_plain_runs_stay_columns(tmp_path):
    path = write(tmp_path / 'run', '\n'.join(LINES))
    assert isinstance(load_run(path), Columns)
    assert isinstance(load_run(write(tmp_path / 'other', '1 Q0 ü 1 2.0 t')), dict)
