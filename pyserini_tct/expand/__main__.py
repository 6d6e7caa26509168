# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.expand``: doc2query, predicted queries appended to the passages of a corpus.

In: a corpus and a file of predictions, which a model can write first and another one filter. Out: a JSONL corpus with
the same docids, for ``index.lucene``.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError

SAMPLING = ('samples', 'top_k', 'max_new_tokens', 'seed')


def main(argv: Sequence[str]) -> None:
    """Parse the flags; predict, score and expand, as they say."""
    parser = _cli.Parser('pyserini_tct.expand', 'Append predicted queries (doc2query) to the passages of a corpus.')
    add = parser.add_argument
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add(
        '--predictions',
        required=True,
        type=Path,
        help='JSONL: {"id": ..., "predicted_queries": [...]}; with --model written first, resumable',
    )
    add('--output', type=Path, help='new JSONL file (may be left out with --model)')
    add('--model', help='folder or hub name of a sequence-to-sequence model (T5) that predicts the queries')
    add('--samples', type=_cli.positive, help='queries a passage, with --model (40)')
    add('--top-k', type=_cli.positive, help='likeliest words that each word is drawn from (10)')
    add('--max-new-tokens', type=_cli.positive, help='longest query (64)')
    add('--seed', type=int, help='of the draws, each passage by itself (0)')
    add('--filter-by', metavar='MODEL', help='keep the best queries by a cross-encoder, ColBERT or student')
    add('--keep', type=float, metavar='FRACTION', help='share of all queries of the collection that is kept')
    add('--threshold', type=float, metavar='SCORE', help='or the least score that is kept')
    add('--scores', type=Path, help='JSONL of scored queries, written and taken up again (OUTPUT.scores.jsonl)')
    add('--batch-size', type=_cli.positive, default=8, help='passages predicted or scored together')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _check(args)
    if args.output:
        _atomic.check_free(args.output, args.overwrite, 'expanded-corpus', [args.corpus, args.model, args.filter_by])
    if args.model:
        _predict(args)
    if args.output:
        _expand(args)


def _check(args: argparse.Namespace) -> None:
    """Refuse flags that miss each other."""
    given = next((name for name in SAMPLING if getattr(args, name) is not None), None)
    if given and not args.model:
        raise TctError(f'--{given.replace("_", "-")} has no effect without --model: leave it out')
    if not args.output and (args.filter_by or not args.model):
        raise TctError('--output is missing: name the new corpus')
    if args.filter_by and (args.keep is None) == (args.threshold is None):
        raise TctError('--filter-by needs either --keep FRACTION or --threshold SCORE')
    if args.keep is not None:
        from pyserini_tct.expand._filter import check_keep

        check_keep(args.keep)
    if args.threshold is not None and math.isnan(args.threshold):
        raise TctError('--threshold nan is no score: give a number')
    if not args.filter_by:
        flag = next((name for name in ('keep', 'threshold', 'scores') if getattr(args, name) is not None), None)
        if flag:
            raise TctError(f'--{flag} has no effect without --filter-by: leave it out')


def _predict(args: argparse.Namespace) -> None:
    from pyserini_tct.expand._predict import Predictor, Sampling, predict_queries

    sampling = Sampling(**{name: value for name in SAMPLING if (value := getattr(args, name)) is not None})
    predictor = Predictor(args.model, args.device)
    count, done = predict_queries(args.corpus, args.predictions, predictor, sampling, args.batch_size, args.overwrite)
    print(f'{args.predictions}: {count} passages, {done} of them from before')


def _expand(args: argparse.Namespace) -> None:
    from pyserini_tct.expand import expand_corpus

    if not args.filter_by:
        count, bare = expand_corpus(args.corpus, args.predictions, args.output, args.overwrite)
        print(f'{args.output}: {count} passages, {bare} without predicted queries')
        return
    from pyserini_tct.expand._filter import kept_queries, score_predictions, threshold_of

    scored = args.scores or args.output.with_name(f'{args.output.name.removesuffix(".jsonl")}.scores.jsonl')
    score_predictions(
        args.corpus, args.predictions, scored, args.filter_by, args.device, args.batch_size, args.overwrite
    )
    threshold = threshold_of(scored, args.keep) if args.threshold is None else args.threshold
    count, bare = expand_corpus(args.corpus, scored, args.output, args.overwrite, threshold)
    kept, total = (sum(map(len, kept_queries(scored, least).values())) for least in (threshold, float('-inf')))
    print(
        f'{args.output}: {count} passages, {bare} without predicted queries; {kept} of {total} queries kept, '
        f'least score {threshold:g}'
    )


if __name__ == '__main__':
    _cli.run(main)
