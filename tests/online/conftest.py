# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Skips this folder unless it is asked for, and finds the published data."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Each test here downloads from 0.1 MB to 60 GB: none runs by accident."""
    if os.environ.get('TCT_ONLINE') != '1':
        reason = 'downloads published weights: set TCT_ONLINE=1 (see tests/online/README.md)'
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def published_vectors() -> Path:
    """Query vectors of V2-HN+ that were converted from Pyserini's sets by other means."""
    folder = Path(os.environ.get('TCT_DATA', '')) / 'tct-query-embeddings'
    if not os.environ.get('TCT_DATA') or not folder.is_dir():
        pytest.skip('set TCT_DATA to a folder with tct-query-embeddings (dl19.npy and dl19.tsv, dl20.npy and dl20.tsv)')
    return folder
