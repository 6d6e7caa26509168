# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The four groups of the hybrid command: every flag that Pyserini's has, honoured or refused with a sentence.

Pyserini parses many flags there that it then ignores; a run would silently be another than the one that was asked for.
"""

import argparse
from typing import Any, NoReturn

from pyserini_tct import _cli
from pyserini_tct._errors import TctError
from pyserini_tct.fusion import _flags
from pyserini_tct.fusion._rule import METHODS
from pyserini_tct.search import _arguments
from pyserini_tct.search.faiss import _prf
from pyserini_tct.search.lucene import _scoring

_STOCK = (
    'not offered here: make that run with python -m pyserini_tct run pyserini.search.{} and give it as {} --run FILE'
)
_FAISS, _LUCENE = _STOCK.format('faiss', 'dense'), _STOCK.format('lucene', 'sparse')
_OWN = 'TCT-ColBERT has its own prefix, length and pooling, which are stored with the checkpoint: leave it out'
_RUN = 'goes into the group run: run {}'
_DENSE = 'the sparse side has no vectors: a Lucene index of vectors is dense --lucene --index INDEX'
# {group: {flag: (takes a value, why it is refused)}}
REFUSED = {
    'dense': {
        **dict.fromkeys(('--pooling', '--query-prefix', '--max-length'), (True, _OWN)),
        '--l2-norm': (False, _OWN),
        '--multimodal': (False, _OWN),
        **dict.fromkeys(('--instruction-config', '--pca-model'), (True, _FAISS)),
        **dict.fromkeys(('--sparse-index', '--ance-prf-encoder'), (True, _FAISS)),
    },
    'sparse': {
        **dict.fromkeys(('--dense', '--hnsw', '--flat'), (False, _DENSE)),
        '--ef-search': (True, _DENSE),
        **dict.fromkeys(('--encoded-corpus', '--onnx-encoder', '--tokenizer'), (True, _LUCENE)),
        **dict.fromkeys(('--stopwords', '--fields'), (True, _LUCENE)),
        **dict.fromkeys(('--bm25qs', '--pretokenized', '--dismax'), (False, _LUCENE)),
        **dict.fromkeys(('--remove-duplicates', '--remove-query'), (False, _LUCENE)),
        **dict.fromkeys(('--dismax.tiebreaker', '--prcl', '--prcl.vectorizer'), (True, _LUCENE)),
        **dict.fromkeys(('--prcl.r', '--prcl.n', '--prcl.alpha'), (True, _LUCENE)),
        **{flag: (True, _RUN.format(flag)) for flag in ('--topics', '--topics-format', '--output', '--output-format')},
        **{flag: (True, _RUN.format(flag)) for flag in ('--batch-size', '--threads', '--max-passage-hits')},
        '--max-passage-delimiter': (True, _RUN.format('--max-passage-delimiter')),
        '--max-passage': (False, _RUN.format('--max-passage')),
    },
}  # fmt: skip


class _Refuse(argparse.Action):
    """A flag that is known and refused as soon as it is met."""

    def __init__(self, why: str, group: str, **options: Any) -> None:
        super().__init__(help=argparse.SUPPRESS, default=argparse.SUPPRESS, **options)
        self.why, self.group = why, group

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> NoReturn:
        raise TctError(f'{self.group} {option_string}: {self.why}')


def groups() -> dict[str, _cli.Parser]:
    """Return the parsers of the four groups."""
    made = {
        name: _cli.Parser(name, about, debug=False)
        for name, about in (
            ('dense', 'The dense side: a Faiss index, a Lucene index of vectors, or a ready run.'),
            ('sparse', 'The sparse side: BM25, also over expanded passages, impact scores, or a ready run.'),
            ('fusion', 'score = dense + alpha * sparse, or another rule.'),
            ('run', 'Topics and output.'),
        )
    }
    _add_dense(made['dense'])
    _add_sparse(made['sparse'])
    _add_fusion(made['fusion'])
    _add_run(made['run'])
    for group, flags in REFUSED.items():
        for flag, (takes_value, why) in flags.items():
            made[group].add_argument(flag, action=_Refuse, nargs='*' if takes_value else 0, why=why, group=group)
    return made


def _add_side(parser: _cli.Parser, name: str) -> None:
    add = parser.add_argument
    add('--run', metavar='FILE', help=f'ready run of the {name} side, instead of an index')
    add('--hits', type=_cli.positive, help='hits taken from this side (as fusion --hits)')


def _add_dense(parser: _cli.Parser) -> None:
    _arguments.add_dense(parser, required=False)
    _prf.add_flags(parser)
    _add_side(parser, 'dense')
    add = parser.add_argument
    add('--lucene', action='store_true', help='the index is one of vectors by Anserini, HNSW or flat')
    add('--ef-search', type=_cli.positive, help='candidates that an HNSW index keeps; at least the hits')
    add('--searcher', choices=['simple'], default='simple', help="as in Pyserini's commands")
    add('--faiss-device', choices=['cpu'], default='cpu', help='faiss-cpu has no other')


def _add_sparse(parser: _cli.Parser) -> None:
    _arguments.add_sparse(parser, required=False)
    _add_side(parser, 'sparse')
    add = parser.add_argument
    add('--impact', action='store_true', help='the index holds impact scores')
    add('--encoder', help='query encoder of an impact index: a folder, a hub name, or a JSONL file of encoded queries')
    add('--min-idf', type=float, help='leave out query words up to this inverse document frequency (impact; 0)')
    _scoring.add_flags(parser)


def _add_fusion(parser: _cli.Parser) -> None:
    add = parser.add_argument
    add('--method', choices=METHODS, default='interpolation', help='interpolation is dense + alpha * sparse')
    add('--alpha', help='weight of the sparse scores (0.1), or @FILE from fusion.tune')
    add('--hits', type=_cli.positive, default=1000, help='hits taken from each side')
    _flags.add_rule(parser, missing=None)
    add('--rrf.k', dest='rrf_k', type=_cli.positive, help='constant of reciprocal rank fusion (60)')


def _add_run(parser: _cli.Parser) -> None:
    _arguments.add_run(parser)
    parser.add_argument('--topics-format', choices=['default'], default='default', help="as in Pyserini's commands")


def check_sides(dense: argparse.Namespace, sparse: argparse.Namespace) -> None:
    """Refuse sides without a source or with two, and flags without effect.

    Raises:
        TctError: one of these.
    """
    for name, side in (('dense', dense), ('sparse', sparse)):
        if bool(side.run) == bool(side.index):
            raise TctError(f'{name} needs either --index INDEX or --run FILE')
    _scoring.without(
        'dense --run', dense.run, dense,
        ['encoder', 'encoded_queries', 'tokenizer', 'normalize_distances', 'any_encoder', 'lucene', 'ef_search'],
    )  # fmt: skip
    if _prf.feedback_of(dense):
        _scoring.without('dense --run', dense.run, dense, ['prf_depth'])
        _scoring.without('dense --lucene', dense.lucene, dense, ['prf_depth'])
    _scoring.without('sparse --run', sparse.run, sparse, ['impact', 'encoder', 'min_idf', *_scoring.BM25])
    _scoring.without('sparse --impact', sparse.impact, sparse, _scoring.BM25)
    _scoring.without('sparse without --impact', not sparse.impact, sparse, ['encoder', 'min_idf'])
    _scoring.check_flags(sparse, 'sparse ')
    if (sparse.run or sparse.impact) and sparse.language != 'en':
        raise TctError('sparse --language is for BM25: leave it out')
    if not dense.run:
        _arguments.check_encoder(dense)
