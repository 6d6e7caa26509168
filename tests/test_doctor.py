# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The list of commands and ``doctor``, which names what is broken on a machine and the remedy."""

import json
import os

import pytest
from conftest import ROOT
from fresh_login import python

from pyserini_tct import __main__ as commands
from pyserini_tct._errors import TctError


def test_doctor_is_content_here():
    """Guards against a doctor that reports an ill machine where everything runs."""
    done = python('-m', 'pyserini_tct', 'doctor', '--json')
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report['ok']
    jvm = next(row for row in report['rows'] if row['name'] == 'JVM')
    assert jvm['state'] == 'ok'
    assert 'anserini-' in jvm['detail']


def test_doctor_names_what_is_broken_and_the_remedy(tmp_path):
    """Guards against 'all well' where Faiss is installed but does not load, or the JVM does not start."""
    (tmp_path / 'faiss.py').write_text('raise ImportError("libgomp.so.1: cannot open shared object file")\n')
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = python('-m', 'pyserini_tct', 'doctor', PYTHONPATH=path, TCT_JAVA_HEAP='2')
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'Traceback' not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    faiss = next(number for number, line in enumerate(lines) if line.startswith('missing  faiss'))
    assert 'libgomp.so.1' in lines[faiss]
    assert lines[faiss + 1].strip() == '-> pip install --force-reinstall faiss-cpu'
    assert next(line for line in lines if line.startswith('missing  JVM')).endswith("Java heap '2' is not a size")


@pytest.mark.parametrize('words', [[], ['--help'], ['--version'], ['run', '--help'], ['doctor', '--help']])
def test_listing_commands_loads_nothing_heavy(words):
    """Guards against a list of commands that takes ten seconds and a JVM."""
    code = f"""
import sys
from pyserini_tct import _cli
from pyserini_tct.__main__ import main
try:
    main({words!r})
except SystemExit:
    print()
print(sorted({{'torch', 'jnius', 'pyserini', 'transformers', 'faiss', 'numpy'}} & set(sys.modules)))
"""
    done = python('-c', code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == '[]'


def test_unknown_subcommand_is_one_sentence():
    """Guards against a misspelt subcommand that exits with 0."""
    done = python('-m', 'pyserini_tct', 'docter')
    assert (done.returncode, done.stdout) == (2, '')
    assert len(done.stderr.splitlines()) == 1
    assert 'docter' in done.stderr


def test_a_stage_given_as_subcommand_is_told_its_spelling(capsys):
    """Guards against 'unknown' for a command that exists."""
    with pytest.raises(TctError, match=r'python -m pyserini_tct\.search\.faiss'):
        commands.main(['search.faiss'])
    commands.main([])
    assert 'python -m pyserini_tct.search.faiss' in capsys.readouterr().out
