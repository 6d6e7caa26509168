# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: light imports, one-way layers, complete metadata, a wheel that works elsewhere."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, command

PACKAGE = ROOT / 'pyserini_tct'
HEAVY = {'torch', 'transformers', 'jnius', 'pyserini', 'faiss', 'ir_measures', 'pandas'}
# A module may import from the layers before its own (command lines may import all).
LAYERS = [
    ['_errors'],
    ['_cli', '_disk', '_env', '_imports', '_atomic', '_files', '_page', '_plots', '_stages', '_yaml'],
    ['_manifest', '_jvm', '_columns', '_resume'],
    ['_faiss_file'],
    ['prebuilt'],
    ['_pyserini'],
    ['collection', 'runs'],
    ['topics'],
    ['text', 'vectors'],
    ['scoring', 'losses'],
    ['models'],
    ['train', 'encode', 'index', 'eval', 'expand', 'segment'],
    ['fusion'],
    ['search'],
    ['_pyserini_names'],
    ['mine', 'regress', 'demo', 'compare', 'explain', '_doctor', '_run'],
    ['ablate'],
]
COMMANDS = sorted(
    '.'.join(('pyserini_tct', *path.relative_to(PACKAGE).with_suffix('').parts)).removesuffix('.__main__')
    for path in PACKAGE.rglob('*.py')
    if '_cli.run(main)' in path.read_text(encoding='utf-8') and path.stem != '_cli'
)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, '-c', f'{code}\nimport sys; print(*sys.modules)'],
        env=clean_environment(),
        text=True,
        capture_output=True,
        check=True,
    )
    return set(done.stdout.split())


def test_import_is_light():
    """A heavy import would cost every user of any part seconds, and a JVM."""
    assert not HEAVY & modules_after(
        'import pyserini_tct, pyserini_tct.encode, pyserini_tct.search.faiss, pyserini_tct.fusion'
    )


def test_commands_are_known():
    assert {
        'pyserini_tct',
        'pyserini_tct.encode',
        'pyserini_tct.search.hybrid',
        'pyserini_tct.index.faiss',
        'pyserini_tct.regress',
        'pyserini_tct.eval',
        'pyserini_tct.demo',
    } <= set(COMMANDS)


@pytest.mark.parametrize('module', COMMANDS)
def test_help_is_light_and_complete(module):
    """`--help` that imports torch or starts a JVM takes seconds."""
    code = (
        f'import contextlib, io, runpy, sys\nsys.argv = ["x", "--help"]\nout = io.StringIO()\n'
        f'with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):\n'
        f'    runpy.run_module({module!r}, run_name="__main__", alter_sys=True)\n'
        'assert "usage" in out.getvalue().lower() or "commands" in out.getvalue()'
    )
    assert not HEAVY & modules_after(code)


def imports(path: Path) -> set[str]:
    """Names of this package that a file imports anywhere, lazily or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('pyserini_tct'):
            parts = (node.module or '').split('.')
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found


def test_imports_go_one_way():
    """A cycle between stages would end the rule that stages meet only in files."""
    level = {name: i for i, names in enumerate(LAYERS) for name in names}
    for path in PACKAGE.rglob('*.py'):
        own = path.relative_to(PACKAGE).with_suffix('').parts[0]
        if own in ('__init__', '__main__') or path.name == '__main__.py':
            continue
        for name in imports(path) - {own}:
            if name in level or (PACKAGE / f'{name}.py').exists() or (PACKAGE / name).is_dir():
                assert level[name] < level[own] or (level[name] == level[own] == 1), f'{path.name} imports {name}'


def test_only_a_few_files_touch_pyserini():
    """An encoder that imports pyserini.encode takes 7 seconds and a JVM to start."""
    for path in PACKAGE.rglob('*.py'):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        modules = {node.module or '' for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        if any(module.split('.')[0] in ('pyserini', 'jnius') for module in modules):
            assert path.name in ('_jvm.py', '_pyserini.py', '_run.py', '_doctor.py'), path


def test_setup_cfg_lists_every_package():
    """A package that is not listed is missing from the wheel and from nowhere else."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    data = {f'pyserini_tct._{name}' for name in ('prebuilt', 'regressions')}
    listed = set(config['options']['packages'].split()) - data
    assert listed == {'.'.join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob('*.py')}


