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
    texts = parser.add_mutually_exclusive_group(required=True)
    texts.add_argument('--corpus', help='JSONL file (.gz too), folder of them, or irds:NAME')
    texts.add_argument('--tokens', metavar='STORE', help='token vectors of the corpus, from encode.tokens (--maxsim)')
    add('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    add('--depth', type=_cli.positive, default=100, help='passages re-ranked a query; the others stay below them')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='fp32', help='auto: bf16 where the machine has it')
    _arguments.add_run(parser)
    args = parser.parse_args(argv)
    _arguments.check_output(args, args.run, args.corpus, args.tokens, args.maxsim, args.cross)
    if args.tokens and not args.maxsim:
        raise TctError('--tokens holds token vectors, which a cross-encoder has no use for: give --corpus')
    if args.tokens and args.fields:
        raise TctError('--fields has no effect on --tokens: leave it out')

    from pyserini_tct import _env
    from pyserini_tct.collection import read_corpus
    from pyserini_tct.models import colbert, cross
    from pyserini_tct.models.tokens import PassageTokens
    from pyserini_tct.runs import Hit, notes_on, read_run
    from pyserini_tct.search.rerank import CrossReranker, MaxSimReranker, StoredReranker
    from pyserini_tct.search.rerank._reranker import Reranker, needed

    run = read_run(args.run)
    wanted = needed(run, args.depth)
    model = colbert.load(args.maxsim, args.device) if args.maxsim else cross.load(args.cross, args.device)
    store = PassageTokens(Path(args.tokens)) if args.tokens else None
    corpus = read_corpus(args.corpus, args.fields) if store is None else ()
    passages = [passage for passage in corpus if passage.docid in wanted]
    known = {passage.docid for passage in passages} if store is None else store.row_of.keys()
    lost = min(wanted - known, default=None)
    if lost is not None:
        raise TctError(
            f'{args.run} lists passage {lost}, which {args.tokens or args.corpus} does not have: name the '
            f'{"corpus" if store is None else "token vectors"} of the run'
        )
    precision = _env.precision_of(args.precision, model.device.type)
    with _atomic.workspace(args.output.with_name(args.output.name + '.tokens')) as work:
        reranker: Reranker
        if store is not None and isinstance(model, colbert.ColBert):
            reranker = StoredReranker(model, store, precision)
        elif isinstance(model, colbert.ColBert):
            reranker = MaxSimReranker(model, passages, work / 'tokens', precision)
        else:
            reranker = CrossReranker(model, passages, precision)
        if isinstance(reranker, MaxSimReranker | StoredReranker):
            size, count = reranker.store.nbytes, len(reranker.store)
            print(f'token vectors: {size / 1024:.0f} KiB, {size / max(count, 1):.0f} bytes a passage')
        asked: set[str] = set()

        def search(queries: list[str], qids: list[str]) -> dict[str, list[Hit]]:
            asked.update(qids)
            found = zip(qids, queries, strict=True)
            return {qid: reranker.rerank_run(run.get(qid, {}), query, args.depth) for qid, query in found}

        _arguments.search_topics(args, 'rerank', 'maxsim' if args.maxsim else 'cross', search)
        blank = (
            [docid for docid in sorted(wanted) if not store.tokens_of(docid)]
            if store is not None
            else [passage.docid for passage in passages if not passage.contents.strip()]
        )
        told = [f'{len(blank)} passages to re-rank have no text, such as {min(blank)}'] if blank else []
        for note in [*_arguments.differences(args.run, run.keys(), asked), *notes_on(args.run, run, False), *told]:
            _cli.note(f'note: {note}')


if __name__ == '__main__':
    _cli.run(main)
