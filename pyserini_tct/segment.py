# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.segment``: long documents cut into overlapping windows of words.

In: a corpus. Out: a JSONL corpus of passages ``docid#0``, ``docid#1``, ..., which every stage here and in Pyserini
takes like any other; a search with ``--max-passage`` gives documents again, each by its best passage (MaxP).
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, _manifest
from pyserini_tct._errors import TctError

WINDOW, DELIMITER = 100, '#'


def windows(text: str, size: int, stride: int) -> Iterator[str]:
    """Cut a text into windows of words; the last one ends with the text, and a text without words is one window.

    Args:
        text: words are what white space separates; inside a window it stays as it is.
        size: words of a window.
        stride: words from the begin of one window to that of the next.

    Example:
        >>> list(windows('a b  c d e', 3, 2))
        ['a b  c', 'c d e']
    """
    words = [match.span() for match in re.finditer(r'\S+', text)]
    if not words:
        yield text
    for start in range(0, max(len(words) - size + stride, min(len(words), 1)), stride):
        last = min(start + size, len(words)) - 1
        yield text[words[start][0] : words[last][1]]


def segment_corpus(
    corpus: str | Path,
    output: Path,
    window: int = WINDOW,
    stride: int | None = None,
    delimiter: str = DELIMITER,
    fields: Sequence[str] | None = None,
    docid_field: str | None = None,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Write a corpus of windows; a title is repeated before each of its document's windows.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: new JSONL file; it appears whole or not at all.
        window: words of a window.
        stride: words from one window to the next; ``None``: half a window.
        delimiter: between docid and number of the window.
        fields, docid_field: see :func:`pyserini_tct.collection.read_corpus`.
        overwrite: replace an existing file.

    Returns:
        Documents read and windows written.

    Raises:
        TctError: bad input, a stride that leaves words out, or a docid that holds the delimiter.
    """
    from pyserini_tct.collection import IRDS, check_docid, corpus_files, read_corpus

    stride = stride or max(1, window // 2)
    if stride > window:
        raise TctError(f'a stride of {stride} words leaves out words between windows of {window}: give a shorter one')
    if not delimiter or delimiter.split() != [delimiter]:
        raise TctError(f'the delimiter {delimiter!r} is blank or holds white space, which breaks run files: replace it')
    _atomic.check_free(output, overwrite, 'segmented-corpus', [corpus])
    documents = count = 0
    manifest: dict[str, Any] = {}
    with _atomic.atomic_file(output, manifest=manifest) as out:
        for passage in read_corpus(corpus, fields, docid_field):
            if delimiter in passage.docid:
                raise TctError(
                    f'{corpus}: the docid {passage.docid} holds {delimiter!r}, which is to stand between docid and '
                    'window: choose another --delimiter, and give it to the search as --max-passage-delimiter'
                )
            for number, text in enumerate(windows(passage.text, window, stride)):
                docid = check_docid(f'{passage.docid}{delimiter}{number}', str(corpus))
                contents = passage._replace(text=text).contents
                out.write(json.dumps({'id': docid, 'contents': contents}, ensure_ascii=False) + '\n')
                count += 1
            documents += 1
        inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
        content = {'documents': documents, 'count': count, 'window': window, 'stride': stride, 'delimiter': delimiter}
        manifest.update(_manifest.describe('segmented-corpus', content, inputs))
    return documents, count


def main(argv: Sequence[str]) -> None:
    """Parse the flags and cut."""
    parser = _cli.Parser('pyserini_tct.segment', 'Cut long documents into overlapping windows of words.')
    add = parser.add_argument
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--output', required=True, type=Path, help='new JSONL file of passages docid#0, docid#1, ...')
    add('--window', type=_cli.positive, default=WINDOW, help='words of a window')
    add('--stride', type=_cli.positive, help='words from one window to the next (half a window)')
    add('--delimiter', default=DELIMITER, help='between docid and number of the window')
    add('--fields', nargs='+', help='title, text (left out: what the corpus has)')
    add('--docid-field', help='key of the docid, if it is none of id, _id, docid')
    parser.add_overwrite()
    args = parser.parse_args(argv)
    documents, count = segment_corpus(
        args.corpus,
        args.output,
        args.window,
        args.stride,
        args.delimiter,
        args.fields,
        args.docid_field,
        args.overwrite,
    )
    print(f'{args.output}: {documents} documents, {count} passages')


if __name__ == '__main__':
    _cli.run(main)
