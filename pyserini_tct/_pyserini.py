# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Names that Pyserini knows: topics and prebuilt indexes, downloaded by Pyserini itself into its own cache.

Used only for what is no file here; a name that is unknown, or cannot be fetched, is told in one sentence.
"""

from pathlib import Path
from typing import Any

from pyserini_tct import _jvm
from pyserini_tct._errors import TctError

IMPACT_ENCODERS = ('unicoil', 'splade', 'slim')  # Pyserini goes by the name


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
        kind: the registry, ``FAISS`` or ``TF`` (BM25); Pyserini itself looks through all of them and would fetch
            gigabytes of another kind.

    Raises:
        TctError: no such name, or it cannot be downloaded.
    """
    _jvm.prepare()
    from pyserini import prebuilt_index_info
    from pyserini.util import download_prebuilt_index

    try:
        known = name in getattr(prebuilt_index_info, f'{kind}_INDEX_INFO')
        folder = Path(download_prebuilt_index(name, verbose=True)) if known else None
    except Exception as error:  # ValueError where no URL answers, URLError in 2.x
        raise TctError(
            f'{name} is no folder here, and Pyserini could not download the prebuilt index of that name '
            f'({_cause(error)}): connect to the network once, or build an index'
        ) from error
    if folder is None:
        raise TctError(f'{name} is neither a folder here nor a prebuilt {kind} index of Pyserini: check the name')
    return folder


def text_index(name: str) -> Path | None:
    """Return the Lucene index with the texts of a prebuilt Faiss index, or ``None`` if Pyserini names none."""
    _jvm.prepare()
    from pyserini.prebuilt_index_info import FAISS_INDEX_INFO

    entry: Any = FAISS_INDEX_INFO[name]
    return index(entry['texts'], 'TF') if entry.get('texts') else None


def _cause(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def impact_searcher(folder: str, encoder: str | None, min_idf: float) -> Any:
    """Return Pyserini's searcher of an impact index.

    Raises:
        TctError: the encoder is none that Pyserini knows, or cannot be loaded.
    """
    if encoder and not Path(encoder).is_file() and not any(kind in encoder.lower() for kind in IMPACT_ENCODERS):
        raise TctError(
            f'{encoder} is neither a file of encoded queries nor an encoder that Pyserini has for impact indexes '
            f'(a name with {", ".join(IMPACT_ENCODERS)}): check the path or the name'
        )
    _jvm.prepare()
    from pyserini.search.lucene import LuceneImpactSearcher

    try:
        return LuceneImpactSearcher(folder, encoder, min_idf)
    except Exception as error:  # of Java, or of the hub
        raise TctError(
            f'the impact index {folder} with the encoder {encoder} could not be opened ({_cause(error)}): check both, '
            'or connect to the network once'
        ) from error
