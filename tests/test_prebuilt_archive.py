# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Archives that try to write elsewhere, or everything: each is refused, and nothing leaves the folder."""

import gzip
import io
import os
import stat
import tarfile

import pytest
from conftest import refusal
from flaky_server import INDEX, tar

from pyserini_tct.prebuilt import _archive


@pytest.fixture
def unpack(tmp_path):
    """Unpack bytes into `inner/folder`; only that may change."""

    def unpack_bytes(content):
        (tmp_path / 'x.tar.gz').write_bytes(content)
        (tmp_path / 'inner/folder').mkdir(parents=True, exist_ok=True)
        return _archive.unpack(tmp_path / 'x.tar.gz', tmp_path / 'inner/folder')

    yield unpack_bytes
    assert {path.name for path in tmp_path.iterdir()} == {'x.tar.gz', 'inner'}
    assert [path.name for path in (tmp_path / 'inner').iterdir()] == ['folder']


@pytest.mark.parametrize('packed', [True, False], ids=['tar.gz', 'tar'])
def test_one_folder_is_found(unpack, packed):
    folder = unpack(tar(INDEX, packed))
    assert folder.name == 'faiss-lab'
    assert (folder / 'index').read_bytes() == INDEX['faiss-lab/index']


def test_files_at_the_top_and_dots_are_fine(unpack):
    """Some published archives were made with `tar czf x.tar.gz .`."""
    folder = unpack(tar({'./': b'', './index': b'i', './docid': b'd', './._docid': b'of a Mac'}))
    assert folder.name == 'folder'
    assert (folder / 'docid').read_bytes() == b'd'


def test_folders_need_no_entries_of_their_own(unpack):
    assert (unpack(tar({'a/b/index': b'i'})) / 'b/index').read_bytes() == b'i'


def changed(**fields):
    def change(member):
        for name, value in fields.items():
            setattr(member, name, value)

    return change


@pytest.mark.parametrize(
    'name', ['../x', '/tmp/x', 'a/../../x', 'a\\..\\x', '..', 'a\nb', 'a/\x1b[2Jb', '//x'], ids=ascii
)
def test_names_that_leave_the_folder(unpack, name):
    assert 'unsafe name' in refusal(unpack, tar({'ok': b'x', name: b'x'}))


@pytest.mark.parametrize(
    ('kind', 'target'),
    [
        (tarfile.SYMTYPE, '/etc/passwd'),
        (tarfile.SYMTYPE, 'ok'),
        (tarfile.LNKTYPE, 'ok'),
        (tarfile.CHRTYPE, ''),
        (tarfile.BLKTYPE, ''),
        (tarfile.FIFOTYPE, ''),
    ],
)
def test_links_and_devices(unpack, kind, target):
    sentence = refusal(unpack, tar({'x': b''}, change=changed(type=kind, linkname=target)))
    assert 'neither a file nor a folder' in sentence


def test_sparse_files(unpack):
    """Their size on the disk is not the one that the header claims."""
    headers = {'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': str(1 << 40)}
    refusal(unpack, tar({'x': b'1\n0\n1\n'.ljust(512, b'\0') + b'x'}, change=changed(pax_headers=headers)))


def test_a_file_through_a_link_never_happens(unpack, tmp_path):
    """The classic: a link out of the folder, then a file below the link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz') as archive:
        link = tarfile.TarInfo('door')
        link.type, link.linkname = tarfile.SYMTYPE, '..'
        archive.addfile(link)
        file = tarfile.TarInfo('door/escaped')
        file.size = 1
        archive.addfile(file, io.BytesIO(b'x'))
    refusal(unpack, out.getvalue())


@pytest.mark.parametrize('names', [['a', 'a'], ['a', 'a/b'], ['a/b', 'a'], ['a', './a'], ['a', 'a/']], ids=str)
def test_names_that_occur_twice(unpack, names):
    """The second could replace a file that was looked at."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz') as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.type = 0, tarfile.DIRTYPE if name.endswith('/') else tarfile.REGTYPE
            archive.addfile(member)
    assert 'twice' in refusal(unpack, out.getvalue())


def test_permissions_are_not_taken_over(unpack):
    folder = unpack(tar(INDEX, change=changed(mode=0o6777, uid=0, gid=0)))
    mode = (folder / 'index').stat().st_mode
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)
    assert (folder / 'index').stat().st_uid == os.getuid()


def test_bomb_is_seen_by_its_declared_size(unpack, tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, 'SLACK', 1000)
    content = tar({'a/zeros': bytes(10_000_000)})
    assert len(content) * _archive.MOST_EXPANSION < 10_000_000
    assert 'far more than its size' in refusal(unpack, content)
    assert not (tmp_path / 'inner/folder/a/zeros').exists()


def test_bomb_of_many_files(unpack, monkeypatch):
    monkeypatch.setattr(_archive, 'MOST_MEMBERS', 5)
    assert 'far more than its size' in refusal(unpack, tar({f'a/{i}': b'' for i in range(6)}))


def test_header_that_claims_gigabytes(unpack):
    """tarfile reads an extended header into memory whole."""
    header = tarfile.TarInfo('pax')
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    packed = io.BytesIO()
    with gzip.open(packed, 'wb') as out:
        out.write(header.tobuf(tarfile.USTAR_FORMAT if header.size < 8**11 else tarfile.GNU_FORMAT))
        out.write(bytes(4_000_000))
    assert 'a header of' in refusal(unpack, packed.getvalue())


def test_size_that_lies(unpack):
    """A member that claims more than the archive holds."""
    member = tarfile.TarInfo('index')
    member.size = 1_000_000
    assert 'end of data' in refusal(unpack, gzip.compress(member.tobuf() + b'short'))


def test_disk_with_too_little_room(unpack, monkeypatch):
    monkeypatch.setattr(_archive.shutil, 'disk_usage', lambda path: type('usage', (), {'free': _archive.SPARE + 100}))
    (error,) = [refusal(unpack, tar(INDEX))]
    assert '0.0 GB are free' in error
