# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Flags and steps that the search commands share, spelled as Pyserini spells them."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli, runs
from pyserini_tct._errors import TctError
from pyserini_tct.topics import read_topics


def add_run(parser: _cli.Parser) -> None:
    """Add the flags of a run: topics, output, hits, documents of passages, batches, threads."""
    add = parser.add_argument
    add('--topics', required=True, help='TSV or JSONL file, irds:NAME, or a name that Pyserini knows')
    add('--output', required=True, type=Path, help='new run file')
    add(
        '--output-format',
        choices=runs.FORMATS,
        default='trec',
        help='trec: qid Q0 docid rank score tag; msmarco: qid docid rank',
    )
    add('--hits', type=_cli.positive, default=1000, help='hits a query')
    add('--batch-size', type=_cli.positive, default=64, help='queries searched together')
    add('--threads', type=_cli.positive, default=1, help='search threads')
    add('--tag', help='last column of the TREC format')
    add('--max-passage', action='store_true', help='of each document keep the best passage: docid#passage')
    add('--max-passage-hits', type=_cli.positive, default=100, help='documents a query, with --max-passage')
    add('--max-passage-delimiter', default='#', help='between docid and passage')
    parser.add_overwrite()


def add_dense(parser: argparse.ArgumentParser, required: bool = True, several: bool = False) -> None:
    """Add the flags of the dense side; ``required``: it must have an index; ``several``: it may have more."""
    add = parser.add_argument
    text = 'Faiss index folder, or the name of a prebuilt index'
    if several:
        add('--index', required=required, nargs='+', help=f'{text}; several are searched as one')
    else:
        add('--index', required=required, help=text)
    add_encoder(parser)


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how queries become vectors."""
    add = parser.add_argument
    add('--encoder', help='folder, prebuilt name or hub name of the student')
    add('--encoder-class', choices=['tct_colbert'], default='tct_colbert', help="as in Pyserini's commands")
    add('--tokenizer', help='folder or hub name of another vocabulary')
    add('--encoded-queries', help='NAME.npy with NAME.tsv beside it, or a prebuilt name: queries encoded before')
    add('--device', default='cpu', help='cpu, cuda:0, ... or auto')
    _cli.add_backend(parser)
    _cli.add_query_cache(parser)
    add('--normalize-distances', action='store_true', help='report (1 + score) / 2')
    add('--any-encoder', action='store_true', help="do not compare the encoder with the index's")


def computing(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the flags say of how queries are encoded, as arguments of the query encoder."""
    return {name: getattr(args, name) for name in ('backend', 'precision', 'query_cache')}


def add_sparse(parser: _cli.Parser, required: bool = True) -> None:
    """Add the flags of the BM25 side; ``required``: it must have an index."""
    add = parser.add_argument
    add('--index', required=required, help='Lucene index folder, or the name of a prebuilt index')
    add('--bm25', action='store_true', help="BM25, the default; as in Pyserini's commands")
    add('--k1', type=float, help="BM25's k1 (0.9, but Pyserini's tuned value for its msmarco-v1-passage indexes)")
    add('--b', type=float, help="BM25's b (0.4, likewise)")
    parser.add_heap()


def check_encoder(args: argparse.Namespace) -> None:
    """Demand an encoder or encoded queries, and not both, before anything is loaded."""
    if not args.encoder and not args.encoded_queries:
        raise TctError('--encoder (or --encoded-queries) is missing: name the student that made the index')
    if args.encoder and args.encoded_queries:
        raise TctError(
            f'--encoder {args.encoder} and --encoded-queries {args.encoded_queries} both say where the vectors of '
            'queries come from: leave one out'
        )


def check_output(args: argparse.Namespace, *inputs: str | None) -> None:
    """Refuse an unusable output or run tag before anything is loaded.

    Raises:
        TctError: the output exists or is one of the inputs, or the tag holds white space.
    """
    _atomic.check_free(args.output, args.overwrite, inputs=[args.topics, *inputs])
    if args.tag is not None and args.tag.split() != [args.tag]:
        raise TctError(f'the tag {args.tag!r} is blank or holds white space, which breaks run files: replace it')


def batches(topics: Mapping[str, str], size: int, label: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield ``(qids, queries)`` in batches, with a progress bar on a terminal."""
    from tqdm import tqdm

    qids = list(topics)
    with tqdm(total=len(qids), unit='query', desc=label, disable=None) as progress:
        for start in range(0, len(qids), size):
            chunk = qids[start : start + size]
            yield chunk, [topics[qid] for qid in chunk]
            progress.update(len(chunk))


def search_topics(
    args: argparse.Namespace,
    label: str,
    tag: str,
    search: Callable[[list[str], list[str]], Mapping[str, Sequence[Any] | Mapping[str, float]]],
    stages: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Search all topics, write the run, and say what was done.

    Args:
        args: parsed flags of :func:`add_run`.
        label: of the progress bar.
        tag: default run tag.
        search: from queries and qids to hits of each qid, or to scores by docid.
        stages: gives the seconds of ``load`` and ``encode``, which are printed with those of the other stages.

    Raises:
        TctError: bad topics.
    """
    tag = args.tag or tag
    topics = read_topics(args.topics)
    started = time.perf_counter()
    found: dict[str, Sequence[Any] | Mapping[str, float]] = {}
    for qids, queries in batches(topics, args.batch_size, label):
        found.update(search(queries, qids))
    if args.max_passage:
        cut = args.max_passage_delimiter, args.max_passage_hits
        found = {qid: best_passages(hits, *cut) for qid, hits in found.items()}
    seconds = time.perf_counter() - started
    ordered = {qid: found[qid] for qid in topics}
    written = time.perf_counter()
    runs.write_run(args.output, ordered, tag, args.output_format, args.hits)
    written = time.perf_counter() - written
    none = sum(not hits for hits in ordered.values())
    if none:
        _cli.note(f'note: {none} of {len(topics)} queries have no hit')
    hits = sum(map(len, ordered.values()))
    print(f'{args.output}: {len(topics)} queries, {hits} hits, {1000 * seconds / len(topics):.1f} ms a query')
    if stages is not None:
        known = stages()
        for stage, spent in {**known, 'search': seconds - known['encode'], 'write': written}.items():
            print(f'{stage:<8} {spent:>9.3f} s {1000 * spent / len(topics):>9.2f} ms a query')


def differences(path: Path, queries: Set[str], topics: Set[str]) -> list[str]:
    """Say how the queries of a run and the topics differ.

    >>> differences(Path('run'), {'1', '2'}, {'2', '3'})
    ['1 of 2 topics are not in run', '1 queries of run are no topics, they are ignored']
    """
    absent, unused = len(topics - queries), len(queries - topics)
    told = [f'{absent} of {len(topics)} topics are not in {path}'] if absent else []
    return told + ([f'{unused} queries of {path} are no topics, they are ignored'] if unused else [])


def best_passages(ranked: Sequence[Any] | Mapping[str, float], delimiter: str, hits: int) -> dict[str, float]:
    """Return each document's best passage under the document's name (MaxP), best first.

    >>> best_passages({'d1#2': 3.0, 'd2#0': 2.0, 'd1#0': 1.0}, '#', 10)
    {'d1': 3.0, 'd2': 2.0}
    """
    pairs = ranked.items() if isinstance(ranked, Mapping) else [(hit.docid, hit.score) for hit in ranked]
    best: dict[str, float] = {}
    for docid, score in pairs:
        best.setdefault(docid.split(delimiter)[0] if delimiter else docid, score)
    return dict(list(best.items())[:hits])
