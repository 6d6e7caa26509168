# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The same flags on the same files: Pyserini's trec_eval and ours print the same numbers."""

import json
import random

import pytest
from conftest import command

from pyserini_tct.eval import parse_measures
from pyserini_tct.eval._names import as_trec_eval
from pyserini_tct.runs import write_run

COMMON = ['map', 'recip_rank', 'ndcg_cut.5,10', 'recall.5,30', 'P.5', 'success.1', 'Rprec', 'bpref', 'num_rel_ret']


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """40 queries with lists of 30, graded judgments; three queries lack a result, two have no judgment."""
    folder, chance = tmp_path_factory.mktemp('evaluation'), random.Random(3)
    docids = [f'D{n}' for n in range(90)]
    judged = [f'{q} 0 {d} {chance.randrange(4)}\n' for q in range(40) for d in sorted(chance.sample(docids, 25))]
    (folder / 'qrels').write_text(''.join(judged))
    run = {str(q): {d: chance.uniform(60, 80) for d in chance.sample(docids, 30)} for q in range(3, 42)}
    write_run(folder / 'run', run)
    write_run(folder / 'judged', {qid: found for qid, found in run.items() if int(qid) < 40})
    return folder


@pytest.mark.parametrize(
    ('flags', 'names', 'run'),
    [
        (['-c', '-q'], COMMON, 'run'),
        (['-q', '-l', '2'], COMMON, 'run'),
        (['-c', '-M', '10'], ['recip_rank', 'map', 'recall.30', 'ndcg_cut.10'], 'run'),
        ([], ['judged.10', 'recall.5'], 'judged'),
    ],
    ids=['complete', 'answered only, grade 2', 'first ten', 'judged'],
)
def test_equal_to_pyserinis_trec_eval(files, flags, names, run):
    words = [*flags, *(word for name in names for word in ('-m', name)), 'qrels', run]
    stock = command('pyserini_tct', 'run', 'pyserini.eval.trec_eval', *words, cwd=files)
    assert stock.returncode == 0, stock.stderr[-2000:]
    expected = {}
    for name, qid, value in (line.split('\t') for line in stock.stdout.splitlines() if line.count('\t') == 2):
        expected[name.strip(), qid] = float(value)
    missing = [] if '-c' in flags else ['--missing', 'skip']
    ours = command('pyserini_tct.eval', *words, *missing, '-q', '--format', 'json', cwd=files)
    assert ours.returncode == 0, ours.stderr
    (found,) = json.loads(ours.stdout)['runs']
    depth, level = (int(flags[flags.index(flag) + 1]) if flag in flags else None for flag in ('-M', '-l'))
    compared = 0
    for name in (f'{base.split(".")[0]}.{k}' if k else base for base in names for k in cutoffs(base)):
        (measure,) = as_trec_eval(parse_measures([name]), depth, level)
        values = {'all': found['scores'][str(measure)], **found['per_query'][str(measure)]}
        for qid, value in values.items():
            theirs = expected.get((name.replace('.', '_'), qid))
            if theirs is not None:
                assert value == pytest.approx(theirs, abs=5.1e-5), (name, qid)
                compared += 1
    assert compared == len(expected)


def cutoffs(name: str) -> list[str]:
    return name.partition('.')[2].split(',')
