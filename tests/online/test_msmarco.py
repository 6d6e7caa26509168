# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Published indexes give the published rankings, and the MS MARCO regressions their pinned scores."""

import os
import sys

import pytest
from conftest import ROOT, command

from pyserini_tct.prebuilt import locate
from pyserini_tct.search.faiss._searcher import open_searcher
from pyserini_tct.search.hybrid import HybridSearcher
from pyserini_tct.search.lucene import BM25Searcher

pytestmark = pytest.mark.skipif(
    os.environ.get('TCT_CONDITIONS') != '1', reason='downloads more than 100 GB, runs for hours: set TCT_CONDITIONS=1'
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
    # Nobody offers the indexes of MS MARCO V2.
    file.stem
    for file in (ROOT / 'regressions').glob('*.yaml')
    if file.stem.startswith(('msmarco-v1', 'dl19', 'dl20'))
)


def test_documented_ranking():
    searcher = open_searcher('msmarco-v1-passage.tct_colbert-v2-hnp', 'castorini/tct_colbert-v2-hnp-msmarco')
    hits = searcher.search('what is a lobster roll', 10)
    assert {hit.docid: hit.score for hit in hits} == pytest.approx(LOBSTER, abs=1e-3)


def test_figures_of_the_sigir_paper():
    """Pyserini's `integrations/core/papers/test_sigir2021.py`: first and tenth hit, HNSW, alone and with BM25."""
    dense = open_searcher('msmarco-v1-passage.tct_colbert.hnsw', 'castorini/tct_colbert-msmarco')
    hybrid = HybridSearcher(dense, BM25Searcher(locate('msmarco-v1-passage', 'bm25')))
    for searcher, first, tenth in (
        (dense, ('7157710', 70.53741), ('2920399', 69.01737)),
        (hybrid, ('7157715', 71.56023), ('7157708', 70.07635)),
    ):
        hits = searcher.search('what is a lobster roll')
        assert len(hits) == 10
        for hit, (docid, score) in ((hits[0], first), (hits[9], tenth)):
            assert (hit.docid, hit.score) == (docid, pytest.approx(score, abs=1e-4))


@pytest.mark.parametrize('name', REGRESSIONS)
def test_pinned_conditions(name, tmp_path):
    done = command('pyserini_tct.regress', name, cwd=tmp_path, HF_HUB_OFFLINE='0')
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr[-2000:]
