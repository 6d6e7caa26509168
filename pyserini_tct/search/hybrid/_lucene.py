# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A side of a hybrid search that Pyserini searches: impact indexes."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, rank


class ImpactSearcher:
    """Pyserini's ``LuceneImpactSearcher`` with hits in canonical order.

    Args:
        index_dir: Lucene index folder of impact scores.
        encoder: ``None`` (each word counts once for each time it occurs), a JSONL file of queries encoded before
            (``contents``, ``vector``), or a folder or hub name with ``unicoil``, ``splade`` or ``slim`` in it.
        min_idf: words with an inverse document frequency of at most that are left out.

    Raises:
        TctError: no Lucene index is there, or the encoder cannot be had.
    """

    def __init__(self, index_dir: str | Path, encoder: str | None, min_idf: float = 0) -> None:
        from pyserini_tct import _pyserini

        if not any(Path(index_dir).glob('segments_*')):
            raise TctError(f'{index_dir} is no Lucene index: give the folder that Anserini made')
        self.index_dir = index_dir
        self._searcher = _pyserini.impact_searcher(str(index_dir), encoder, min_idf)

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """Return the ``k`` best hits of one query, ties by docid."""
        return self.batch_search([query], ['q'], k)['q']

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``; see :meth:`search`."""
        try:
            found = self._searcher.batch_search(list(queries), list(q_ids), k, threads)
        except KeyError as error:
            raise TctError(f'the query {error} is not among the encoded queries: encode it as well') from error
        except Exception as error:  # jnius.JavaException
            cause = (str(error).splitlines() or ['no message'])[0][:160]
            raise TctError(f'{self.index_dir} cannot be searched as an impact index ({cause})') from error
        return {qid: rank((hit.docid, float(hit.score)) for hit in found.get(qid, [])) for qid in q_ids}
