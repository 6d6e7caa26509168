# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting for a lock that another thread holds."""

import threading

import pytest

from pyserini_tct import _atomic
from pyserini_tct._errors import TctError


def test_waiting_for_a_lock_ends_with_the_lock_that_others_see(tmp_path, monkeypatch):
    """The holder removes its file at the end: whoever waited on that file would hold what nobody else can see."""
    told, held, done = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(_atomic._cli, 'note', lambda sentence: told.set() if sentence == 'waiting' else None)

    def wait():
        with _atomic.lock(tmp_path / 'x', 'waiting'):
            held.set()
            done.wait(30)

    with _atomic.lock(tmp_path / 'x'):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert told.wait(30)
    assert held.wait(30)
    with pytest.raises(TctError, match='another process'), _atomic.lock(tmp_path / 'x'):
        pass
    done.set()
    waiter.join()
