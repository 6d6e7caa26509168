# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.index.lucene``: a corpus to a BM25 index by Anserini, which stock Pyserini reads.

With ``--dense`` vectors become an index of vectors instead.
The corpus is streamed into Anserini's JsonCollection form first, so every corpus form that this package reads can be
indexed; the folder takes its name when Anserini has counted as many documents as were written.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError
from pyserini_tct.index import _lucene, _lucene_vectors


def build_bm25(
    corpus: str | Path,
    output: Path,
    fields: Sequence[str] | None = None,
    docid_field: str | None = None,
    threads: int = 1,
    overwrite: bool = False,
    heap: str | None = None,
    docvectors: bool = False,
) -> int:
    """Index a corpus for BM25.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: new index folder; it appears whole or not at all.
        fields, docid_field: see :func:`pyserini_tct.collection.read_corpus`.
        threads: indexing threads.
        overwrite: replace an existing folder.
        heap: most memory of the Java heap, such as ``2g``.
        docvectors: store the words of each document, which stock Pyserini's feedback needs.

    Returns:
        Documents indexed.

    Raises:
        TctError: bad input, an output that exists, no usable Java, or Anserini indexed another number of documents.
    """
    from pyserini_tct import _jvm
    from pyserini_tct.collection import IRDS, corpus_files, read_corpus

    _atomic.check_free(output, overwrite, 'lucene-bm25', [corpus])
    inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
    _jvm.prepare(heap)
    with _atomic.workspace(output) as work:
        source, target = work / 'corpus', work / 'index'
        source.mkdir()
        count, blank = 0, 0
        with open(source / 'corpus.jsonl', 'w', encoding='utf-8', newline='\n') as out:
            for passage in read_corpus(corpus, fields, docid_field):
                if passage.contents.strip():
                    line = {'id': passage.docid, 'contents': passage.contents}
                    out.write(json.dumps(line, ensure_ascii=False) + '\n')
                    count += 1
                else:
                    blank += 1
        if not count:
            raise TctError(f'{corpus} has no passage with text: there is nothing to index')
        _jvm.autoclass('io.anserini.index.IndexCollection').main(
            [
                *('-collection', 'JsonCollection', '-generator', 'DefaultLuceneDocumentGenerator'),
                *('-input', str(source), '-index', str(target), '-threads', str(threads), '-storeRaw', '-quiet'),
                *(('-storeDocvectors',) if docvectors else ()),
            ]
        )
        indexed = _lucene.count_documents(target)
        if indexed != count:
            raise TctError(
                f'{corpus} has {count} passages but Anserini indexed {indexed}: '
                'see what it printed above, or is the disk full?'
            )
        content = {'count': count, 'blank': blank, 'fields': list(fields) if fields else None, 'docvectors': docvectors}
        _atomic.publish(target, output, _manifest.describe('lucene-bm25', content, inputs))
    if blank:
        _cli.note(f'note: {blank} passages have no text and are not in the BM25 index')
    return count


def main(argv: Sequence[str]) -> None:
    """Parse the flags and build."""
    about = 'Build a BM25 index from a corpus (JSONL, expanded or not), or an index of vectors.'
    parser = _cli.Parser('pyserini_tct.index.lucene', about)
    parser.add_argument('--corpus', help='JSONL file (.gz too), folder of them, or irds:NAME')
    parser.add_argument('--dense', choices=_lucene_vectors.TYPES, help='index vectors: exactly, or as a graph')
    parser.add_argument('--input', type=Path, help='vector store, from pyserini_tct.encode (--dense)')
    parser.add_argument('--M', dest='m', type=_cli.positive, help='links a vector of the graph (16)')
    parser.add_argument('--efC', dest='ef_construction', type=_cli.positive, help='candidates kept at building (100)')
    parser.add_argument('--index', required=True, type=Path, help='new index folder')
    parser.add_argument('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    parser.add_argument('--docid-field', help='key of the docid, if it is none of id, _id, docid')
    parser.add_argument('--threads', type=_cli.positive, default=1, help='indexing threads')
    parser.add_argument(
        '--storeDocvectors',
        dest='docvectors',
        action='store_true',
        help="for the feedback of stock Pyserini's commands",
    )
    parser.add_heap()
    parser.add_overwrite()
    args = parser.parse_args(argv)
    if bool(args.dense) != bool(args.input) or bool(args.dense) == bool(args.corpus):
        raise TctError('give --corpus CORPUS for BM25, or --dense flat or hnsw with --input VECTORS')
    graph = {name: value for name in ('m', 'ef_construction') if (value := getattr(args, name)) is not None}
    if graph and args.dense != 'hnsw':
        raise TctError('--M and --efC are for --dense hnsw: leave them out')
    if args.dense:
        if args.fields or args.docid_field or args.docvectors:
            raise TctError('--fields, --docid-field and --storeDocvectors are for a corpus: leave them out')
        count = _lucene_vectors.build_vectors(
            args.input, args.index, args.dense, **graph, threads=args.threads, overwrite=args.overwrite, heap=args.heap
        )
        _tell(args.index, f'Lucene {args.dense}', count)
        return
    fields, docid_field = args.fields, args.docid_field
    count = build_bm25(
        args.corpus, args.index, fields, docid_field, args.threads, args.overwrite, args.heap, args.docvectors
    )
    _tell(args.index, 'BM25', count)


def _tell(index: Path, kind: str, count: int) -> None:
    size = sum(file.stat().st_size for file in index.iterdir())
    print(f'{index}: {kind} index of {count} passages, {size / 1024:.0f} KiB, {size / count:.0f} bytes a passage')


if __name__ == '__main__':
    _cli.run(main)
