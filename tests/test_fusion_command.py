# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.fusion``: the paper's flags, Pyserini's flags, and what is refused."""

import json
import os
from pathlib import Path

import pytest
from conftest import fails

from pyserini_tct.fusion import interpolate
from pyserini_tct.fusion.__main__ import main
from pyserini_tct.runs import read_run, write_run

A = {'1': {'a': 4.0, 'b': 2.0, 'c': 1.0}, '2': {'x': 3.0, 'y': 2.0}}
B = {'1': {'b': 10.0, 'd': 6.0}}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Three runs in the working folder: a, b, and c in MS MARCO's format."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / 'a', A)
    write_run(tmp_path / 'b', B)
    write_run(tmp_path / 'c', {'1': {'d': 2.0, 'a': 1.0}}, output_format='msmarco')
    return tmp_path


def fused(*words: str) -> dict:
    main([*words, '--output', 'out', '--overwrite'])
    return read_run(Path('out'))


def test_the_papers_interpolation_is_as_ever(files, capsys):
    """--dense --sparse: a missing passage has its list's lowest score, alpha is the weight of the sparse scores."""
    found = fused('--dense', 'a', '--sparse', 'b', '--alpha', '0.5')
    assert found['1'] == pytest.approx({'a': 7.0, 'b': 7.0, 'c': 4.0, 'd': 4.0}, abs=1e-5)
    assert list(found['1']) == ['a', 'b', 'c', 'd']
    assert found['2'] == A['2']
    printed = capsys.readouterr()
    assert (
        printed.out.splitlines()[-1]
        == 'out: 2 queries, 6 hits, interpolation, weights 1 0.5, normalization none, missing min'
    )
    assert printed.err == 'note: 1 of 2 queries are not in b\n'
    assert fused('--dense', 'a', '--sparse', 'b')['1']['a'] == pytest.approx(4.6)
    normalised = fused('--dense', 'a', '--sparse', 'b', '--alpha', '1', '--normalization')
    assert normalised['1'] == pytest.approx(
        {hit.docid: hit.score for hit in interpolate(A['1'], B['1'], 1.0, normalization=True)}, abs=2e-6
    )
    weighted = fused('--dense', 'a', '--sparse', 'b', '--alpha', '0.5', '--weight-on-dense')
    assert weighted['1']['b'] == pytest.approx(11.0)


@pytest.mark.parametrize(
    ('flags', 'expected'),
    [
        ([], {'b': 1 / 62 + 1 / 61, 'a': 1 / 61, 'd': 1 / 62, 'c': 1 / 63}),
        (['--rrf.k', '1'], {'b': 1 / 3 + 1 / 2, 'a': 1 / 2, 'd': 1 / 3, 'c': 1 / 4}),
        (['--method', 'interpolation'], {'b': 6.0, 'd': 3.0, 'a': 2.0, 'c': 0.5}),
        (['--method', 'interpolation', '--alpha', '0.9'], {'a': 3.6, 'b': 2.8, 'c': 0.9, 'd': 0.6}),
        (['--method', 'interpolation', '--weights', '1', '2'], {'b': 22.0, 'd': 12.0, 'a': 4.0, 'c': 1.0}),
        (['--method', 'average'], {'b': 6.0, 'd': 3.0, 'a': 2.0, 'c': 0.5}),
        (['--method', 'normalize'], {'b': 4 / 3, 'a': 1.0, 'c': 0.0, 'd': 0.0}),
        (['--method', 'combsum', '--missing', 'min'], {'b': 12.0, 'a': 10.0, 'c': 7.0, 'd': 7.0}),
        (['--method', 'combmnz'], {'b': 24.0, 'd': 6.0, 'a': 4.0, 'c': 1.0}),
        (['--method', 'combsum', '--depth', '1'], {'b': 10.0, 'a': 4.0}),
        (['--method', 'combsum', '--k', '2'], {'b': 12.0, 'd': 6.0}),
        (['--method', 'combsum', '--normalization', 'z-score', '--resort'],
         {'b': 1 - 1 / 14**0.5, 'a': 5 / 14**0.5, 'c': -4 / 14**0.5, 'd': -1.0}),
    ],
)  # fmt: skip
def test_pyserinis_flags(files, flags, expected):
    found = fused('--runs', 'a', 'b', *flags)['1']
    assert found == pytest.approx(expected, abs=2e-6)
    assert list(found) == sorted(expected, key=lambda docid: (-round(expected[docid], 6), docid))


