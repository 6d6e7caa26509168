# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Published indexes give the published rankings, and the MS MARCO regressions their pinned scores."""

import os
import sys

import pytest
from conftest import ROOT, command

from pyserini_tct.search.faiss._searcher import open_searcher

pytestmark = pytest.mark.skipif(
    os.environ.get('TCT_CONDITIONS') != '1',
    reason='downloads more than 100 GB and runs for hours: set TCT_CONDITIONS=1',
)
# Pyserini's documentation: 'what is a lobster roll', V2-HN+ on the flat index of MS MARCO V1 passages.
LOBSTER = {
    '7157715': 80.14327,
    '7157710': 80.09985,
    '7157707': 79.70108,
    '6321969': 79.37906,
    '6034350': 79.14087,
    '7157708': 79.08399,
    '4112862': 79.03954,
    '7157713': 78.71204,
    '4112861': 78.67692,
    '5515474': 78.54551,
}
REGRESSIONS = sorted(
    file.stem for file in (ROOT / 'regressions').glob('*.yaml') if file.stem.startswith(('msmarco', 'dl19', 'dl20'))
)


def test_documented_ranking():
    searcher = open_searcher('msmarco-v1-passage.tct_colbert-v2-hnp', 'castorini/tct_colbert-v2-hnp-msmarco')
    hits = searcher.search('what is a lobster roll', 10)
    assert {hit.docid: hit.score for hit in hits} == pytest.approx(LOBSTER, abs=1e-3)


@pytest.mark.parametrize('name', REGRESSIONS)
def test_pinned_conditions(name, tmp_path):
    done = command('pyserini_tct.regress', name, cwd=tmp_path, HF_HUB_OFFLINE='0')
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr[-2000:]
