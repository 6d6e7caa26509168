# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.search.rerank``: a run to a run, its best passages scored anew by a teacher."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError
from pyserini_tct.search import _arguments


def main(argv: Sequence[str]) -> None:
    """Parse the flags and re-rank."""
    parser = _cli.Parser(
        'pyserini_tct.search.rerank', "Re-rank the best passages of a run by a ColBERT's MaxSim or a cross-encoder."
    )
    model_flags = parser.add_mutually_exclusive_group(required=True)
    model_flags.add_argument('--maxsim', metavar='COLBERT', help='ColBERT checkpoint: folder or hub name')
    model_flags.add_argument('--cross', metavar='CROSS-ENCODER', help='cross-encoder checkpoint: folder or hub name')
    add = parser.add_argument
    add('--run', required=True, type=Path, help='run to re-rank')
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    add('--depth', type=_cli.positive, default=100, help='passages re-ranked a query; the others stay below them')
    text = 'folder of the token vectors of the whole corpus for --maxsim: made, or used again (left out: of the run)'
    add('--tokens', type=Path, help=text)
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help='auto: bf16 where the machine has it')
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    _arguments.check_output(args, args.run, args.corpus, args.maxsim, args.cross)
    if args.tokens and args.cross:
        raise TctError('--tokens is for --maxsim: a cross-encoder has no token vectors of passages')

    from pyserini_tct import _env
    from pyserini_tct.collection import read_corpus
    from pyserini_tct.models import colbert, cross
    from pyserini_tct.runs import read_run
    from pyserini_tct.search.rerank import CrossReranker, MaxSimReranker
    from pyserini_tct.search.rerank._reranker import Reranker, needed

    run = read_run(args.run)
    wanted = needed(run, args.depth)
    model = colbert.load(args.maxsim, args.device) if args.maxsim else cross.load(args.cross, args.device)
    whole = read_corpus(args.corpus, args.fields)
    passages = [passage for passage in whole if args.tokens or passage.docid in wanted]
    lost = sorted(wanted - {passage.docid for passage in passages})
    if lost:
        raise TctError(
            f'{args.run} lists passage {lost[0]}, which {args.corpus} does not have: name the corpus of the run'
        )
    precision = _env.precision_of(args.precision, model.device.type)
    with _atomic.workspace(args.output.with_name(args.output.name + '.tokens')) as work:
        reranker: Reranker
        if isinstance(model, colbert.ColBert):
            tokens = args.tokens or work / 'tokens'
            reranker = MaxSimReranker(model, passages, tokens, precision, reuse=bool(args.tokens))
        else:
            reranker = CrossReranker(model, passages, precision)
        _arguments.search_topics(
            args,
            'rerank',
            'maxsim' if args.maxsim else 'cross',
            lambda queries, qids: {
                qid: reranker.rerank_run(run.get(qid, {}), query, args.depth)
                for qid, query in zip(qids, queries, strict=True)
            },
        )


if __name__ == '__main__':
    _cli.run(main)
