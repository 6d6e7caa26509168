# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs are whole or absent, with the manifest that belongs to them, whatever goes wrong and whoever else writes."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environment, write_corpus

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError
from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.runs import Hit, read_run, write_run
from pyserini_tct.search.faiss import FaissSearcher


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_failed_block_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), _atomic.atomic_folder(tmp_path / 'x', {'kind': 'k'}) as partial:
        (partial / 'a').write_text('a')
        raise RuntimeError
    assert contents(tmp_path) == set()


def test_replacing_brings_data_and_manifest_together(tmp_path):
    for number in (1, 2):
        with _atomic.atomic_folder(tmp_path / 'x', {'number': number}) as partial:
            (partial / 'a').write_text(str(number))
    assert contents(tmp_path) == {'x', 'x.manifest.json'}
    assert (tmp_path / 'x' / 'a').read_text() == '2'
    assert json.loads((tmp_path / 'x.manifest.json').read_text()) == {'number': 2}


def test_a_failed_manifest_puts_the_old_pair_back(tmp_path, monkeypatch):
    """New vectors beside an old manifest would pass for those of the old encoder."""
    with _atomic.atomic_folder(tmp_path / 'x', {'number': 1}) as partial:
        (partial / 'a').write_text('1')

    def full(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch, pytest.raises(OSError, match='No space'):
        with _atomic.atomic_folder(tmp_path / 'x', {'number': 2}) as partial:
            (partial / 'a').write_text('2')
            patch.setattr(_atomic, 'write_json', full)
    assert contents(tmp_path) == {'x', 'x.manifest.json'}
    assert (tmp_path / 'x' / 'a').read_text() == '1'
    assert json.loads((tmp_path / 'x.manifest.json').read_text()) == {'number': 1}


def test_leftovers_of_dead_processes_are_swept_and_others_are_not(tmp_path):
    done = subprocess.run([sys.executable, '-c', 'import os; print(os.getpid())'], capture_output=True, text=True)
    for name in (f'.x.{done.stdout.strip()}.partial', f'.x.{os.getppid()}.partial', '.y.1.partial', '.x.z.partial'):
        (tmp_path / name).write_text('')
    with _atomic.atomic_file(tmp_path / 'x') as out:
        out.write('x')
    assert contents(tmp_path) == {'x', f'.x.{os.getppid()}.partial', '.y.1.partial', '.x.z.partial'}


def test_a_second_process_is_refused(tmp_path):
    """Two jobs on one store would interleave their texts, and hits would show the text of another passage."""
    path = str(tmp_path / 'v')
    code = f'from pyserini_tct import _atomic\nfrom pathlib import Path\nwith _atomic.lock(Path({path!r})): pass'
    with _atomic.lock(tmp_path / 'v'):
        held = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert 'another process is writing' in held.stderr
    assert subprocess.run([sys.executable, '-c', code], capture_output=True).returncode == 0


@pytest.fixture
def half_done(tmp_path, tiny_student, monkeypatch):
    """An encoding job that stopped after its first shard."""
    encoder = TctColBertDocumentEncoder(tiny_student, device='cpu')
    corpus = write_corpus(tmp_path / 'c.jsonl', {f'd{i}': f'ice {i}' for i in range(4)})
    original, calls = encoder.student.embed, []

    def embed(*words):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*words)

    monkeypatch.setattr(encoder.student, 'embed', embed)
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(corpus, tmp_path / 'v', encoder, shard_size=2)
    monkeypatch.undo()
    return lambda **options: encode_corpus(corpus, tmp_path / 'v', encoder, **{'shard_size': 2, **options})


@pytest.mark.parametrize(
    'damage',
    [
        lambda texts: texts.unlink(),
        lambda texts: texts.write_text('{"id"'),
        lambda texts: texts.write_bytes(
            texts.read_bytes().replace(b'ice 0', b'ice 7') + b'of a block that was cut off'
        ),
    ],
    ids=['lost', 'cut', 'changed'],
)
def test_damaged_texts_of_an_unfinished_store_are_written_again(half_done, tmp_path, capsys, damage):
    """Otherwise the job ends well and every hit shows the text of a later passage, or one that no corpus has."""
    damage(tmp_path / 'v.partial' / 'texts.jsonl')
    assert half_done().reused == 2
    assert 'texts.jsonl is damaged' in capsys.readouterr().err
    expected = [{'id': f'd{i}', 'contents': f'ice {i}'} for i in range(4)]
    assert [json.loads(line) for line in (tmp_path / 'v' / 'texts.jsonl').read_text().splitlines()] == expected


def test_overwrite_goes_on_with_the_same_job(half_done, tmp_path):
    """A command that was killed is given again as it was, --overwrite included."""
    assert half_done(overwrite=True).reused == 2


