# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The evaluation of a cell, a process of its own: every collection's dev queries searched by one model, and scored.

In: the ablation's folder, the cell's kind, its model. Out: a JSON file with the values of each measure by query.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _files
from pyserini_tct.collection import read_corpus
from pyserini_tct.runs import Hit, rank, read_run
from pyserini_tct.topics import read_qrels, read_topics

Found = dict[str, list[Hit]]


def main(argv: Sequence[str]) -> None:
    """Search and score: ``PLAN KIND MODEL OUTPUT``."""
    plan_file, kind, model, output = argv
    plan = _files.read_json(Path(plan_file))
    from pyserini_tct.eval import evaluate

    scores = {}
    with _atomic.workspace(Path(output).with_suffix('.work')) as work:
        searcher = SEARCHERS[kind](plan, model, work)
        for entry in plan['collections']:
            if kind == 'maxsim' and entry['passages'] > plan['full_maxsim_limit']:
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


def _rerank(plan: dict[str, Any], model: str, work: Path) -> Any:
    from pyserini_tct.models import colbert, cross
    from pyserini_tct.models.teachers.factory import kind_of
    from pyserini_tct.search.rerank import CrossReranker, MaxSimReranker
    from pyserini_tct.search.rerank._reranker import Reranker, needed

    is_colbert = kind_of(model) == 'ColBERT'
    loaded: Any = (colbert if is_colbert else cross).load(model, plan['device'])

    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        run, depth, tokens = read_run(Path(plan['data'], entry['bm25_file'])), plan['rerank_depth'], work / 'tokens'
        run = {qid: run.get(qid, {}) for qid in topics}
        wanted = needed(run, depth)
        passages = [passage for passage in read_corpus(entry['corpus']) if passage.docid in wanted]
        reranker: Reranker = (
            MaxSimReranker(loaded, passages, tokens, plan['precision'])
            if is_colbert
            else CrossReranker(loaded, passages, plan['precision'])
        )
        found = {qid: reranker.rerank_run(run[qid], text, depth)[: plan['hits']] for qid, text in topics.items()}
        _atomic.remove(tokens)
        return found

    return search


def _maxsim(plan: dict[str, Any], model: str, work: Path) -> Any:
    from pyserini_tct.models import colbert
    from pyserini_tct.train._dev import maxsim_scores

    loaded = colbert.load(model, plan['device'])

    def search(entry: dict[str, Any], topics: dict[str, str]) -> Found:
        passages = list(read_corpus(entry['corpus']))
        scores = maxsim_scores(loaded, list(topics.values()), passages, precision=plan['precision'])
        docids = [passage.docid for passage in passages]
        return {
            qid: rank(zip(docids, row.tolist(), strict=True), plan['hits'])
            for qid, row in zip(topics, scores, strict=True)
        }

    return search


SEARCHERS = {'bm25': _bm25, 'untrained': _student, 'student': _student, 'teacher': _rerank, 'maxsim': _maxsim}
