# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.demo``: the flow on the pocket collection, from text to a table.

Everything is built with the stages' own functions under ``--output`` and kept there: indexes, vectors, runs. What an
earlier demo finished with the same package and data is used again.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyserini_tct import _atomic, _cli, _env, _files
from pyserini_tct._errors import TctError

BACKBONE = 'sentence-transformers/all-MiniLM-L6-v2'
HITS, ALPHA, WARM_UP = 100, 0.1, 5
STAMP = 'demo.json'
MEASURES = ('RR@10', 'nDCG@10', 'R@100')


class Row(NamedTuple):
    """A row of the table."""

    name: str
    scores: dict[str, float]
    ms: float
    index_bytes: int


def backbone() -> str:
    """Return the hub name of the demo's backbone, once it is sure that its package is here and sound.

    Raises:
        TctError: the package is missing, or its weights are not the expected ones.
    """
    from pyserini_tct.models import _weights

    _env.need(_weights.PACKAGED[BACKBONE][0], 'demo', 'the demo')
    _weights.packaged(BACKBONE)
    return BACKBONE


def build(work: Path, pocket: Path) -> dict[str, Path]:
    """Build what the table needs, each artefact once; return their paths."""
    from pyserini_tct.encode._writer import TctColBertDocumentEncoder, encode_corpus
    from pyserini_tct.expand import expand_corpus
    from pyserini_tct.index.faiss import build_flat
    from pyserini_tct.index.lucene import build_bm25

    paths = {
        name: work / name
        for name in ('tct_colbert-untrained', 'vectors', 'index', 'bm25', 'expanded.jsonl', 'doc2query')
    }
    corpus = pocket / 'corpus.jsonl'

    def untrained() -> None:
        from pyserini_tct.models import student

        student.load(backbone()).save(paths['tct_colbert-untrained'])

    def encode() -> None:
        encoder = TctColBertDocumentEncoder(paths['tct_colbert-untrained'], device='cpu')
        encode_corpus(corpus, paths['vectors'], encoder)

    _stage('BM25 index', paths['bm25'], lambda: build_bm25(corpus, paths['bm25']))
    _stage(
        'doc2query expansion',
        paths['expanded.jsonl'],
        lambda: expand_corpus(corpus, pocket / 'expansions.jsonl', paths['expanded.jsonl']),
    )
    _stage(
        'BM25 + doc2query index', paths['doc2query'], lambda: build_bm25(paths['expanded.jsonl'], paths['doc2query'])
    )
    _stage('untrained student', paths['tct_colbert-untrained'], untrained)
    _stage('passage vectors', paths['vectors'], encode)
    _stage('Faiss index', paths['index'], lambda: build_flat(paths['vectors'], paths['index']))
    return paths


def origin(pocket: Path) -> dict[str, Any]:
    """Return what the demo's artefacts depend on: code, data, backbone, versions."""
    code = sorted(Path(__file__).parent.rglob('*.py'))
    digest = hashlib.sha256(''.join(_files.sha256(file) for file in code).encode()).hexdigest()
    return {'code': digest, 'collection': _files.sha256(pocket), 'backbone': BACKBONE, **_env.versions()}


def _stage(name: str, output: Path, make: Callable[[], Any]) -> None:
    if output.exists():
        _cli.note(f'{name}: as before ({output})')
        return
    started = time.perf_counter()
    make()
    _cli.note(f'{name}: {time.perf_counter() - started:.1f} s ({output})')


def measure(name: str, searcher: Any, work: Path, pocket: Path, index_bytes: int, **options: Any) -> Row:
    """Search the test topics one by one, warm, write the run, and score it."""
    from pyserini_tct import runs
    from pyserini_tct.eval import evaluate, parse_measures
    from pyserini_tct.topics import read_qrels, read_topics

    topics = read_topics(pocket / 'queries.test.tsv')
    for query in list(topics.values())[:WARM_UP]:
        searcher.search(query, **options)
    found, seconds = {}, []
    for qid, query in topics.items():
        started = time.perf_counter()
        found[qid] = searcher.search(query, **options)
        seconds.append(time.perf_counter() - started)
    run_file = work / 'runs' / (name.lower().replace(' + ', '-').replace(' ', '-') + '.trec')
    runs.write_run(run_file, found, hits=HITS)
    scores = evaluate(read_qrels(pocket / 'qrels.test.txt'), runs.read_run(run_file), parse_measures(MEASURES))
    return Row(name, scores.mean, 1000 * statistics.median(seconds), index_bytes)


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out as text."""
    lines = [
        f'{"pocket, test: 166 queries, 600 passages":<42}'
        + ''.join(f'{m:>9}' for m in MEASURES)
        + f'{"ms/query":>10}{"index bytes":>13}'
    ]
    for row in rows:
        lines.append(
            f'{row.name:<42}'
            + ''.join(f'{row.scores[m]:>9.4f}' for m in MEASURES)
            + f'{row.ms:>10.1f}{row.index_bytes:>13,}'
        )
    return '\n'.join(lines)


def main(argv: Sequence[str]) -> None:
    """Build, search, score, print."""
    parser = _cli.Parser(
        'pyserini_tct.demo', 'The whole flow on the pocket collection: build, search, score, print a table.'
    )
    parser.add_argument('--output', type=Path, default=Path('demo'), help='folder for everything that is built')
    parser.add_argument('--print-collection', action='store_true', help='only print where the pocket collection is')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    pocket = _files.data_dir('prebuilt') / 'pocket'
    if args.print_collection:
        print(pocket)
        return
    backbone()
    stamp, made_of = args.output / STAMP, origin(pocket)
    if args.output.exists() and any(args.output.iterdir()):
        if not stamp.exists():
            raise TctError(f'{args.output} is not empty and no earlier demo: choose another --output')
        if args.overwrite or _files.read_json(stamp) != made_of:
            _atomic.remove(args.output)
    _atomic.write_json(stamp, made_of)
    paths = build(args.output, pocket)

    from pyserini_tct.search.faiss import FaissSearcher
    from pyserini_tct.search.hybrid import HybridSearcher
    from pyserini_tct.search.lucene import BM25Searcher

    size = {
        name: sum(file.stat().st_size for file in paths[name].iterdir() if not file.name.startswith('texts'))
        for name in ('bm25', 'doc2query', 'index')
    }
    bm25, doc2query = BM25Searcher(paths['bm25']), BM25Searcher(paths['doc2query'])
    dense = FaissSearcher(paths['index'], str(paths['tct_colbert-untrained']))
    rows = [
        measure('BM25', bm25, args.output, pocket, size['bm25'], k=HITS),
        measure('BM25 + doc2query', doc2query, args.output, pocket, size['doc2query'], k=HITS),
        measure('untrained student', dense, args.output, pocket, size['index'], k=HITS),
        measure(
            'untrained student + BM25',
            HybridSearcher(dense, bm25),
            args.output,
            pocket,
            size['index'] + size['bm25'],
            k0=1000,
            k=HITS,
            alpha=ALPHA,
        ),
    ]
    text = table(rows)
    with _atomic.atomic_file(args.output / 'report.txt') as out:
        out.write(text + '\n')
    print(
        f'\n{text}\n\nBM25 with k1=0.9 b=0.4; hybrid: dense + {ALPHA} BM25; ms/query: median of single queries, warm.'
    )
    print(f'Runs, indexes and this table are under {args.output}/.')


if __name__ == '__main__':
    _cli.run(main)
