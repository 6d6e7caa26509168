# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.explain QUERY DOCID``: which tokens and terms a score is made of."""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _env
from pyserini_tct._errors import TctError

ABOUT = """Why a passage has its score for a query: the alignment of a teacher's MaxSim, the tokens of a student's dot
product, the terms of BM25, and the hybrid of the last two. The parts add up to the scores of the searchers."""


def _parser() -> _cli.Parser:
    parser = _cli.Parser('pyserini_tct.explain', ABOUT)
    add = parser.add_argument
    add('query', metavar='QUERY', help='text of the query')
    add('docid', metavar='DOCID', help='of the passage')
    add('--corpus', help='JSONL file (.gz too), folder of them, or irds:NAME: where the text is')
    add('--fields', nargs='+', help='of --corpus: title, text (left out: what the corpus has)')
    add('--index', type=Path, help='Faiss index folder with texts, instead; --encoder must be the one that made it')
    add('--teacher', metavar='COLBERT', help='explain MaxSim: folder or hub name of a ColBERT')
    add('--encoder', metavar='STUDENT', help='explain the dot product: folder or hub name of a student')
    add('--bm25', metavar='INDEX', help='explain BM25: Lucene index folder, or the name of a prebuilt index')
    add('--k1', type=float, help="BM25's k1 (as search.lucene)")
    add('--b', type=float, help="BM25's b (as search.lucene)")
    text = 'dense + alpha * BM25 too, as where both sides found the passage: a number, or @FILE from fusion.tune'
    add('--alpha', help=text)
    add('--top', type=_cli.positive, default=20, help='tokens of each list that are printed')
    add('--format', choices=('text', 'json'), default='text', help='JSON has all tokens, pairs and digits')
    add('--html', type=Path, metavar='FILE', help='write a heat map')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    parser.add_heap()
    parser.add_overwrite()
    return parser


def main(argv: Sequence[str]) -> None:
    """Find the passage, explain each score, print."""
    args = _parser().parse_args(argv)
    _check(args)
    alpha = None
    if args.alpha is not None:
        from pyserini_tct.fusion._alpha import read_alpha

        alpha = read_alpha(args.alpha)
    parts: dict[str, dict[str, Any]] = {}
    text = None
    if args.teacher or args.encoder:
        text = _by_models(args, parts)
    if args.bm25:
        from pyserini_tct.explain import explain_bm25
        from pyserini_tct.search.lucene._searcher import open_searcher

        with contextlib.redirect_stdout(sys.stderr):
            searcher = open_searcher(args.bm25, args.k1, args.b, args.heap)
        parts['bm25'] = explain_bm25(searcher, args.query, args.docid)
        if text is None:
            document = searcher.doc(args.docid)
            text = document and document.contents()
    if alpha is not None:
        parts['hybrid'] = {'alpha': alpha, 'score': parts['dense']['score'] + alpha * parts['bm25']['score']}
    if text is not None and not text.strip():
        _cli.note(f'note: the passage {args.docid} has no text: there is no token to explain')
    found = {'query': args.query, 'docid': args.docid, 'text': text, 'parts': parts}

    from pyserini_tct.explain import _report

    if args.html:
        with _atomic.atomic_file(args.html) as out:
            out.write(_report.as_page(found))
    print(
        json.dumps(found, indent=2, ensure_ascii=False) if args.format == 'json' else _report.as_text(found, args.top)
    )


def _check(args: argparse.Namespace) -> None:
    """Refuse flags that explain nothing, or that need others."""
    if not (args.teacher or args.encoder or args.bm25):
        raise TctError('nothing to explain: give --teacher COLBERT, --encoder STUDENT, --bm25 INDEX, or several')
    if not args.query.strip():
        raise TctError('the query is blank: give its text')
    if (args.teacher or args.encoder) and bool(args.corpus) == bool(args.index):
        raise TctError('--teacher and --encoder read the text of the passage: give --corpus CORPUS or --index INDEX')
    if args.fields and not args.corpus:
        raise TctError('--fields is for --corpus: leave it out')
    if args.alpha is not None and not (args.encoder and args.bm25):
        raise TctError('--alpha is for the hybrid of a student and BM25: give --encoder and --bm25 too')
    if (args.k1 is not None or args.b is not None) and not args.bm25:
        raise TctError('--k1 and --b are for --bm25: give it, or leave them out')
    if args.html:
        inputs = [args.corpus, args.index, args.teacher, args.encoder, args.bm25]
        _atomic.check_free(args.html, args.overwrite, inputs=inputs)


def _by_models(args: argparse.Namespace, parts: dict[str, dict[str, Any]]) -> str:
    """Explain by teacher and student; return the text of the passage."""
    from pyserini_tct.explain import explain_dense, explain_maxsim

    encoder = None
    if args.encoder:
        from pyserini_tct.encode import TctColBertQueryEncoder

        encoder = TctColBertQueryEncoder(args.encoder, device=_env.device_of(args.device))
    passage, length = _passage(args, encoder)
    if args.teacher:
        from pyserini_tct.models import colbert

        parts['maxsim'] = explain_maxsim(colbert.load(args.teacher, args.device), args.query, passage)
    if encoder:
        parts['dense'] = explain_dense(encoder.student, args.query, passage, length)
    return passage.contents


def _passage(args: argparse.Namespace, encoder: Any) -> tuple[Any, int | None]:
    """Return the passage, and how many of its ids the index has seen."""
    from pyserini_tct.collection import Passage, read_corpus

    if args.corpus:
        passage = next(
            (passage for passage in read_corpus(args.corpus, args.fields) if passage.docid == args.docid), None
        )
        if passage is None:
            raise TctError(f'{args.corpus} has no passage {args.docid}: check the docid, or name its corpus')
        return passage, None
    from pyserini_tct._manifest import read_manifest
    from pyserini_tct.index._open import load_index
    from pyserini_tct.search.faiss._folder import Texts, refuse_other_encoder

    index, docids = load_index(args.index)
    refuse_other_encoder(args.index, index.d, encoder)
    document = Texts(args.index, docids, None).doc(args.docid)
    if document is None:
        raise TctError(f'{args.index} has no passage {args.docid}: check the docid, or name its index')
    manifest = read_manifest(args.index) or {}
    return Passage(args.docid, document.contents()), manifest.get('passage_length')


if __name__ == '__main__':
    _cli.run(main)