def test_three_runs_and_what_the_notes_say(files, capsys):
    (files / 'b').write_text('1 Q0 d 1 6 x\n1 Q0 b 2 10 x\n')
    found = fused('--runs', 'a', 'b', 'c', '--method', 'combsum', '--runtag', 'mine')
    assert found['1'] == pytest.approx({'b': 12.0, 'd': 7.0, 'a': 4.5, 'c': 1.0})
    assert (files / 'out').read_text().split()[5] == 'mine'
    assert capsys.readouterr().err.splitlines() == [
        'note: 1 of 2 queries are not in b',
        'note: 1 lists of b are not in order of their scores: ranks are those of the scores',
        'note: 1 of 2 queries are not in c',
        'note: c has ranks only (MS MARCO format): its scores are 1 / rank',
    ]
    read, write = os.pipe()  # a pipe gives its lines once
    os.write(write, (files / 'c').read_bytes())
    os.close(write)
    assert fused('--runs', 'a', f'/dev/fd/{read}', '--method', 'combsum') == fused(
        '--runs', 'a', 'c', '--method', 'combsum'
    )
    fused('--runs', 'a', 'b', '--method', 'combmnz', '--normalization', 'z-score')
    assert 'scores below 0 make CombMNZ prefer what few runs found' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        ('--dense a', 'name the runs'),
        ('--runs a', '--runs names one run'),
        ('--runs a b --dense a', 'exclude each other'),
        ('--runs a b --alpha 0.3', '--alpha has no effect on rrf'),
        ('--runs a b --method combsum --rrf.k 3', '--rrf.k has no effect on combsum'),
        ('--runs a b --method interpolation --weight-on-dense', '--weight-on-dense has no effect'),
        ('--runs a b --method interpolation --alpha 1.5', 'is not between 0 and 1'),
        ('--runs a b c --method interpolation --alpha 0.5', '--alpha is for two runs, here are 3'),
        ('--runs a b c --method interpolation --weights 1 2', '3 runs and 2 weights'),
        ('--runs a b --method interpolation --weights 1 nan', 'beyond'),
        ('--runs a b --method interpolation --alpha @x.json', 'name the runs by --dense and --sparse'),
        ('--runs a b --method normalize --normalization z-score', 'normalize means min-max'),
        ('--runs a b --normalization min-max', 'looks at ranks alone'),
        ('--runs a b --runtag', 'expected one argument'),
        ('--runs a none', 'none does not exist'),
        ('--dense a --sparse b --alpha 1e9', 'beyond 1e+06'),
        ('--dense a --sparse b --alpha=', 'is neither a number nor @FILE'),
        ('--dense a --sparse b --alpha -0.5', '--alpha -0.5 is negative'),
        ('--dense a --sparse twice', 'document d is listed twice for query 1'),
        ('--dense a --sparse nan', 'the score nan is not finite'),
        ('--dense a --sparse mixed', 'line 2 has 3 columns'),
        ('--dense a --sparse empty', 'empty is empty'),
    ],
)
def test_bad_input_is_told_in_one_sentence(files, words, sentence, capsys):
    (files / 'twice').write_text('1 Q0 d 1 6 x\n1 Q0 d 2 5 x\n')
    (files / 'nan').write_text('1 Q0 d 1 nan x\n')
    (files / 'mixed').write_text('1 Q0 d 1 6 x\n1 d 2\n')
    (files / 'empty').write_text('\n')
    if 'expected one' in sentence:
        with pytest.raises(SystemExit):
            main([*words.split(), '--output', 'out'])
        assert sentence in capsys.readouterr().err
    else:
        assert sentence in fails(main, *words.split(), '--output', 'out', capsys=capsys)
    assert not (files / 'out').exists()


def test_an_output_that_is_a_run_is_refused(files, capsys):
    message = fails(main, '--runs', 'a', 'b', '--output', 'b', '--overwrite', capsys=capsys)
    assert "in each other's way" in message


def test_alpha_of_a_file(files, capsys):
    (files / 'alpha.json').write_text(json.dumps({'alpha': 0.5, 'normalization': 'z-score', 'missing': 'zero'}))
    words = ['--dense', 'a', '--sparse', 'b', '--alpha', '@alpha.json']
    assert 'was tuned with --normalization z-score' in fails(main, *words, '--output', 'out', capsys=capsys)
    words += ['--normalization', 'z-score']
    assert 'was tuned with --missing zero' in fails(main, *words, '--output', 'out', capsys=capsys)
    assert fused(*words, '--missing', 'zero')['2'] == {'x': 1.0, 'y': -1.0}
