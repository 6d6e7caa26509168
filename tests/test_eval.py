# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Measures against hand arithmetic, one rule for ties, and counts for what is missing."""

import json
import math
import random
import subprocess
import sys

import pytest

from pyserini_tct._errors import TctError
from pyserini_tct.eval import DEFAULT_MEASURES, evaluate, parse_measures, provider_of
from pyserini_tct.eval.__main__ import main
from pyserini_tct.runs import read_run, write_run
from pyserini_tct.topics import read_qrels

TIED = ('RR@10', 'nDCG@10', 'P@1', 'AP')


def test_hand_arithmetic():
    """RR: 1 / rank of the first relevant. nDCG: gain / log2(rank + 1) over the ideal order. R: found / relevant."""
    qrels = {'1': {'a': 2, 'b': 1, 'c': 0, 'z': 1}, '2': {'x': 1}}
    run = {'1': {'c': 9.0, 'b': 8.0, 'a': 7.0}, '2': {'x': 0.5}}
    scores = evaluate(qrels, run, DEFAULT_MEASURES)
    dcg = 1 / math.log2(3) + 2 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores.per_query['RR@10'] == {'1': 1 / 2, '2': 1.0}
    assert scores.per_query['nDCG@10'] == pytest.approx({'1': dcg / ideal, '2': 1.0})
    assert scores.per_query['R@100'] == pytest.approx({'1': 2 / 3, '2': 1.0})
    assert scores.mean == pytest.approx({'RR@10': 0.75, 'nDCG@10': (dcg / ideal + 1) / 2, 'R@100': 5 / 6})
    assert scores[2:] == (2, 0, 0)


def test_cutoffs_count():
    """Guards against a cut-off that is ignored: the relevant document stands at rank 11."""
    run = {'1': {f'd{n:02}': 100.0 - n for n in range(1, 12)}}
    scores = evaluate({'1': {'d11': 1}}, run, ['RR@10', 'RR', 'nDCG@10', 'R@10', 'R@100'])
    assert scores.mean == pytest.approx({'RR@10': 0.0, 'RR': 1 / 11, 'nDCG@10': 0.0, 'R@10': 0.0, 'R@100': 1.0})


@pytest.mark.parametrize(('first', 'second'), [(1.0, 1.0), (70.0, 70.0), (70.000001, 70.0)])
@pytest.mark.parametrize('relevant', ['a', 'b'])
def test_all_measures_see_the_same_two_documents(tmp_path, first, second, relevant):
    """Guards against tools that break a tie in opposite ways, and against 70.000001 == 70.0 in 32-bit floats.

    The run that we write and the run as it came must both be judged in the order a, b.
    """
    qrels, raw = {'1': {relevant: 1}}, {'1': {'b': second, 'a': first}}
    write_run(tmp_path / 'run', raw)
    written = read_run(tmp_path / 'run')
    assert list(written['1']) == ['a', 'b']
    rank = 'ab'.index(relevant) + 1
    expected = {'RR@10': 1 / rank, 'nDCG@10': 1 / math.log2(rank + 1), 'P@1': float(rank == 1), 'AP': 1 / rank}
    for run in (raw, written):
        assert evaluate(qrels, run, TIED).mean == pytest.approx(expected)


def test_tools_left_to_themselves_disagree_on_a_tie():
    """The reason for the rule; where this fails, ir_measures has mended it and the rule is merely harmless."""
    import ir_measures

    run = {'1': {'a': 70.000001, 'b': 70.0}}
    found = ir_measures.calc_aggregate(parse_measures(['RR@10', 'AP']), {'1': {'a': 1}}, run)
    assert {str(measure): value for measure, value in found.items()} == {'RR@10': 1.0, 'AP': 0.5}


