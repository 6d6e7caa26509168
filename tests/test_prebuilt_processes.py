# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Two processes that want the same: one fetches, the other waits; and one that is killed."""

import os
import random
import subprocess
import sys
import threading
import time

import pytest
from conftest import clean_environment
from flaky_server import INDEX, entry, serving, tar

from pyserini_tct.prebuilt import _registry
from pyserini_tct.prebuilt._install import locate

CONTENT = tar({**INDEX, 'faiss-lab/texts': random.Random(0).randbytes(300_000)})


@pytest.fixture
def server():
    with serving() as running:
        yield running


SCRIPT = """
from pyserini_tct.prebuilt._install import locate
print(locate('lab', 'faiss'))
"""


@pytest.fixture
def start(server, prebuilt_folders):
    """Start processes that share the name `lab`, added by the user; the server's answer waits for its gate."""
    wanted = entry(server, CONTENT)
    server.gates['/faiss-lab.tar.gz'] = threading.Event()
    _registry.write_added({'lab': wanted})
    environment = clean_environment(**prebuilt_folders, PYTHONPATH=os.pathsep.join(sys.path))
    started = []

    def start_one():
        pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, '-c', SCRIPT], env=environment, text=True, **pipes))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_processes_fetch_once(server, start, tmp_path):
    first = start()
    wait_for(lambda: server.seen)
    second = start()
    assert 'another process is fetching lab: waiting for it' in second.stderr.readline()
    server.gates['/faiss-lab.tar.gz'].set()
    answers = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], answers
    assert answers[0][0] == answers[1][0] == f'{locate("lab", "faiss")}\n'
    assert len(server.seen) == 1
    assert list((tmp_path / 'cache').rglob('.*')) == []


def test_killed_process_frees_the_lock_and_leaves_its_part(server, start):
    """After kill -9 no cleaning code runs."""
    target = _registry.get('lab').target
    partial = target.with_name(f'.{target.name}.download')
    server.before_gate = 1 << 16  # more than a file that is open keeps to itself
    process = start()
    wait_for(lambda: partial.exists() and partial.stat().st_size)
    process.kill()
    process.communicate()
    server.gates.pop('/faiss-lab.tar.gz').set()
    assert locate('lab', 'faiss').is_dir()
    assert server.seen[-1][1] >= 1
