# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Real JVMs on a fresh machine, and ``run``, which starts a command of Pyserini; each in its own process."""

import json
import os
import types
from pathlib import Path

import pytest
from conftest import ROOT
from fresh_login import python, real_java_17, unix

from pyserini_tct import _jvm, _run
from pyserini_tct._errors import TctError

START = "from pyserini_tct import _jvm; print(_jvm.autoclass('java.lang.System').getProperty('java.version'))"


@pytest.mark.parametrize('home', [None, '/nonexistent', 'old'])
def test_jvm_starts_on_a_fresh_machine(home):
    """Guards against the three ways to lose the process or the import at JVM start (old, missing, no vector module)."""
    if home == 'old':
        if real_java_17() is None:
            pytest.skip('this machine has no Java older than 21')
        home = str(real_java_17())
    done = python('-c', START, **({'JAVA_HOME': home} if home else {}))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split('.')[0]) >= _jvm.OLDEST
    notes = [line for line in done.stderr.splitlines() if line.startswith('note: ')]
    assert len(notes) == (1 if home or real_java_17() else 0)


def test_jvm_path_of_an_old_java_is_dropped():
    """Guards against pyjnius loading the libjvm of JVM_PATH whatever JAVA_HOME says."""
    library = next((real_java_17() or Path('/nonexistent')).glob('lib/server/libjvm.*'), None)
    if library is None:
        pytest.skip('this machine has no Java older than 21')
    done = python('-c', START, JVM_PATH=str(library))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split('.')[0]) >= _jvm.OLDEST


@unix
def test_ctrl_c_stays_pythons():
    """Guards against a JVM that takes SIGINT and ends the process before anything is cleaned up."""
    code = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with SIGINT ignored
{START}
import os, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
except KeyboardInterrupt:
    print('cleaned up')
"""
    done = python('-c', code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == 'cleaned up'


def test_prepare_beside_a_running_jvm():
    """Guards against an exception when user code has started Pyserini's JVM before us."""
    code = """
import os
from pyserini_tct import _jvm
_jvm.autoclass('java.lang.System')
_jvm._prepared = None
print(_jvm.prepare('1g').why)
"""
    done = python('-c', code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == 'it was running already'
    assert 'has no effect' in done.stderr


# ---- run


def test_run_indexes_and_searches_without_any_variable(tmp_path):
    """Guards against Pyserini's two import failures on a fresh machine, and against a made-up key left behind."""
    (tmp_path / 'corpus').mkdir()
    texts = {'a': 'lobster roll recipe', 'b': 'green tea', 'c': 'lobster boat'}
    lines = [json.dumps({'id': docid, 'contents': text}) + '\n' for docid, text in texts.items()]
    (tmp_path / 'corpus/c.jsonl').write_text(''.join(lines))
    (tmp_path / 'topics.tsv').write_text('1\tlobster roll\n')
    done = python(
        '-m',
        'pyserini_tct',
        'run',
        'pyserini.index.lucene',
        '--collection',
        'JsonCollection',
        '--input',
        'corpus',
        '--index',
        'index',
        '--generator',
        'DefaultLuceneDocumentGenerator',
        '--threads',
        '1',
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    search = [
        'run',
        '--stock',
        '--heap',
        '256m',
        'pyserini.search.lucene',
        '--index',
        'index',
        '--topics',
        'topics.tsv',
        '--output',
        'run.txt',
    ]
    code = f"""
import os
from pyserini_tct.__main__ import main
assert main({search!r}) == 0
assert 'OPENAI_API_KEY' not in os.environ
from pyserini_tct import _jvm
print(_jvm.autoclass('java.lang.Runtime').getRuntime().maxMemory() >> 20)
"""
    done = python('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2] for line in (tmp_path / 'run.txt').read_text().splitlines()] == ['a', 'c']
    assert 200 <= int(done.stdout.splitlines()[-1]) <= 256


def test_run_keeps_arguments_and_exit_code(tmp_path, monkeypatch):
    """Guards against flags of the module that are taken for ours, and against a failure that looks like success."""
    (tmp_path / 'pyserini').mkdir()
    (tmp_path / 'pyserini/__init__.py').touch()
    (tmp_path / 'pyserini/tool.py').write_text('import sys\nprint(sys.argv[1:])\nsys.exit(7)\n')
    done = python(
        '-m',
        'pyserini_tct',
        'run',
        'pyserini.tool',
        '--help',
        '--heap',
        '1',
        '--',
        '-h',
        PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]),
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout.strip() == "['--help', '--heap', '1', '--', '-h']"


@pytest.mark.parametrize('module', ['os', 'pyserini', 'pyserini.nope', 'pyserini.search.no.such', 'pyserini.util..x'])
def test_run_refuses_what_is_no_command_of_pyserini(module):
    """Guards against running anything at all, and against a traceback for a misspelt name."""
    with pytest.raises(TctError, match=r'for example pyserini\.search\.lucene'):
        _run.main([module])


def test_run_puts_our_encoders_where_pyserini_looks(monkeypatch):
    """Guards against a replaced key that only one direction has, so that queries and passages differ."""
    names = ('TctColBertQueryEncoder', 'TctColBertDocumentEncoder')
    stock = types.SimpleNamespace(
        query_encoder_class_map={'tct_colbert': 1, 'dpr': 2}, document_encoder_class_map={'tct_colbert': 3}
    )
    ours = types.SimpleNamespace(**{name: name for name in names})
    monkeypatch.setattr(_run.importlib, 'import_module', {'pyserini.encode': stock, 'pyserini_tct.encode': ours}.get)
    _run._register()
    assert stock.query_encoder_class_map == {'tct_colbert': names[0], 'dpr': 2}
    assert stock.document_encoder_class_map == {'tct_colbert': names[1]}
