# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names that Pyserini knows: topics and prebuilt indexes, downloaded by Pyserini itself into its own cache.

Used only for what is no file here; a name that is unknown, or cannot be fetched, is told in one sentence.
"""

from pathlib import Path
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError


def topics(name: str) -> dict[str, str]:
    """Return Pyserini's topics of that name as ``{qid: text}``.

    Raises:
        TctError: no file and no such name, or it cannot be downloaded.
    """
    _jvm.prepare()
    from pyserini.search import get_topics

    try:
        found = get_topics(name)
    except Exception as error:  # JavaException or URLError, by release
        raise TctError(
            f'{name} is no file here, and Pyserini could not provide topics of that name '
            f'({_cause(error)}): check the path or the name, or connect to the network once'
        ) from error
    return {str(qid): record['title'] for qid, record in found.items()}


def index(name: str, kind: str) -> Path:
    """Return the folder of a prebuilt index, downloaded by Pyserini if need be.

    Args:
        name: as in Pyserini's ``--index``.
        kind: ``FAISS`` or ``TF`` (BM25), for the message.

    Raises:
        TctError: no such name, or it cannot be downloaded.
    """
    _jvm.prepare()
    from pyserini.util import download_prebuilt_index

    try:
        return Path(download_prebuilt_index(name, verbose=True))
    except Exception as error:  # ValueError for an unknown name or no URL that answers, URLError in 2.x
        raise TctError(
            f'{name} is no folder here and no prebuilt {kind} index could be had under that name '
            f'({_cause(error)}): check the path or the name, or connect to the network once'
        ) from error


def text_index(name: str) -> Path | None:
    """Return the Lucene index with the texts of a prebuilt Faiss index, or ``None`` if Pyserini names none."""
    _jvm.prepare()
    from pyserini.prebuilt_index_info import FAISS_INDEX_INFO

    entry: Any = FAISS_INDEX_INFO[name]
    return index(entry['texts'], 'TF') if entry.get('texts') else None


def _cause(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
