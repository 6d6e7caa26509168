# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The evaluation of a cell, a process of its own: every collection's dev queries searched by one model, and scored.

In: the ablation's plan, the cell's kind, its model, and which collections (``all``, or those ``trained`` on). Out: a
JSON file with the values of each measure by query.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _atomic, _files
from pyserini_tct.collection import read_corpus
from pyserini_tct.runs import Hit, rank, read_run
from pyserini_tct.topics import read_qrels, read_topics

Found = dict[str, list[Hit]]


def main(argv: Sequence[str]) -> None:
    """Search and score: ``PLAN KIND MODEL OUTPUT COLLECTIONS``."""
    plan_file, kind, model, output, which = argv
    plan = _files.read_json(Path(plan_file))
    from pyserini_tct.eval import evaluate

    scores = {}
    with _atomic.workspace(Path(output).with_suffix('.work')) as work:
        searcher = SEARCHERS[kind](plan, model, work)
        for entry in plan['collections']:
            if (which == 'trained' and not entry['trained']) or (kind == 'maxsim' and not _whole(plan, entry)):
                continue
            data = Path(plan['data'])
            topics = read_topics(data / entry['queries_file'])
            found = searcher(entry, topics)
            run = {qid: dict(hits) for qid, hits in found.items() if hits}
            qrels = read_qrels(data / entry['qrels_file'])
            scores[entry['name']] = evaluate(qrels, run, plan['measures']).per_query if run else _nothing(plan, topics)
    _atomic.write_json(Path(output), scores)


def _nothing(plan: dict[str, Any], topics: dict[str, str]) -> dict[str, dict[str, float]]:
    return {measure: dict.fromkeys(topics, 0.0) for measure in plan['measures']}


def _bm25(plan: dict[str, Any], model: str, work: Path) -> Any:
    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        run = read_run(Path(plan['data'], entry['bm25_file']))
        return {qid: rank(run.get(qid, {}), plan['hits']) for qid in topics}

    return search


def _student(plan: dict[str, Any], model: str, work: Path) -> Any:
    from pyserini_tct.mine._sources import by_student

    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        vectors = work / str(plan['collections'].index(entry))
        found = by_student(entry['corpus'], topics, model, plan['hits'], vectors, plan['device'], plan['precision'])
        _atomic.remove(vectors)
        return found

    return search


def _whole(plan: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Tell whether a ColBERT teacher scores all passages of a collection."""
    return bool(entry['passages'] <= plan['full_maxsim_limit'])


def _rerank(plan: dict[str, Any], model: str, work: Path) -> Any:
    from pyserini_tct.models import colbert, cross
    from pyserini_tct.models.teachers.factory import kind_of
    from pyserini_tct.search.rerank import CrossReranker, MaxSimReranker
    from pyserini_tct.search.rerank._reranker import Reranker, ScoredReranker, needed

    is_colbert = kind_of(model) == 'ColBERT'
    loaded: Any = (colbert if is_colbert else cross).load(model, plan['device'])

    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        run, depth, tokens = read_run(Path(plan['data'], entry['bm25_file'])), plan['rerank_depth'], work / 'tokens'
        run = {qid: run.get(qid, {}) for qid in topics}
        wanted = needed(run, depth)
        passages = [passage for passage in read_corpus(entry['corpus']) if passage.docid in wanted]
        reranker: Reranker
        if is_colbert and _whole(plan, entry):
            texts, docids, scores = _full_maxsim(plan, loaded, model, entry, topics)
            reranker = ScoredReranker(passages, texts, docids, scores)
        elif is_colbert:
            reranker = MaxSimReranker(loaded, passages, tokens, plan['precision'])
        else:
            reranker = CrossReranker(loaded, passages, plan['precision'])
        found = {qid: reranker.rerank_run(run[qid], text, depth)[: plan['hits']] for qid, text in topics.items()}
        _atomic.remove(tokens)
        return found

    return search


def _maxsim(plan: dict[str, Any], model: str, work: Path) -> Any:
    from pyserini_tct.models import colbert

    loaded = colbert.load(model, plan['device'])

    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        _, docids, scores = _full_maxsim(plan, loaded, model, entry, topics)
        _atomic.remove(_matrix_file(plan, model, entry))  # the cell that re-ranks comes first
        return {
            qid: rank(zip(docids, row.tolist(), strict=True), plan['hits'])
            for qid, row in zip(topics, scores, strict=True)
        }

    return search


def _matrix_file(plan: dict[str, Any], model: str, entry: dict[str, Any]) -> Path:
    return Path(plan['data']).parent / 'cells' / f'.{Path(model).name}.{entry["queries_file"]}.npy'


def _full_maxsim(
    plan: dict[str, Any], loaded: Any, model: str, entry: dict[str, Any], topics: dict[str, str]
) -> tuple[list[str], list[str], np.ndarray]:
    """Return queries, docids and MaxSim of all their pairs; kept for the cell that ranks all passages by it."""
    from pyserini_tct.train._dev import maxsim_scores

    texts, passages, file = list(topics.values()), list(read_corpus(entry['corpus'])), _matrix_file(plan, model, entry)
    docids = [passage.docid for passage in passages]
    if file.exists():
        return texts, docids, np.load(file, allow_pickle=False)
    scores = maxsim_scores(loaded, texts, passages, precision=plan['precision'])
    with _atomic.atomic_file(file, 'wb') as out:
        np.save(out, scores, allow_pickle=False)
    return texts, docids, scores


SEARCHERS = {'bm25': _bm25, 'untrained': _student, 'student': _student, 'teacher': _rerank, 'maxsim': _maxsim}