def test_written_runs_need_no_rule(tmp_path):
    """Guards against runs that only our own evaluation reads right: plain ir_measures must agree on what we write."""
    import ir_measures

    generator = random.Random(7)
    run = {str(q): {f'd{n:03}': 70 + generator.randrange(4) / 1e6 for n in range(50)} for q in range(20)}
    qrels = {str(q): {f'd{n:03}': generator.randrange(2) for n in range(0, 50, 3)} for q in range(20)}
    write_run(tmp_path / 'run', run)
    measures = parse_measures(TIED)
    plain = ir_measures.calc_aggregate(measures, qrels, read_run(tmp_path / 'run'))
    assert evaluate(qrels, run, measures).mean == pytest.approx({str(measure): plain[measure] for measure in measures})


def test_scores_keep_all_their_digits():
    """Guards against rounding someone else's probabilities until they tie."""
    assert evaluate({'1': {'b': 1}}, {'1': {'a': 0.99999991, 'b': 0.99999992}}, TIED).mean['RR@10'] == 1.0


def test_a_missing_query_counts_as_zero_and_an_unjudged_one_not_at_all():
    """Guards against the mean over answered queries only, trec_eval's default without -c."""
    qrels = {'1': {'a': 1}, '2': {'a': 1}, '3': {'a': 1}, '4': {'a': 1}}
    scores = evaluate(qrels, {'1': {'a': 1.0}, '2': {}, '9': {'a': 1.0}, '8': {'a': 1.0}})
    assert scores.mean == {'RR@10': 0.25, 'nDCG@10': 0.25, 'R@100': 0.25}
    assert scores.per_query['R@100'] == {'1': 1.0, '2': 0.0, '3': 0.0, '4': 0.0}
    assert (scores.queries, scores.missing, scores.unjudged) == (4, 3, 2)


def test_a_query_without_relevant_documents_counts_as_zero():
    """As `trec_eval -c` has it: it averages over all queries of the judgments, whatever their grades."""
    scores = evaluate({'1': {'a': 1}, '2': {'a': 0}, '3': {'a': -1}}, {q: {'a': 1.0} for q in '123'})
    assert scores.mean == pytest.approx({'RR@10': 1 / 3, 'nDCG@10': 1 / 3, 'R@100': 1 / 3})


def test_equal_to_pytrec_eval_on_a_random_run():
    import pytrec_eval

    generator = random.Random(42)
    docids = [f'd{n}' for n in range(60)]
    qrels = {str(q): {d: generator.randrange(-1, 4) for d in generator.sample(docids, 20)} for q in range(30)}
    run = {str(q): {d: float(n) for n, d in enumerate(generator.sample(docids, 40))} for q in range(30)}
    names = {'AP': 'map', 'nDCG@10': 'ndcg_cut_10', 'R@100': 'recall_100', 'P@5': 'P_5', 'RR': 'recip_rank'}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {'map', 'ndcg_cut.10', 'recall.100', 'P.5', 'recip_rank'})
    direct = evaluator.evaluate(run)
    scores = evaluate(qrels, run, names)
    for ours, theirs in names.items():
        assert scores.per_query[ours] == {qid: values[theirs] for qid, values in direct.items()}
        assert scores.mean[ours] == pytest.approx(sum(values[theirs] for values in direct.values()) / 30)


def test_no_shared_query_is_an_error():
    """Guards against a table of zeros for a run of another collection."""
    with pytest.raises(TctError, match=r'share no query id: the run has 9, the judgments have 1, 2, 3, …'):
        evaluate({q: {'a': 1} for q in '1234'}, {'9': {'a': 1.0}})


def test_nan_is_refused():
    with pytest.raises(TctError, match='query 1: the score of document b is NaN'):
        evaluate({'1': {'a': 1}}, {'1': {'a': 1.0, 'b': math.nan}})


@pytest.mark.parametrize(
    'name', ['FOO@10', 'rr@10', 'P', 'nDCG(foo=1)@10', 'RR@ten', 'nDCG@0', 'R@-1', 'R@True', 'AP(rel=0)', '']
)
def test_an_unusable_measure_is_named(name):
    """Guards against nDCG@0, with which trec_eval aborts the whole process."""
    with pytest.raises(TctError) as caught:
        parse_measures([name])
    assert repr(name) in str(caught.value)


