# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Run stock Pyserini's own classes on our artefacts and leave what they give in a folder (a process of its own: a JVM).

Arguments: a JSON file with models, texts, titles, queries, indexes and lists to fuse; an output folder.
"""

import json
import sys
from pathlib import Path

import numpy as np


def main(job_file: str, output: str) -> None:
    from pyserini_tct import _jvm

    _jvm.prepare()
    from pyserini.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
    from pyserini.search.faiss import FaissSearcher
    from pyserini.search.faiss._searcher import DenseSearchResult
    from pyserini.search.hybrid import HybridSearcher
    from pyserini.search.lucene import LuceneSearcher

    job, out = json.loads(Path(job_file).read_text()), Path(output)
    for name, folder in job['models'].items():
        queries = TctColBertQueryEncoder(folder)
        documents = TctColBertDocumentEncoder(folder, device='cpu')
        np.save(out / f'{name}.queries.npy', np.stack([queries.encode(q) for q in job['queries']]))
        np.save(out / f'{name}.texts.npy', documents.encode(job['texts'], max_length=154))
        np.save(out / f'{name}.titled.npy', documents.encode(job['texts'], titles=job['titles'], max_length=154))
    searcher = LuceneSearcher(job['bm25'])
    searcher.set_bm25(0.9, 0.4)
    bm25 = {q: [(hit.docid, hit.score) for hit in searcher.search(q, 10)] for q in job['queries']}
    dense = FaissSearcher(job['faiss'], TctColBertQueryEncoder(job['faiss_encoder']))
    found = {q: [(hit.docid, float(hit.score)) for hit in dense.search(q, 5)] for q in job['queries']}
    fused = [
        [
            (hit.docid, hit.score)
            for hit in HybridSearcher._hybrid_results(
                [DenseSearchResult(*pair) for pair in lists['dense']],
                [DenseSearchResult(*pair) for pair in lists['sparse']],
                lists['alpha'],
                50,
                lists['normalization'],
                lists['weight_on_dense'],
            )
        ]
        for lists in job['lists']
    ]
    (out / 'results.json').write_text(json.dumps({'bm25': bm25, 'dense': found, 'fused': fused}))


if __name__ == '__main__':
    main(*sys.argv[1:])