def test_overwrite_forgets_another_job(half_done):
    with pytest.raises(TctError, match='another corpus, encoder or settings'):
        half_done(shard_size=3)
    assert half_done(shard_size=3, overwrite=True).reused == 0


LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # Python would leave truncated .pyc files behind, and later processes would stumble
from pathlib import Path
from pyserini_tct import _cli
from pyserini_tct.index import faiss as index
import faiss
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_cli.run(index.main, ['--input', sys.argv[1], '--output', sys.argv[2], '--no-texts'])
"""


def test_a_full_disk_leaves_no_index(tiny_index, tmp_path):
    """Faiss can end without an error there, and a truncated index would take the final name."""
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run(
        [sys.executable, '-c', LIMITED, str(tiny_index.parent / 'vectors'), str(tmp_path / 'index')],
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert 'error: ' in done.stderr
    assert 'Traceback' not in done.stderr
    assert contents(tmp_path) == set()


def test_the_best_of_several_vectors_of_a_document_is_written(tmp_path):
    write_run(tmp_path / 'run', {'1': [Hit('a', 5.0), Hit('b', 3.0), Hit('a', 1.0)]})
    assert read_run(tmp_path / 'run') == {'1': {'a': 5.0, 'b': 3.0}}


def test_texts_of_another_length_than_the_index(tiny_index, tiny_student, tmp_path):
    import shutil

    import numpy as np

    shutil.copytree(tiny_index, tmp_path / 'index')
    lines = (tmp_path / 'index' / 'texts.jsonl').read_bytes().splitlines(keepends=True)[:5]
    (tmp_path / 'index' / 'texts.jsonl').unlink()
    (tmp_path / 'index' / 'texts.offsets.npy').unlink()
    (tmp_path / 'index' / 'texts.jsonl').write_bytes(b''.join(lines))
    np.save(tmp_path / 'index' / 'texts.offsets.npy', np.cumsum([0, *map(len, lines)]))
    searcher = FaissSearcher(tmp_path / 'index', tiny_student)
    with pytest.raises(TctError, match='5 texts for 6 docids'):
        searcher.doc('d1')


def swap_and_die(folder: Path, stage: str) -> None:
    """Replace ``folder/x`` and die at a stage of the swap."""
    code = f"""
import os, signal
from pathlib import Path
from pyserini_tct import _atomic
real = os.replace
def replace(a, b):
    if {stage!r} in (Path(a).name, Path(b).name):
        os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
_atomic.os.replace = replace
with _atomic.atomic_folder(Path({str(folder / 'x')!r}), {{'kind': 'k', 'number': 2}}) as partial:
    (partial / 'a').write_text('2')
"""
    done = subprocess.run([sys.executable, '-c', code.replace('PID', str(os.getpid()))], capture_output=True)
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize('stage', ['x.manifest.json', 'x'])
def test_a_kill_while_an_output_is_replaced_loses_nothing(tmp_path, stage):
    """The next command finds the old pair again, or the new one, and never a mixture."""
    with _atomic.atomic_folder(tmp_path / 'x', {'kind': 'k', 'number': 1}) as partial:
        (partial / 'a').write_text('1')
    swap_and_die(tmp_path, stage)
    with pytest.raises(TctError, match='exists'):
        _atomic.check_free(tmp_path / 'x', False, 'k')
    number = json.loads((tmp_path / 'x.manifest.json').read_text())['number']
    assert (tmp_path / 'x' / 'a').read_text() == str(number) == '1'
    assert not [name for name in contents(tmp_path) if name.endswith(('.old', '.old.manifest.json'))]


@pytest.mark.parametrize('name', ['photos', 'corpus', '.', '..', 'x' * 250])
def test_only_what_a_command_made_is_replaced(tmp_path, name):
    """`--overwrite` with the wrong path must not delete a folder of photographs, or the input."""
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'corpus').mkdir()
    with pytest.raises(TctError):
        _atomic.check_free(tmp_path / name if name not in '..' else Path(name), True, 'vectors', [tmp_path / 'corpus'])


def test_an_output_around_or_inside_an_input_is_refused(tmp_path):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'c.jsonl').write_text('')
    for output in (tmp_path, tmp_path / 'in', tmp_path / 'in' / 'c.jsonl'):
        with pytest.raises(TctError, match="in each other's way"):
            _atomic.check_free(output, True, 'vectors', [tmp_path / 'in' / 'c.jsonl'])
    with pytest.raises(TctError, match="in each other's way"):
        _atomic.check_free(tmp_path / 'in' / 'new', True, 'vectors', [tmp_path / 'in'])


def test_a_users_file_that_is_named_like_a_manifest_is_kept(tmp_path):
    (tmp_path / 'x.manifest.json').write_text('{"mine": 1}')
    with pytest.raises(TctError, match='describes something else'):
        _atomic.check_free(tmp_path / 'x', True, 'vectors')
