# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fetching against a server that fails: nothing that arrived is lost, nothing is half installed."""

import random
import threading
import time
import types
from pathlib import Path

import pytest
from conftest import refusal
from flaky_server import INDEX, entry, serving, tar

from pyserini_tct.prebuilt import _archive, _download, _record
from pyserini_tct.prebuilt._install import Options, fetch, place, remove

CONTENT = tar({**INDEX, 'faiss-lab/texts': random.Random(0).randbytes(300_000)})  # too large for a socket's buffers
QUICK = Options(timeout=1, retries=3)


pytestmark = pytest.mark.usefixtures('prebuilt_folders')


@pytest.fixture
def server(monkeypatch):
    """A server, and no pauses between tries."""
    monkeypatch.setattr(_download, 'time', types.SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic))
    with serving() as running:
        yield running


def left(tmp_path) -> list[str]:
    """Names in the cache, but for the partial download."""
    return [path.name for path in (tmp_path / 'cache').rglob('*') if not path.name.endswith('.download')][1:]


def partial(wanted) -> Path:
    return wanted.target.with_name(f'.{wanted.target.name}.download')


def test_fetch_unpacks_and_records(server, tmp_path):
    wanted = entry(server, CONTENT)
    folder = fetch(wanted, QUICK)
    assert folder == tmp_path / 'cache/indexes' / f'faiss-lab.{wanted.md5}'
    assert (folder / 'docid').read_bytes() == b'd1\nd2\n'
    assert (folder / 'index').read_bytes() == INDEX['faiss-lab/index']
    assert _record.differences(folder, _record.read(wanted)['files']) == []
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name, f'{folder.name}.installed.json']
    assert fetch(wanted, QUICK) == folder
    assert len(server.seen) == 1, 'a second fetch downloaded again'


def test_cut_connection_resumes_where_it_was_cut(server, capsys):
    """A 25 GB download that starts anew at every cut may never end."""
    wanted = entry(server, CONTENT)
    server.cuts['/faiss-lab.tar.gz'] = [1000, 50_000, 0]
    assert fetch(wanted, QUICK).is_dir()
    assert [first for _, first in server.seen] == [0, 1000, 51_000, 51_000]
    assert 'trying again from byte 51,000' in capsys.readouterr().err


def test_what_arrived_is_kept_for_the_next_command(server, tmp_path):
    wanted = entry(server, CONTENT)
    server.cuts['/faiss-lab.tar.gz'] = [4000, 0, 0, 0, 0]
    error = refusal(fetch, wanted, QUICK)
    assert '4,000 bytes are kept' in error
    assert left(tmp_path) == []
    server.cuts.clear()
    assert fetch(wanted, QUICK).is_dir()
    assert server.seen[-1] == ('/faiss-lab.tar.gz', 4000)
    assert not partial(wanted).exists()


def test_wrong_checksum_installs_nothing(server, tmp_path):
    wanted = entry(server, CONTENT, md5='0' * 32)
    error = refusal(fetch, wanted, QUICK)
    assert 'wrong checksum' in error
    assert '0' * 32 in error
    assert left(tmp_path) == []
    assert not partial(wanted).exists(), 'the next try would go on from a wrong file'


def test_a_file_that_changed_between_two_parts_is_fetched_anew(server):
    wanted = entry(server, CONTENT)
    partial(wanted).parent.mkdir(parents=True)
    partial(wanted).write_bytes(b'of yesterday' * 10)
    assert fetch(wanted, QUICK).is_dir()
    assert [first for _, first in server.seen] == [120, 0]


@pytest.mark.parametrize('known', [True, False], ids=['size known', 'size unknown'])
def test_truncated_file(server, known, tmp_path):
    """A mirror that holds half a file answers without any error."""
    wanted = entry(server, CONTENT, bytes=len(CONTENT) if known else None)
    server.files['/faiss-lab.tar.gz'] = CONTENT[:5000]
    error = refusal(fetch, wanted, QUICK)
    assert ('its file has 5,000 bytes' if known else 'wrong checksum') in error
    assert left(tmp_path) == []


def test_more_than_the_stated_bytes_is_not_taken(server):
    wanted = entry(server, CONTENT)
    server.files['/faiss-lab.tar.gz'] = CONTENT + b'x' * 1_000_000
    server.no_lengths.add('/faiss-lab.tar.gz')
    assert 'bytes' in refusal(fetch, wanted, QUICK)
    assert partial(wanted).stat().st_size <= len(CONTENT)


def test_redirect_is_followed_and_resumed_through(server):
    """Both GitHub and the hub answer with a redirect; a Range header that is lost there corrupts the file."""
    wanted = entry(server, CONTENT, path='/there')
    server.redirects['/here/faiss-lab.tar.gz'] = server.url('/there')
    server.cuts['/there'] = [7000]
    wanted = entry(server, CONTENT, path='/here/faiss-lab.tar.gz')
    assert fetch(wanted, QUICK).is_dir()
    assert ('/there', 7000) in server.seen


def test_redirect_to_a_file_is_refused(server):
    server.redirects['/faiss-lab.tar.gz'] = 'file:///etc/passwd'
    assert 'file:///etc/passwd' in refusal(fetch, entry(server, CONTENT), QUICK)


def test_redirect_loop_ends(server):
    server.redirects['/faiss-lab.tar.gz'] = server.url('/faiss-lab.tar.gz')
    assert 'could not be downloaded' in refusal(fetch, entry(server, CONTENT), QUICK)


