# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.models``: a BERT, or a published checkpoint, to a student checkpoint without training."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pyserini_tct import _atomic, _cli


def main(argv: Sequence[str]) -> None:
    """Write an untrained student."""
    parser = _cli.Parser(
        'pyserini_tct.models',
        'Write a student checkpoint from an uncased BERT or a published '
        'castorini/tct_colbert* checkpoint, without training.',
    )
    parser.add_argument('--backbone', required=True, help='folder or hub name')
    parser.add_argument('--output', required=True, type=Path, help="new folder; its name has to contain 'tct_colbert'")
    parser.add_argument(
        '--query-length', type=_cli.positive, help="ids of a query, prefix included (the checkpoint's, else 36)"
    )
    parser.add_argument(
        '--passage-length',
        type=_cli.positive,
        help="most ids of a passage, prefix included (the checkpoint's, else 154)",
    )
    parser.add_overwrite()
    args = parser.parse_args(argv)
    _atomic.check_free(args.output, args.overwrite, 'student', [args.backbone])

    from pyserini_tct.models import student
    from pyserini_tct.models._names import check_name

    check_name(args.output)
    model = student.load(args.backbone)
    given = {name: value for name in ('query_length', 'passage_length') if (value := getattr(args, name)) is not None}
    parents = {**model.settings.parents, 'backbone': model.sha256}
    model = student.Student(model.bert, model.tokenizer, dataclasses.replace(model.settings, parents=parents, **given))
    model.save(args.output)
    print(
        f'{args.output}: student with {model.dimension} dimensions, queries of {model.settings.query_length} ids, '
        f'passages of at most {model.settings.passage_length}'
    )


if __name__ == '__main__':
    _cli.run(main)
