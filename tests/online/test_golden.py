# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Published checkpoints give the published vectors, and published query sets are those vectors.

First and last numbers of vectors: Pyserini, `tests/base/encoder/test_encoder_model_tct.py`.
"""

import numpy as np
import pytest

from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.encode._encoders import load_encoded_queries
from pyserini_tct.prebuilt import find, locate
from pyserini_tct.topics import read_topics

# First and last numbers of the vectors of MS MARCO's dev queries 1048585 and 2.
QUERIES = {
    'castorini/tct_colbert-msmarco': [(0.14085, -0.15662), (-0.14778, 0.10030)],
    'castorini/tct_colbert-v2-msmarco': [(0.18285, -0.10137), (-0.03068, 0.08468)],
    'castorini/tct_colbert-v2-hn-msmarco': [(0.15629, -0.09900), (-0.04446, 0.07603)],
    'castorini/tct_colbert-v2-hnp-msmarco': [(0.15061, -0.08704), (-0.05862, 0.10783)],
}
DEV = 'msmarco-passage-dev-subset'


@pytest.mark.parametrize('name', QUERIES)
def test_query_vectors(name):
    topics = read_topics(DEV)
    vectors = TctColBertQueryEncoder(name).encode_batch([topics['1048585'], topics['2']])
    assert vectors[:, [0, -1]] == pytest.approx(np.array(QUERIES[name]), abs=1e-5)


def test_passage_vectors():
    """The first and third passage of `tests/resources/simple_cacm_corpus.json`."""
    texts = [
        'Generation of Random Correlated Normal Variables (Algorithm R425) CACM June, 1974 Page, R. L. CA740610 JB '
        'January 17, 1978 2:57 PM 2636 5 2636 2636 5 2636 2636 5 2636\n',
        'Rounding Problems in Commercial Data Processing A common requirement in commercial data processing is that '
        'the sum of a set of numbers, rounded in a generally understood manner, be equal to the sum of the numbers '
        'rounded individually. Four rounding procedures are described to accomplish this. The particular procedure '
        'that is appropriate depends upon whether the numbers being accumulated can vary in sign, whether their sum '
        'can vary in sign, and whether the last number being summed can be recognized as such prior to its rounding. '
        'CACM November, 1964 Kelley, T. B. CA641102 JB March 9, 1978 4:25 PM 981 5 981 981 5 981 981 5 981\n',
    ]
    vectors = TctColBertDocumentEncoder('castorini/tct_colbert-msmarco', device='cpu').encode(texts)
    expected = np.array([(-0.01650, -0.05648), (-0.10293, 0.05549)])
    assert vectors[:, [0, -1]] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize('name', [name for name in QUERIES if find(name)])
def test_published_dev_queries(name):
    """Fetched, converted from a pickle, looked up: the same numbers again."""
    found = locate(f'{name.removeprefix("castorini/").removesuffix("-msmarco")}-{DEV}', 'queries')
    encoder = TctColBertQueryEncoder(encoded_query_dir=found)
    assert len(encoder.embedding) > 6900
    topics = read_topics(DEV)
    vectors = encoder.encode_batch([topics['1048585'], topics['2']])
    assert vectors[:, [0, -1]] == pytest.approx(np.array(QUERIES[name]), abs=1e-4)


@pytest.mark.parametrize(('year', 'name'), [('dl19', 'dl19-passage'), ('dl20', 'dl20')])
def test_published_vectors(year, name, published_vectors):
    """Three ways to the same vectors: our conversion, another's, and the checkpoint itself."""
    theirs = load_encoded_queries(published_vectors / f'{year}.npy')
    ours = load_encoded_queries(locate(f'tct_colbert-v2-hnp-{name}', 'queries'))
    assert set(ours) == set(theirs)
    encoder = TctColBertQueryEncoder('castorini/tct_colbert-v2-hnp-msmarco')
    fresh = dict(zip(theirs, encoder.encode_batch(list(theirs)), strict=True))
    for text, vector in theirs.items():
        assert np.array_equal(ours[text], vector), text
        assert np.abs(fresh[text] - vector).max() < 1e-4, text
