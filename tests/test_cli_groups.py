# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Groups of flags on one command line: `dense ... sparse ... run ...`."""

import argparse

import pytest

from pyserini_tct import _cli


def groups():
    made = {name: argparse.ArgumentParser() for name in ('dense', 'run')}
    made['dense'].add_argument('--index')
    made['dense'].add_argument('--flag', action='store_true')
    made['dense'].add_argument('--perhaps', nargs='?', const='yes')
    made['run'].add_argument('--output')
    return made


def test_a_path_called_run_is_no_group():
    """Pyserini's parser takes `--output run` as the start of a group and loses the value."""
    found = _cli.parse_groups('p', '', groups(), ['dense', '--index', 'run', '--flag', 'run', '--output', 'run'])
    assert found['dense'].index == 'run'
    assert found['dense'].flag
    assert found['run'].output == 'run'


def test_a_group_follows_a_flag_whose_value_is_left_out():
    """`fusion --normalization run --topics ...` opens the group run."""
    found = _cli.parse_groups('p', '', groups(), ['dense', '--perhaps', 'run', '--output', 'x'])
    assert (found['dense'].perhaps, found['run'].output) == ('yes', 'x')
    assert _cli.parse_groups('p', '', groups(), ['dense', '--perhaps', 'no'])['dense'].perhaps == 'no'


def test_words_before_the_first_group_are_refused(capsys):
    with pytest.raises(SystemExit):
        _cli.parse_groups('p', '', groups(), ['--index', 'x'])
    assert 'expected one of dense, run' in capsys.readouterr().err
