# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full or cannot be written: the sentence names the file and what can be done."""

import errno
import os
from unittest.mock import MagicMock

import numpy as np
import pytest
from conftest import fails
from test_encode import words

from pyserini_tct import _atomic, _disk, _env
from pyserini_tct.encode.__main__ import main
from pyserini_tct.models import backends
from pyserini_tct.prebuilt.__main__ import main as prebuilt

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing(error):
    """A command's ``main`` that meets an error."""

    def command(_):
        raise error

    return command


@pytest.mark.parametrize('writer', [_atomic.atomic_file, _atomic.atomic_folder])
def test_a_full_disk_is_named(tmp_path, capsys, writer):
    def command(_):
        with writer(tmp_path / 'out'):
            raise OSError(*FULL.args)

    found = fails(command, capsys=capsys)
    assert found == (
        f'error: {tmp_path}/out: No space left on device: make room there or choose another place; '
        'no output was replaced'
    )


def test_what_numpy_says_of_a_full_disk(tmp_path, capsys):
    def command(_):
        with _disk.naming(tmp_path / 'v.npy'), open('/dev/full', 'wb', 0) as out:
            np.ones((500, 500)).tofile(out)

    assert f'{tmp_path}/v.npy: No space left on device: make room' in fails(command, capsys=capsys)


def test_errors_of_reading_keep_their_file(tmp_path):
    for error in (OSError(errno.EIO, 'broken'), OSError(errno.ENOSPC, 'full', 'other'), OSError('unknown')):
        before = error.filename
        with pytest.raises(OSError), _disk.naming(tmp_path / 'out'):
            raise error
        assert error.filename == before


@pytest.mark.parametrize('full', [False, True])
def test_a_cache_that_cannot_be_written(corpus, tmp_path, tiny_student, monkeypatch, capsys, full):
    """What fails is no output that the user named: only the variable leads to it."""
    cache = tmp_path / 'cache' if full else tmp_path / 'file' / 'on' / 'the way'
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('PYSERINI_CACHE', str(cache))
    monkeypatch.setattr(_env, 'need', lambda *_: MagicMock())
    monkeypatch.setattr(backends, '_export', lambda *_: failing(OSError(*FULL.args))(None))
    found = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--backend', 'onnx', capsys=capsys)
    assert found.startswith(f'error: {cache if full else cache.parent.parent}')
    assert 'set PYSERINI_CACHE to a folder that can be written and has room' in found
    assert not list(tmp_path.glob('v*'))


def test_a_fetch_into_a_cache_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('PYSERINI_CACHE', str(tmp_path / 'file' / 'cache'))
    found = fails(prebuilt, 'fetch', 'pocket', capsys=capsys)
    assert 'set PYSERINI_CACHE to a folder that can be written and has room' in found


def test_a_missing_file_has_a_remedy(tmp_path, capsys):
    with pytest.raises(FileNotFoundError) as error:
        (tmp_path / 'none').read_bytes()
    assert f'{tmp_path}/none: No such file or directory: check the path; no' in fails(
        failing(error.value), capsys=capsys
    )
