# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What Lucene says of an index folder: documents, the dimension of its vectors, whether its files are whole."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError

VECTOR = 'vector'  # Anserini's field of dense vectors


def count_documents(index: Path) -> int:
    """Return the number of documents in a Lucene index, or 0 where there is none.

    Raises:
        TctError: the index is damaged.
    """
    if not any(index.glob('segments_*')):
        return 0
    with _reader(index) as reader:
        return int(reader.maxDoc())


def vector_dimension(index: Path) -> int:
    """Return the dimension of an index's dense vectors, 0 where it has none.

    Raises:
        TctError: the index is damaged.
    """
    with _reader(index) as reader:
        return _dimension(reader)


def verify(index: Path) -> tuple[int, int]:
    """Read an index whole and compare Lucene's checksums; return its documents and :func:`vector_dimension`.

    Raises:
        TctError: the index is damaged.
    """
    with _reader(index) as reader:
        leaves = reader.leaves()
        for number in range(leaves.size()):
            leaves.get(number).reader().checkIntegrity()
        return int(reader.maxDoc()), _dimension(reader)


def _dimension(reader: Any) -> int:
    field = _jvm.autoclass('org.apache.lucene.index.FieldInfos').getMergedFieldInfos(reader).fieldInfo(VECTOR)
    return int(field.getVectorDimension()) if field else 0


@contextlib.contextmanager
def _reader(index: Path) -> Iterator[Any]:
    """Open an index; what Lucene throws meanwhile means that it is damaged."""
    _jvm.prepare()
    reader = None
    try:
        utils = _jvm.autoclass('io.anserini.index.IndexReaderUtils')
        reader = utils.getReader(_jvm.autoclass('java.lang.String')(str(index)))
        yield reader
    except Exception as error:  # jnius.JavaException
        raise damaged(index, error) from error
    finally:
        if reader is not None:
            reader.close()


def damaged(index: Path, error: Exception) -> TctError:
    """Return the sentence for what Lucene threw."""
    cause = (str(error).splitlines() or ['no message'])[0][:160]
    return TctError(f'{index} is damaged or no index of Lucene ({cause}): build it again')