def test_every_requirement_has_a_tested_version():
    """An unpinned one could break a fresh installation from one day to the next."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    extras = config['options.extras_require']
    stated = [config['options']['install_requires'], extras['demo'], extras['test'], extras['lint']]
    names = {re.split(r'[<>=;~! ]', line)[0].lower() for block in stated for line in block.split('\n') if line.strip()}
    pinned = {
        line.split('==')[0].lower() for line in (ROOT / 'constraints.txt').read_text().splitlines() if '==' in line
    }
    assert names <= pinned


@pytest.fixture(scope='module')
def installed_wheel(tmp_path_factory):
    """The wheel in a new environment, with the dependencies of this one behind it."""
    folder = tmp_path_factory.mktemp('wheel')
    # A copy, since a build leaves build/lib behind, from which a later wheel would take files that are no longer there.
    wanted = ('pyserini_tct', 'prebuilt', 'regressions', 'setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE')
    (folder / 'source').mkdir()
    for name in wanted:
        if (ROOT / name).is_dir():
            left_out = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, folder / 'source' / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, folder / 'source')
    subprocess.run(
        [
            sys.executable,
            '-m',
            'pip',
            'wheel',
            '--quiet',
            '--no-deps',
            '--wheel-dir',
            str(folder),
            str(folder / 'source'),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = folder.glob('*.whl')
    venv.create(folder / 'env', with_pip=True)
    python = folder / 'env' / ('Scripts' if sys.platform == 'win32' else 'bin') / 'python'
    subprocess.run(
        [str(python), '-m', 'pip', 'install', '--quiet', '--no-deps', str(wheel)], check=True, capture_output=True
    )
    (site,) = (folder / 'env').rglob('site-packages')
    # Only the path is added: the .pth files there, the editable install of this package among them, are not read.
    (site / 'dependencies.pth').write_text('\n'.join(path for path in sys.path if path.endswith('site-packages')))
    return python


def test_wheel_brings_its_data(installed_wheel, tmp_path):
    """prebuilt/ and regressions/ lie outside the package, so a wheel without them builds without complaint."""
    code = (
        'import pyserini_tct.prebuilt, pyserini_tct.train; from pyserini_tct._files import data_dir; '
        'print(pyserini_tct.__file__); '
        'print((data_dir("prebuilt") / "pocket/corpus.jsonl").stat().st_size, '
        '(data_dir("regressions") / "pocket.yaml").exists(), "pocket" in pyserini_tct.prebuilt.entries(), '
        'bool(pyserini_tct.train.read_recipe("pocket", "tct")))'
    )
    done = subprocess.run(
        [str(installed_wheel), '-c', code], cwd=tmp_path, env=clean_environment(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    where, data = done.stdout.splitlines()
    assert str(installed_wheel.parent.parent) in where
    assert data == f'{(ROOT / "prebuilt/pocket/corpus.jsonl").stat().st_size} True True True'


def test_wheel_runs_from_another_directory(installed_wheel, tmp_path):
    """BM25 from corpus to evaluation, with the installed wheel alone."""

    def run(*words):
        done = subprocess.run(
            [str(installed_wheel), '-m', *words], cwd=tmp_path, env=clean_environment(), text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    pocket = run('pyserini_tct.demo', '--print-collection').strip()
    assert str(ROOT) not in pocket
    run('pyserini_tct.index.lucene', '--corpus', f'{pocket}/corpus.jsonl', '--index', 'bm25')
    run(
        'pyserini_tct.search.lucene',
        '--index',
        'bm25',
        '--topics',
        f'{pocket}/queries.dev.tsv',
        '--output',
        'run',
        '--hits',
        '10',
    )
    assert 'RR@10' in run('pyserini_tct.eval', f'{pocket}/qrels.dev.txt', 'run')
    assert 'bm25' in run('pyserini_tct.regress', 'pocket', '--list')


def test_command_list_names_every_command():
    listed = command('pyserini_tct')
    assert listed.returncode == 0
    assert [module for module in COMMANDS if module != 'pyserini_tct' and module not in listed.stdout] == []
