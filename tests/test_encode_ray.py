# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Encoding by Ray tasks and actors: the store of one process, also when a worker dies; a clear sentence without Ray."""

import contextlib
import importlib.util
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import fails
from test_encode import words
from test_encode_shards import contents

from pyserini_tct.encode import _ray
from pyserini_tct.encode.__main__ import main


@pytest.fixture(scope='module')
def ray(tmp_path_factory):
    """Two workers; the first one that is to write its second block is killed, once."""
    ray = pytest.importorskip('ray', reason='the extra `ray` is not installed')
    marker = str(tmp_path_factory.mktemp('ray') / 'killed')

    def die_once():
        import os
        import signal

        flushes, real = [], os.fsync

        def flush(descriptor):
            flushes.append(descriptor)
            if len(flushes) == 7:
                try:
                    os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    pass
                else:
                    os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)

        os.fsync = flush

    ray.init(num_cpus=2, num_gpus=2, log_to_driver=False, runtime_env={'worker_process_setup_hook': die_once})
    yield marker
    ray.shutdown()


@pytest.mark.parametrize('device', ['cpu', 'auto'])
def test_a_killed_worker_changes_nothing(ray, corpus, tmp_path, tiny_student, capsys, monkeypatch, device):
    """Of tasks, and of actors with GPUs that Ray believes in: they compute on the CPU here."""
    Path(ray).unlink(missing_ok=True)
    monkeypatch.setattr(_ray, 'GPU', 'cpu')
    main(words(corpus, tmp_path / 'whole', tiny_student))
    main([*words(corpus, tmp_path / 'v', tiny_student), '--device', device, '--ray'])
    assert f'{tmp_path / "v"}: 6 passages' in capsys.readouterr().out
    assert Path(ray).exists()  # a worker was killed
    assert contents(tmp_path / 'v') == contents(tmp_path / 'whole')
    assert sorted(p.name for p in tmp_path.iterdir() if 'v' in p.name) == ['v', 'v.manifest.json']
    corpus.write_text('{"id": \n')
    assert f'{corpus}: line 1 is not valid JSON' in fails(
        main, *words(corpus, tmp_path / 'w', tiny_student), '--ray', capsys=capsys
    )


def test_one_shard_is_the_whole_store(ray, corpus, tmp_path, tiny_student):
    """Of a corpus that is not larger than a block there is one shard, however many CPUs there are."""
    whole, one = (
        [word if word != '2' else '6' for word in words(corpus, tmp_path / name, tiny_student)] for name in ('w', 'v')
    )
    main(whole)
    main([*one, '--device', 'cpu', '--ray'])
    assert contents(tmp_path / 'v') == contents(tmp_path / 'w')


def test_an_address_where_nothing_listens(corpus, tmp_path, tiny_student, capsys, monkeypatch):
    """Ray itself would try for minutes."""
    absent = SimpleNamespace(is_initialized=lambda: False, init=lambda *_, **__: pytest.fail('Ray was asked'))
    monkeypatch.setitem(sys.modules, 'ray', absent)
    monkeypatch.setitem(sys.modules, 'grpc', SimpleNamespace())
    for address in ('127.0.0.1:1', 'ray://127.0.0.1:1', '127.0.0.1:99999'):
        found = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--ray', address, capsys=capsys)
        assert f'no Ray cluster at {address} (' in found
    assert sorted(path.name for path in tmp_path.iterdir()) == ['corpus.jsonl']


@contextlib.contextmanager
def listening(answer):
    """A port where something gives one answer; without one it says nothing."""
    closing = threading.Event()

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(99)
            connection.sendall(answer)
            if not answer:
                closing.wait(30)

    with socket.create_server(('127.0.0.1', 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f'127.0.0.1:{server.getsockname()[1]}'
        closing.set()
        thread.join(30)


@pytest.mark.parametrize(
    ('answer', 'cause'),
    [
        (b'HTTP/1.0 400 Bad request syntax\r\n', 'what listens there is not Ray'),
        (b'no', 'what listens there is not Ray'),
        (b'', 'timed out'),
        (bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), 'Ray was asked'),
    ],
)
def test_a_port_of_something_else(corpus, tmp_path, tiny_student, capsys, monkeypatch, answer, cause):
    """Ray itself would say nothing for ten minutes and more."""

    def ask(*_, **__):
        raise ConnectionError('Ray was asked')

    monkeypatch.setitem(sys.modules, 'ray', SimpleNamespace(is_initialized=lambda: False, init=ask))
    monkeypatch.setattr(_ray, 'CONNECT', 0.5)
    with listening(answer) as address:
        found = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--ray', address, capsys=capsys)
    assert f'no Ray cluster at {address} ({cause}): start one' in found
    assert sorted(path.name for path in tmp_path.iterdir()) == ['corpus.jsonl']


def test_a_client_address_without_the_client(corpus, tmp_path, tiny_student, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', SimpleNamespace(is_initialized=lambda: False))
    monkeypatch.setitem(sys.modules, 'grpc', None)
    found = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--ray', 'ray://127.0.0.1:1', capsys=capsys)
    assert "needs the package grpc, which is not installed: pip install 'pyserini-tct[ray]'" in found


def test_a_ray_that_does_not_start_is_one_sentence(corpus, tmp_path, tiny_student, capsys, monkeypatch):
    """On a busy machine Ray gives up with a bare ``Exception``."""

    def late(*_, **__):
        raise Exception('The current node timed out during startup.\nSee the logs')

    monkeypatch.setitem(sys.modules, 'ray', SimpleNamespace(is_initialized=lambda: False, init=late))
    found = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--ray', capsys=capsys)
    assert 'Ray does not start on this machine (The current node timed out during startup.): try again' in found
    assert sorted(path.name for path in tmp_path.iterdir()) == ['corpus.jsonl']


@pytest.mark.skipif(importlib.util.find_spec('ray') is not None, reason='Ray is installed')
def test_without_ray_one_sentence(corpus, tmp_path, tiny_student, capsys):
    sentence = fails(main, *words(corpus, tmp_path / 'v', tiny_student), '--ray', capsys=capsys)
    assert "--ray needs the package ray, which is not installed: pip install 'pyserini-tct[ray]'" in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ['corpus.jsonl']