def test_providers_are_named():
    tools = [provider_of(measure) for measure in parse_measures(DEFAULT_MEASURES)]
    assert tools == ['msmarco', 'pytrec_eval', 'pytrec_eval']
    with pytest.raises(TctError, match='no installed tool computes RBP'):
        provider_of(parse_measures(['RBP'])[0])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('1 0 a 1\n1 0 b\n', 'line 2 has 3 columns'),
        ('1 0 a high\n', "line 1: the grade 'high'"),
        ('1 0 a 1\n1 0 a 0\n', 'line 2: document a is judged twice for query 1'),
        ('', 'is empty'),
    ],
)
def test_malformed_judgments_are_refused_with_their_line(tmp_path, text, message):
    (tmp_path / 'qrels').write_text(text)
    with pytest.raises(TctError, match=message):
        read_qrels(tmp_path / 'qrels')


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'qrels').write_text('1 0 a 1\n2 0 a 1\n')
    (tmp_path / 'good').write_text('1 Q0 a 1 2.0 t\n2 Q0 a 1 2.0 t\n')
    (tmp_path / 'poor').write_text('1 Q0 b 1 2.0 t\n1 Q0 a 2 1.0 t\n3 Q0 a 1 1.0 t\n')
    return tmp_path


def test_the_table_has_runs_measures_tools_and_counts(files, capsys):
    main([str(files / 'qrels'), str(files / 'good'), str(files / 'poor'), '--measures', 'RR@10', 'R@100'])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['run', 'RR@10', 'R@100']
    assert lines[1].split() == [str(files / 'good'), '1.0000', '1.0000']
    assert lines[2].split() == [str(files / 'poor'), '0.2500', '0.5000']
    assert lines[3:] == [
        'computed by: RR@10 msmarco, R@100 pytrec_eval',
        'queries: 2',
        f'{files / "poor"}: 1 judged queries without a result, counted as 0',
        f'{files / "poor"}: 1 queries without judgments, ignored',
    ]


def test_json_keeps_all_digits_and_goes_to_a_file(files):
    command = [str(files / 'qrels'), str(files / 'poor'), '--format', 'json', '--output', str(files / 'out')]
    main(command)
    found = json.loads((files / 'out').read_text())
    assert found['runs'] == [
        {
            'run': str(files / 'poor'),
            'queries': 2,
            'missing': 1,
            'unjudged': 1,
            'scores': {'RR@10': 0.25, 'nDCG@10': pytest.approx(1 / math.log2(3) / 2), 'R@100': 0.5},
        }
    ]
    assert found['providers'] == {'RR@10': 'msmarco', 'nDCG@10': 'pytrec_eval', 'R@100': 'pytrec_eval'}
    with pytest.raises(TctError, match='exists'):
        main(command)
    main([*command, '--overwrite'])


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('1 Q0 a 1 1.0 t', 'line 3: document a is listed twice'),
        ('1 Q0 c 1 nan t', 'line 3: the score nan is not finite'),
    ],
)
def test_a_bad_run_ends_with_one_line_and_exit_code_2(files, line, message):
    with open(files / 'good', 'a') as out:
        out.write(line)
    done = subprocess.run(
        [sys.executable, '-m', 'pyserini_tct.eval', files / 'qrels', files / 'good'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ''
    assert message in done.stderr
    assert done.stderr.count('\n') == 1


def test_help_is_quick_and_loads_no_evaluation_tool():
    """Guards against heavy imports at the top of a module that every command runs."""
    code = (
        'import sys, runpy\nsys.argv = ["eval", "--help"]\n'
        'try: runpy.run_module("pyserini_tct.eval", run_name="__main__")\n'
        'except SystemExit: pass\n'
        'print(sorted({"ir_measures", "torch", "jnius", "yaml"} & set(sys.modules)), file=sys.stderr)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == '[]'