def test_slow_server_is_given_up_with_a_clear_message(server, tmp_path):
    wanted = entry(server, CONTENT)
    server.gates['/faiss-lab.tar.gz'] = threading.Event()
    error = refusal(fetch, wanted, Options(timeout=0.2, retries=1))
    assert 'no data for 0.2 seconds' in error
    assert len(server.seen) == 2, 'a byte a try is no progress'
    assert left(tmp_path) == []


def test_a_server_that_drips_is_given_up(server, tmp_path):
    """A byte now and then keeps a socket alive for ever: 25 GB at ten bytes a second take 80 years."""
    wanted = entry(server, CONTENT)
    server.drips['/faiss-lab.tar.gz'] = 0.01
    error = refusal(fetch, wanted, Options(timeout=0.2, retries=1))
    assert 'less than 1,000 bytes a second for 0.2 seconds, 2 times' in error
    kept = partial(wanted).stat().st_size
    assert 0 < kept < 1000
    assert f'{kept:,} bytes are kept' in error
    assert left(tmp_path) == []
    server.drips.clear()
    assert fetch(wanted, QUICK).is_dir()
    assert server.seen[-1] == ('/faiss-lab.tar.gz', kept)


def test_server_without_ranges_starts_over(server):
    wanted = entry(server, CONTENT)
    server.no_ranges.add('/faiss-lab.tar.gz')
    server.cuts['/faiss-lab.tar.gz'] = [9000]
    assert fetch(wanted, QUICK).is_dir()
    assert server.seen == [('/faiss-lab.tar.gz', 0), ('/faiss-lab.tar.gz', 9000)]


def test_busy_server_is_asked_again_and_a_missing_file_is_not(server):
    wanted = entry(
        server, CONTENT, urls=(server.url('/gone.tar.gz'), server.url('/faiss-lab.tar.gz')), filename='f.tar'
    )
    server.codes['/faiss-lab.tar.gz'] = [503, 503]
    assert fetch(wanted, QUICK).is_dir()
    assert [path for path, _ in server.seen] == ['/gone.tar.gz', *['/faiss-lab.tar.gz'] * 3]
    error = refusal(fetch, entry(server, CONTENT, name='x', urls=(server.url('/no'),), filename='g.tar'), QUICK)
    assert 'HTTP 404' in error


def test_offline_says_what_to_do(server, monkeypatch, tmp_path):
    wanted = entry(server, CONTENT)
    error = refusal(fetch, wanted, Options(offline=True))
    assert 'no network' in error
    assert str(wanted.target) in error
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    assert 'HF_HUB_OFFLINE' in refusal(fetch, wanted, QUICK)
    assert server.seen == []
    (tmp_path / 'brought.tar.gz').write_bytes(CONTENT)
    assert fetch(wanted, Options(archive=tmp_path / 'brought.tar.gz')).is_dir()
    assert fetch(wanted, QUICK) == wanted.target, 'what is here needs no network'


def test_wrong_archive_from_elsewhere_is_left_alone(server, tmp_path):
    (tmp_path / 'mine.tar.gz').write_bytes(b'something else')
    assert 'right archive' in refusal(fetch, entry(server, CONTENT), Options(archive=tmp_path / 'mine.tar.gz'))
    assert (tmp_path / 'mine.tar.gz').exists()


def test_full_disk_is_seen_before_the_first_byte(server, monkeypatch, tmp_path):
    usage = type('usage', (), {'free': _archive.SPARE + 2 * len(CONTENT) - 1})
    monkeypatch.setattr(_archive.shutil, 'disk_usage', lambda path: usage)
    assert 'make room' in refusal(fetch, entry(server, CONTENT), QUICK)
    assert server.seen == []
    usage.free += 1
    assert fetch(entry(server, CONTENT), QUICK).is_dir()


def test_disk_that_fills_while_unpacking_keeps_the_download(server, monkeypatch, tmp_path):
    """To refuse the archive for it would cost the user the whole download again."""
    wanted = entry(server, CONTENT, bytes=None)
    usage = type('usage', (), {'free': _archive.SPARE + 10_000})
    monkeypatch.setattr(_archive.shutil, 'disk_usage', lambda path: usage)
    assert 'make room' in refusal(fetch, wanted, QUICK)
    assert partial(wanted).stat().st_size == len(CONTENT)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    'content',
    [
        tar({'lab/': b'', 'lab/index': b'x', 'lab/docid': b'd', '../escaped': b'x'}),
        tar({'lab/readme': b'no index at all'}),
        b'\x1f\x8b not gzip at all',
        CONTENT[:-3000],
    ],
    ids=['leaves the folder', 'holds something else', 'is no archive', 'ends early'],
)
def test_unusable_archive_leaves_nothing(server, content, tmp_path):
    """Its checksum is right, so it is the archive itself that is wrong."""
    wanted = entry(server, content)
    assert wanted.name in refusal(fetch, wanted, QUICK).split()  # and not the name of a hidden file
    assert left(tmp_path) == []
    assert not partial(wanted).exists()
    assert not (tmp_path / 'cache/escaped').exists()


def test_verify_finds_what_changed(server):
    wanted = entry(server, CONTENT)
    folder = fetch(wanted, QUICK)
    expected = _record.read(wanted)['files']
    (folder / 'docid').write_bytes(b'd1\nd3\n')
    (folder / 'new').write_bytes(b'')
    (folder / 'index').unlink()
    assert _record.differences(folder, expected) == ['index is missing', 'docid changed', 'new is new']


def test_remove_frees_what_was_fetched(server, tmp_path):
    wanted = entry(server, CONTENT)
    fetch(wanted, QUICK)
    assert remove(wanted) > 300_000
    assert place(wanted) is None
    assert left(tmp_path) == []
