# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What the stages before a run look like: token ids of fixed texts, sampled vectors, the indexes, the machine.

In: the commands of a condition, from which encoder, vector stores and indexes are read. Out: JSON of a few kilobytes.
It runs in a process of its own (``python -m pyserini_tct.regress._fingerprint REQUEST OUTPUT``), since it loads torch
and may start a JVM.
"""

import hashlib
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _cli, _jvm
from pyserini_tct._atomic import write_json
from pyserini_tct._files import read_json
from pyserini_tct._manifest import read_manifest

SAMPLES = 6  # queries and passages whose vectors are kept
COMPONENTS = 16  # of each vector, evenly spread, besides its length
TEXTS = (
    'what is a lobster roll',
    'The magnitude-7.1 quake moved 3,000 kilometres of crust.',
    'naïve café, Übermaß, Ελλάδα, 北京',
    'a literal [MASK] and a [SEP] in the text',
    'doc2query -- COVID-19, U.S.A., e-mail@example.org',
    'word ' * 160,  # longer than a passage may be
)


def sampled(names: Sequence[str], size: int = SAMPLES) -> list[str]:
    """Return ``size`` names, evenly spread.

    >>> sampled('abcdefgh', 4)
    ['a', 'c', 'e', 'g']
    """
    count = min(size, len(names))
    return [names[i * len(names) // count] for i in range(count)]


def shortened(vector: np.ndarray) -> list[float]:
    """Return the length of a vector and some of its components, with six digits.

    >>> shortened(np.asarray([3.0, 4.0]))
    [5.0, 3.0, 4.0]
    """
    picked = vector[np.linspace(0, len(vector) - 1, min(COMPONENTS, len(vector))).astype(int)]
    return [float(f'{value:.6g}') for value in (np.linalg.norm(vector), *picked)]


def parts_of(commands: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Return what commands work with, by role: ``encoder``, ``store``, ``dense`` and ``sparse`` index.

    >>> parts_of([['python', '-m', 'pyserini_tct.search.faiss', '--index', 'i', '--encoder', 'e']])
    {'encoder': ['e'], 'store': [], 'dense': ['i'], 'sparse': []}
    """
    found: dict[str, list[str]] = {'encoder': [], 'store': [], 'dense': [], 'sparse': []}
    for words in commands:
        module = next((word for word in reversed(words) if word.startswith(('pyserini.', 'pyserini_tct.'))), '')
        side = {'faiss': 'dense', 'lucene': 'sparse'}.get(module.rpartition('.search.')[2], '')
        for word, value in itertools.pairwise((*words, '')):
            side = word if module.endswith('.hybrid') and word in ('dense', 'sparse') else side
            role = {'--encoder': 'encoder', '--embeddings': 'store', '--index': side}.get(word, '')
            if role and value not in found[role]:
                found[role].append(value)
    return found


def of_encoder(name: str, queries: Mapping[str, str], label: str = '') -> dict[str, Any]:
    """Return the token ids of the fixed texts, and the vectors of the fixed passages and of some queries."""
    from pyserini_tct.collection import Passage
    from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder

    encoder = TctColBertQueryEncoder(name)
    tokenizer, settings = encoder.student.tokenizer, encoder.student.settings
    ids = {
        'query': tokenizer.queries(TEXTS, settings.query_length),
        'passage': tokenizer.passages([Passage('', text) for text in TEXTS], settings.passage_length),
    }
    passages = TctColBertDocumentEncoder(name, device='cpu').encode(TEXTS)
    vectors = encoder.encode_batch(list(queries.values()))
    return {
        'tokens': {
            f'{label}{kind}: {text[:40]}': row
            for kind, rows in ids.items()
            for text, row in zip(TEXTS, rows, strict=True)
        },
        'query vectors': {label + qid: shortened(vector) for qid, vector in zip(queries, vectors, strict=True)},
        'passage vectors': {label + text[:40]: shortened(vector) for text, vector in zip(TEXTS, passages, strict=True)},
    }


def of_store(folder: Path, wanted: Iterable[str] | None) -> dict[str, list[float]]:
    """Return the vectors of some passages of a vector store; ``wanted`` docids, or a sample."""
    from pyserini_tct.vectors import VectorStore

    shards = list(VectorStore(folder).shards())
    names = set(wanted or sampled([docid for docids, _ in shards for docid in docids]))
    return {
        docid: shortened(np.asarray(vectors[row], np.float32))
        for docids, vectors in shards
        for row, docid in enumerate(docids)
        if docid in names
    }


