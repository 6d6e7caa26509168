# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Build Lucene indexes of every kind, search them with our sides and with Pyserini's classes (its own process: a JVM).

Arguments: a JSON file with texts, topics and a student; an output folder, which gets the indexes and results.json.
"""

import json
import shutil
import sys
from pathlib import Path


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir()
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return path.parent


def pairs(hits) -> list:
    return [(hit.docid, float(hit.score)) for hit in hits]


def refusals(out: Path) -> dict[str, str]:
    """Return the sentence that each unfit index gets: for search, and by ``index.info``, which reads all of it."""
    import numpy as np

    from pyserini_tct.index._lucene_vectors import LuceneVectors
    from pyserini_tct.index.info import describe

    for name in ('short', 'changed'):
        shutil.copytree(out / 'hnsw', out / name)
    (short,), (changed,) = ((out / name).glob('*.vec') for name in ('short', 'changed'))
    short.write_bytes(short.read_bytes()[:-400])
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    attempts = {
        'dimension': lambda: LuceneVectors(out / 'hnsw').search(np.ones((1, 16), np.float32), 3),
        'texts': lambda: LuceneVectors(out / 'raw'),
        'short': lambda: LuceneVectors(out / 'short'),
        'short, info': lambda: describe(out / 'short'),
        'changed, info': lambda: describe(out / 'changed'),
    }
    found = {}
    for name, attempt in attempts.items():
        try:
            found[name] = f'nothing was refused: {attempt()}'
        except Exception as error:
            found[name] = f'{type(error).__name__}: {error}'.replace(f'{out}/', '')
    return found


def main(job_file: str, output: str) -> None:
    from pyserini_tct import _jvm
    from pyserini_tct.encode import TctColBertQueryEncoder
    from pyserini_tct.index._lucene_vectors import build_vectors
    from pyserini_tct.index.lucene import main as index_lucene
    from pyserini_tct.search.faiss import FaissSearcher
    from pyserini_tct.search.hybrid import HybridSearcher
    from pyserini_tct.search.hybrid._lucene import ImpactSearcher
    from pyserini_tct.search.lucene import BM25Searcher
    from pyserini_tct.search.lucene._dense import LuceneDenseSearcher
    from pyserini_tct.search.lucene._scoring import configure_bm25

    job, out = json.loads(Path(job_file).read_text()), Path(output)
    texts, topics = job['texts'], job['topics']
    corpus = write_lines(out / 'corpus' / 'c.jsonl', [{'id': d, 'contents': text} for d, text in texts.items()])
    words = [{'id': d, 'contents': '', 'vector': {w: len(w) for w in text.split()}} for d, text in texts.items()]
    impacts = write_lines(out / 'impacts' / 'i.jsonl', words)
    _jvm.prepare(quiet=True)
    index = _jvm.autoclass('io.anserini.index.IndexCollection').main
    common = ['-threads', '1', '-quiet']
    default = ['-collection', 'JsonCollection', '-generator', 'DefaultLuceneDocumentGenerator', '-input', str(corpus)]
    index([*default, *common, '-index', str(out / 'docvectors'), '-storeDocvectors', '-storeRaw'])
    index([*default, *common, '-index', str(out / 'raw'), '-storeRaw'])
    index([*default, *common, '-index', str(out / 'slim')])
    scored = ['-collection', 'JsonVectorCollection', *default[2:4], '-input', str(impacts)]
    index([*scored, *common, '-index', str(out / 'impact'), '-impact', '-pretokenized'])
    store = Path(job['faiss']).with_name('vectors')
    build_vectors(store, out / 'flat', 'flat')
    index_lucene(['--dense', 'hnsw', '--input', str(store), '--index', str(out / 'hnsw'), '--M', '8', '--efC', '50'])

    from pyserini.search.lucene import LuceneFlatDenseSearcher, LuceneImpactSearcher, LuceneSearcher

    results: dict = {'ours': {}, 'stock': {}}
    for name, ours, stock in (
        ('bm25', {}, lambda s: None),
        ('qld', {'qld': True}, lambda s: s.set_qld()),
        ('rm3', {'rm3': True}, lambda s: s.set_rm3()),
        ('rocchio', {'rocchio': True}, lambda s: s.set_rocchio()),
        ('negative', {'rocchio': True, 'use_negative': True}, lambda s: s.set_rocchio(gamma=0.15, use_negative=True)),
        ('language', {'language': 'de'}, lambda s: s.set_language('de')),
    ):
        mine, theirs = BM25Searcher(out / 'docvectors'), LuceneSearcher(str(out / 'docvectors'))
        configure_bm25(mine, **ours)
        stock(theirs)
        results['ours'][name] = {q: pairs(mine.search(q, 6)) for q in topics.values()}
        results['stock'][name] = {q: pairs(theirs.search(q, 6)) for q in topics.values()}
    feedback = BM25Searcher(out / 'raw')
    configure_bm25(feedback, rm3=True)
    results['rm3 from stored text'] = {q: pairs(feedback.search(q, 6)) for q in topics.values()}
    try:
        configure_bm25(BM25Searcher(out / 'slim'), rm3=True)
    except Exception as error:
        results['slim'] = f'{type(error).__name__}: {error}'
    results['refused'] = refusals(out)
    impact, of_stock = ImpactSearcher(out / 'impact', None), LuceneImpactSearcher(str(out / 'impact'), None)
    results['ours']['impact'] = {q: pairs(impact.search(q, 6)) for q in topics.values()}
    results['stock']['impact'] = {q: pairs(of_stock.search(q, 6)) for q in topics.values()}
    queries = TctColBertQueryEncoder(job['student'])
    faiss = FaissSearcher(job['faiss'], queries)
    results['faiss'] = {q: pairs(faiss.search(q, 6)) for q in topics.values()}
    for kind in ('flat', 'hnsw'):
        searcher = LuceneDenseSearcher(out / kind, queries, ef_search=2)
        results[kind] = {q: pairs(searcher.search(q, 6)) for q in topics.values()}
    searcher = LuceneDenseSearcher(out / 'flat', queries, normalize_distances=True)
    results['ours']['flat'] = {q: pairs(searcher.search(q, 6)) for q in topics.values()}
    stock_flat = LuceneFlatDenseSearcher(str(out / 'flat'))
    vector_of = {q: json.dumps(queries.encode(q).tolist()) for q in topics.values()}
    results['stock']['flat'] = {q: pairs(stock_flat.search(vector, 6)) for q, vector in vector_of.items()}
    both = HybridSearcher(LuceneDenseSearcher(out / 'hnsw', queries), BM25Searcher(out / 'raw'))
    alone = HybridSearcher(both.dense_searcher, both.sparse_searcher, concurrent=False)
    words_of = (list(topics.values()), list(topics), 6, 6, 2)
    results['concurrent'] = [both.batch_search(*words_of) == alone.batch_search(*words_of) for _ in range(5)]
    (out / 'results.json').write_text(json.dumps(results))


if __name__ == '__main__':
    main(*sys.argv[1:])
