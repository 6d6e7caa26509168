# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A BM25 score as a sum over the terms of the query, by Lucene's own weights."""

import math
from collections import Counter
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError
from pyserini_tct.search.lucene import BM25Searcher


def explain_bm25(searcher: BM25Searcher, query: str, docid: str) -> dict[str, Any]:
    """Split a BM25 score among the terms of a query.

    Args:
        searcher: whose index, k1 and b count.
        query: text, analysed as the searcher does.
        docid: of the passage.

    Returns:
        ``score``, ``k1``, ``b``; ``query``, a list of ``token`` (the analysed term), ``count`` (in the query),
        ``documents`` (that have it), ``idf``, ``tf`` (its saturated, length-normalised frequency in the passage) and
        ``contribution = count * idf * tf``, which sums to the score. The searcher rounds its scores to 4 decimals.

    Raises:
        TctError: the index has no such passage.
    """
    utils = _jvm.autoclass('io.anserini.index.IndexReaderUtils')
    reader, analyzer = searcher.object.reader, searcher.object.get_analyzer()
    if utils.convertDocidToLuceneDocid(reader, docid) < 0:
        raise TctError(f'{searcher.index_dir} has no passage {docid}: check the docid, or name its index')
    tokens = _jvm.autoclass('io.anserini.analysis.AnalyzerUtils').analyze(analyzer, query).toArray()
    passages = int(reader.getDocCount('contents'))
    terms: list[dict[str, Any]] = []
    for term, count in Counter(map(str, tokens)).items():
        documents = int(utils.getDF(reader, term))
        idf = math.log(1 + (passages - documents + 0.5) / (documents + 0.5)) if documents else None
        weight = utils.getBM25AnalyzedTermWeightWithParameters(reader, docid, term, searcher.k1, searcher.b)
        entry = {'token': term, 'count': count, 'documents': documents, 'idf': idf}
        terms.append({**entry, 'tf': float(weight) / idf if idf else 0.0, 'contribution': count * float(weight)})
    score = sum(entry['contribution'] for entry in terms)
    return {'score': score, 'k1': searcher.k1, 'b': searcher.b, 'query': terms}
