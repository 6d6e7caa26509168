# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that the table says, as one JSON object: scores, tests, latency, bytes, seconds, commands, alphas."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _cli, _env, _files
from pyserini_tct._manifest import read_manifest
from pyserini_tct._stages import index_bytes
from pyserini_tct.compare import _latency
from pyserini_tct.compare._ledger import Ledger, digest
from pyserini_tct.compare._plan import MODELS, SPARSE_OF, SYSTEMS, Plan
from pyserini_tct.eval import compare_to, evaluate, parse_measures, provider_of
from pyserini_tct.runs import load_run
from pyserini_tct.topics import read_qrels, read_topics


def collect(
    plan: Plan,
    ledger: Ledger,
    keys: Mapping[str, str],
    systems: Sequence[str],
    measures: Sequence[str],
    baseline: str,
    timed: int,
) -> dict[str, Any]:
    """Score the runs and time the systems.

    Args:
        plan: whose steps were taken.
        ledger: keeps the timings.
        keys: of the steps, see ``keys_of``.
        systems: rows of the table, in order.
        measures: as ir_measures spells them.
        baseline: one of the systems.
        timed: most queries that are timed.

    Returns:
        What ``compare.json`` holds.
    """
    import torch

    settings = plan.settings
    topics = read_topics(plan.collection.topics(settings.split))
    qrels, parsed = read_qrels(plan.collection.qrels(settings.split)), parse_measures(measures)
    scored = {name: evaluate(qrels, load_run(plan.run(name)), parsed) for name in systems}
    others = {name: scores.per_query for name, scores in scored.items() if name != baseline}
    compared = compare_to(scored[baseline].per_query, others)
    machine = {'platform': platform.platform(), 'cpus': os.cpu_count(), 'device': settings.device}
    threads = {'torch': torch.get_num_threads(), 'faiss': 1, 'lucene': 1}
    alphas = _alphas(plan, systems)
    searchers = _latency.Searchers(plan, {name: found['alpha'] for name, found in alphas.items()})
    queries = list(topics.values())[:timed]
    rows = []
    for name in systems:
        step, indexes = f'{name}.{settings.split}', SYSTEMS[name].indexes
        key = digest([keys[step], queries, _latency.WARM_UP, machine, threads])
        latency = ledger.keep(f'latency.{name}', key, _timing(searchers, name, queries))
        built = dict.fromkeys(part for index in indexes for part in plan.needed(index))
        rows.append(
            {
                'name': name,
                'display': SYSTEMS[name].display,
                'scores': scored[name].mean,
                'comparison': {measure: c._asdict() | {'mark': c.mark()} for measure, c in compared[name].items()}
                if name in compared
                else None,
                'latency': {field: value for field, value in latency.items() if field != 'key'},
                'index_bytes': sum(index_bytes(plan.index(index)) for index in indexes),
                'build_seconds': sum(ledger.made[part]['seconds'] for part in built),
                'commands': [plan.steps[part].stage.command for part in plan.needed(step)],
                'run': str(plan.run(name)),
                'per_query': scored[name].per_query,
                'missing': scored[name].missing,
            }
        )
    passages = max(map(_passages, (plan.index(index) for index in SYSTEMS[systems[0]].indexes)))
    return {
        'collection': plan.collection.source,
        'split': settings.split,
        'queries': scored[baseline].queries,
        'unjudged': len(topics.keys() - qrels.keys()),
        'not_asked': len(qrels.keys() - topics.keys()),
        'irrelevant': scored[baseline].irrelevant,
        'passages': passages,
        'measures': {str(measure): provider_of(measure) for measure in parsed},
        'baseline': {'name': baseline, 'test': 'paired t-test', 'correction': 'Holm', 'level': 0.05},
        'hits': settings.hits,
        'depth': settings.depth,
        'models': {name: getattr(settings, name) for name in MODELS},
        'tuned_on': settings.tune_split,
        'alphas': alphas,
        'threads': threads,
        'systems': rows,
        'topics': topics,
        'environment': {**_env.versions(), **machine, 'precision': settings.precision},
    }


def _timing(searchers: _latency.Searchers, name: str, queries: Sequence[str]) -> Callable[[bool], dict[str, Any]]:
    def timed(_: bool) -> dict[str, Any]:
        _cli.note(f'timing {name} ...')
        return _latency.measure(searchers.of(name), queries)

    return timed


def _alphas(plan: Plan, systems: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return, of each hybrid that is a row or a row's first stage, its alpha, and the curve if it was tuned."""
    names = ['hybrid' if name == 'hybrid-maxsim' else name for name in systems]
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(name for name in names if name in SPARSE_OF):
        if plan.settings.tune_split is None:
            found[name] = {'alpha': plan.settings.alpha}
        else:
            found[name] = _files.read_json(plan.alpha_file(name))
    return found


def _passages(index: Path) -> int:
    """Return the passages of the corpus that an index was made of, as its manifest counts them."""
    manifest = read_manifest(index) or {}
    return int(manifest['count']) + int(manifest.get('blank', 0))
