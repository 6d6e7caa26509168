# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Look our names up with stock Pyserini's own classes and print what they give, as JSON (a process of its own: a JVM).

Arguments: a query, and names of a Faiss index, a BM25 index and encoded queries.
"""

import json
import sys
from pathlib import Path


def main(query: str, faiss: str, bm25: str, queries: str) -> None:
    from pyserini_tct import _jvm, _pyserini_names, prebuilt

    published = [entry for entry in prebuilt.entries().values() if entry.md5 and entry.kind in ('faiss', 'bm25')]
    # cast2019 is left out: Pyserini does not say how many terms it has, so that the folder itself would be opened.
    shipped = [entry for entry in published if entry.kind == 'faiss' or entry.unique_terms]
    for entry in shipped:
        entry.target.mkdir(parents=True)  # as if it had been fetched
    _jvm.prepare()
    _pyserini_names.register()
    from pyserini.encode import QueryEncoder
    from pyserini.search.faiss import FaissSearcher
    from pyserini.search.lucene import LuceneSearcher
    from pyserini.util import download_prebuilt_index

    elsewhere = [
        entry.name for entry in shipped if Path(download_prebuilt_index(entry.name, verbose=False)) != entry.target
    ]
    encoder = QueryEncoder.load_encoded_queries(queries)
    dense = FaissSearcher.from_prebuilt_index(faiss, encoder)
    sparse = LuceneSearcher.from_prebuilt_index(bm25)
    found = {
        'elsewhere': elsewhere,
        'dense': [(hit.docid, float(hit.score)) for hit in dense.search(query, 3)],
        'text': dense.ssearcher.doc(dense.search(query, 1)[0].docid).raw(),
        'sparse': [(hit.docid, float(hit.score)) for hit in sparse.search(query, 3)],
    }
    print('\n' + json.dumps(found))


if __name__ == '__main__':
    main(*sys.argv[1:])