def of_dense(name: str, wanted: Iterable[str] | None) -> dict[str, Any]:
    """Return type, counts, docids and some stored vectors of a Faiss index."""
    from pyserini_tct.index._open import load_index

    folder = Path(name)
    if not folder.exists():
        from pyserini_tct import _pyserini

        folder = _pyserini.index(name, 'FAISS')
    index, docids = load_index(folder)
    names, vectors = set(wanted or sampled(docids)), {}
    if hasattr(index, 'codes') or hasattr(index, 'storage'):  # an inverted file finds no vector by its row
        vectors = {docid: shortened(index.reconstruct(row)) for row, docid in enumerate(docids) if docid in names}
    return {
        'type': type(index).__name__,
        'passages': index.ntotal,
        'dimension': index.d,
        'docids': hashlib.sha256('\n'.join(docids).encode()).hexdigest(),
        'settings': (read_manifest(folder) or {}).get('type'),
        'vectors': vectors,
    }


def of_sparse(name: str) -> dict[str, Any]:
    """Return the counts of a Lucene index."""
    folder = Path(name)
    if not folder.exists():
        from pyserini_tct import _pyserini

        folder = _pyserini.index(name, 'TF')
    utils = _jvm.autoclass('io.anserini.index.IndexReaderUtils')
    reader = utils.getReader(_jvm.autoclass('java.lang.String')(str(folder)))
    try:
        stats = utils.getIndexStats(reader, 'contents')
        return {key: int(stats.get(key)) for key in ('documents', 'unique_terms', 'total_terms')}
    finally:
        reader.close()


def analysed() -> dict[str, list[str]]:
    """Return the terms that Anserini's default analyser makes of the fixed texts."""
    analyzer = _jvm.autoclass('io.anserini.analysis.DefaultEnglishAnalyzer').newDefaultInstance()
    utils = _jvm.autoclass('io.anserini.analysis.AnalyzerUtils')
    return {f'analysed: {text[:40]}': list(utils.analyze(analyzer, text).toArray()) for text in TEXTS[:-1]}


def machine() -> dict[str, Any]:
    """Return what a score may depend on besides versions: instruction set, threads, BLAS."""
    import torch

    return {
        'instructions': torch.backends.cpu.get_cpu_capability(),
        'threads': torch.get_num_threads(),
        'mkl': torch.backends.mkl.is_available(),
    }


def stages(
    commands: Sequence[Sequence[str]], topics: Mapping[str, str], known: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the fingerprints of the stages before the run.

    Args:
        commands: the executed words of a condition and of the artefacts that it uses.
        topics: ``{qid: text}``.
        known: an earlier fingerprint, whose queries and passages are looked at again; else a sample is drawn.
    """
    known = known or {}
    parts = parts_of(commands)
    found: dict[str, Any] = {'machine': {}, 'tokens': {}, 'query vectors': {}, 'passage vectors': {}, 'index': {}}
    qids = [qid for qid in known.get('query vectors', sampled(list(topics))) if qid in topics]
    for i, name in enumerate(parts['encoder']):
        for stage, values in of_encoder(name, {qid: topics[qid] for qid in qids}, f'{i + 1} ' if i else '').items():
            found[stage] |= values
    for folder in parts['store']:
        found['passage vectors'] |= of_store(Path(folder), known.get('passage vectors'))
    for i, name in enumerate(parts['dense']):
        role = f'dense {i + 1}'
        found['index'][role] = of_dense(name, known.get('index', {}).get(role, {}).get('vectors'))
    for i, name in enumerate(parts['sparse']):
        found['index'][f'sparse {i + 1}'] = of_sparse(name)
    if parts['encoder']:
        found['machine'] = machine()
    if parts['sparse']:
        found['tokens'] |= analysed()
    return found


def main(argv: Sequence[str]) -> None:
    """Read a request, write the fingerprint."""
    from pyserini_tct.topics import read_topics

    request = read_json(Path(argv[0]))
    write_json(Path(argv[1]), stages(request['commands'], read_topics(request['topics']), request['known']))


if __name__ == '__main__':
    _cli.run(main, sys.argv[1:])
