# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The file of a Faiss index: one that was cut short is never mapped, and a full disk is told."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest
from conftest import refusal
from test_index_kinds import COUNT, DIMENSION, build, make_store

from pyserini_tct._faiss_file import write_index


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    vectors = np.random.default_rng(1).standard_normal((COUNT, DIMENSION)).astype(np.float32)
    return make_store(tmp_path_factory.mktemp('file') / 'vectors', vectors)


CUTS = """
import sys
from pathlib import Path
from pyserini_tct._errors import TctError
from pyserini_tct._faiss_file import read_index
folder = Path(sys.argv[1])
whole = (folder / 'index').read_bytes()
read_index(folder)
for size in (*range(160), *range(len(whole) - 12, len(whole))):
    (folder / 'index').write_bytes(whole[:size])
    try:
        read_index(folder)
    except TctError as error:
        assert str(folder / 'index') in str(error)
        assert str(error).endswith(': build the index again')
    else:
        raise SystemExit(f'{size} of {len(whole)} bytes are read as an index')
"""


@pytest.mark.parametrize('recorded', [True, False])
@pytest.mark.parametrize(
    'words',
    [[], ['--type', 'sq8'], ['--pq', '--pq-nbits', 4], ['--hnsw'], ['--type', 'fastscan'], ['--type', 'ivf']],
    ids=str,
)
def test_a_file_cut_at_any_byte_is_refused(store, tmp_path, words, recorded):
    """Faiss would end the process, or search what lacks its last bytes; so this runs in a process of its own."""
    manifest = build(store, tmp_path / 'index', *words)
    assert manifest['index_bytes'] == (tmp_path / 'index' / 'index').stat().st_size
    folder = shutil.move(tmp_path / 'index', tmp_path / 'moved')
    if recorded:
        (tmp_path / 'moved.manifest.json').write_text(json.dumps(manifest))
    found = subprocess.run([sys.executable, '-c', CUTS, str(folder)], text=True, capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0, '')


def test_a_full_disk_is_told():
    """Faiss's own files may lose the last bytes without an error."""
    index = faiss.IndexFlatIP(4)
    index.add(np.ones((2, 4), np.float32))
    assert '/dev/full could not be written ([Errno 28]' in refusal(write_index, index, Path('/dev/full'))
