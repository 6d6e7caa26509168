# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.models.teachers``: a teacher's scores in a file, to train from with ``stored`` scores."""

from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli
from pyserini_tct.models.teachers._weights import check_weights


def main(argv: Sequence[str]) -> None:
    """Parse the flags and score."""
    parser = _cli.Parser(
        'pyserini_tct.models.teachers',
        "Store a teacher's scores of each query with a run's best passages (and with those judged relevant), for "
        'pyserini_tct.train --teacher-scores stored.',
    )
    add = parser.add_argument
    add('--teacher', nargs='+', required=True, help='ColBERT, cross-encoder or student; several are an ensemble')
    add('--teacher-weights', nargs='+', type=float, default=[], help='of an ensemble (left out: equal)')
    add('--run', required=True, type=Path, help='run of the training queries, the one that negatives are drawn from')
    add('--qrels', type=Path, help='judgments: passages judged relevant are scored as well')
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--topics', required=True, help='training queries')
    add('--output', required=True, type=Path, help='new TSV file: qid, docid, score')
    add('--depth', type=_cli.positive, default=50, help='passages of the run scored a query')
    add('--device', default='auto', help='cpu, cuda:0, ... or auto')
    add('--precision', choices=('auto', 'fp32', 'bf16'), default='auto', help='auto: bf16 where the machine has it')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    check_weights(args.teacher_weights, len(args.teacher))
    inputs = [*args.teacher, args.run, args.qrels, args.corpus, args.topics]
    _atomic.check_free(args.output, args.overwrite, 'stored-scores', inputs)

    from pyserini_tct import _env
    from pyserini_tct.models.teachers._write import Pairs, read_pairs, write_scores
    from pyserini_tct.models.teachers.factory import Texts, open_teacher

    pairs: Pairs = read_pairs(args.run, args.depth, args.qrels, args.corpus, args.topics)
    device = _env.device_of(args.device)
    precision = _env.precision_of(args.precision, device)
    none = Texts((), (), ())
    teacher = open_teacher(args.teacher, 'live', none, args.output, args.teacher_weights, device, precision)
    made = {'weights': args.teacher_weights, 'depth': args.depth, 'precision': precision}
    files = [Path(path) for path in inputs[len(args.teacher) :] if path and Path(path).exists()]
    count = write_scores(args.output, teacher, pairs, made, files, args.overwrite)
    print(f'{args.output}: {count} scores of {len(pairs.docids)} queries')


if __name__ == '__main__':
    _cli.run(main)
