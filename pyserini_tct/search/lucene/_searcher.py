# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""BM25 over a Lucene index by Anserini's own searcher, without ``pyserini.search`` and its seven seconds of imports."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, rank

DEFAULT_K1, DEFAULT_B = 0.9, 0.4
MOST_WORDS = 1 << 16
# (k1, b) that Pyserini uses for its own MS MARCO V1 indexes, by name; a local copy of one gets the defaults.
TUNED = {
    'msmarco-passage': (0.82, 0.68),
    'msmarco-v1-passage': (0.82, 0.68),
    'msmarco-v1-passage-slim': (0.82, 0.68),
    'msmarco-v1-passage-full': (0.82, 0.68),
    'msmarco-v1-passage-d2q-t5': (2.18, 0.86),
    'msmarco-v1-passage.d2q-t5': (2.18, 0.86),
    'msmarco-v1-passage.d2q-t5-docvectors': (2.18, 0.86),
    'msmarco-v1-doc': (4.46, 0.82),
    'msmarco-v1-doc-slim': (4.46, 0.82),
    'msmarco-v1-doc-full': (4.46, 0.82),
    'msmarco-v1-doc-segmented': (2.16, 0.61),
    'msmarco-v1-doc-segmented-slim': (2.16, 0.61),
    'msmarco-v1-doc-segmented-full': (2.16, 0.61),
    'msmarco-v1-doc.d2q-t5': (4.68, 0.87),
    'msmarco-v1-doc.d2q-t5-docvectors': (4.68, 0.87),
    'msmarco-v1-doc-segmented.d2q-t5': (2.56, 0.59),
    'msmarco-v1-doc-segmented.d2q-t5-docvectors': (2.56, 0.59),
}


class BM25Searcher:
    """BM25 search with Pyserini's signature.

    Args:
        index_dir: Lucene index folder, ours or stock Pyserini's.
        k1: term frequency saturation.
        b: length normalisation.

    Raises:
        TctError: no Lucene index is there, or a parameter is out of range.
    """

    def __init__(self, index_dir: str | Path, k1: float = DEFAULT_K1, b: float = DEFAULT_B) -> None:
        if not (0 <= k1 < math.inf and 0 <= b <= 1):
            raise TctError(f'k1 = {k1}, b = {b}: BM25 needs k1 of at least 0 and b between 0 and 1')
        self.index_dir, self.k1, self.b = Path(index_dir), k1, b
        if not any(self.index_dir.glob('segments_*')):
            raise TctError(f'{index_dir} is no Lucene index: make it with python -m pyserini_tct.index.lucene')
        searcher = _jvm.autoclass('io.anserini.search.SimpleSearcher')
        # Lucene refuses queries of more than 1,024 different words, and Anserini then loses the whole batch.
        _jvm.autoclass('org.apache.lucene.search.IndexSearcher').setMaxClauseCount(MOST_WORDS)
        try:
            self.object = searcher(str(index_dir))
            self.object.set_bm25(k1, b)
            self.num_docs = int(self.object.get_total_num_docs())
        except Exception as error:  # jnius.JavaException
            raise TctError(
                f'{index_dir} cannot be opened by Lucene ({str(error).splitlines()[0][:160]}): build the index again'
            ) from error

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """Return the ``k`` best hits, ties by docid; none for a query without a known word."""
        if not query.strip():
            return []
        return _hits(self._java(self.object.search, query, min(k, self.num_docs)))

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        texts, ids = (_jvm.autoclass('java.util.ArrayList')() for _ in range(2))
        for query, qid in zip(queries, q_ids, strict=True):
            if query.strip():
                texts.add(query)
                ids.add(qid)
        found: dict[str, list[Hit]] = {qid: [] for qid in q_ids}
        if ids.size():
            results = self._java(self.object.batch_search, texts, ids, min(k, self.num_docs), threads)
            for entry in results.entrySet().toArray():
                found[entry.getKey()] = _hits(entry.getValue())
        return found

    def _java(self, method: Any, *words: Any) -> Any:
        """Call Anserini, and tell its exceptions in one sentence."""
        try:
            return method(*words)
        except Exception as error:  # jnius.JavaException
            cause = (str(error).splitlines() or ['no message'])[0][:160]
            raise TctError(f'Lucene could not search {self.index_dir} ({cause}): build the index again') from error

    def doc(self, docid: str) -> Any | None:
        """Return a passage with ``docid()``, ``raw()`` and ``contents()``, or ``None`` for an unknown docid."""
        from pyserini_tct.search.faiss._folder import Document

        raw = self.object.doc_raw(docid)
        return None if raw is None else Document(docid, raw, self.object.doc_contents(docid) or _contents(raw))


def _hits(found: Any) -> list[Hit]:
    return rank((hit.docid, float(hit.score)) for hit in found)


def _contents(raw: str) -> str:
    import json

    return json.loads(raw)['contents']


def open_searcher(index: str, k1: float | None = None, b: float | None = None, heap: str | None = None) -> BM25Searcher:
    """Open an index folder or one of Pyserini's prebuilt names, as the command lines do, and print k1 and b.

    Raises:
        TctError: the index cannot be had.
    """
    path, tuned = Path(index), (DEFAULT_K1, DEFAULT_B)
    _jvm.prepare(heap)
    if not path.exists():
        from pyserini_tct import _pyserini

        path, tuned = _pyserini.index(index, 'TF'), TUNED.get(index, tuned)
    searcher = BM25Searcher(path, tuned[0] if k1 is None else k1, tuned[1] if b is None else b)
    print(f'BM25 with k1={searcher.k1:g} b={searcher.b:g} over {searcher.num_docs} passages')
    return searcher
