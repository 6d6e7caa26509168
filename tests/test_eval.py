# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Measures against hand arithmetic, one rule for ties, and counts for what is missing."""

import math
import random

import pytest
from conftest import refusal

from pyserini_tct._errors import TctError
from pyserini_tct.eval import DEFAULT_MEASURES, evaluate, parse_measures, provider_of
from pyserini_tct.eval._names import as_trec_eval
from pyserini_tct.runs import load_run, read_run, write_run
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
    assert scores[2:] == (2, 0, 0, 0, 0)


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


def test_the_order_of_trec_eval_is_there_to_be_had():
    """It keeps 32-bit scores, where 70.000001 equals 70.0, and then takes the last docid first."""
    for run in ({'a': 1.0, 'b': 1.0}, {'a': 70.000001, 'b': 70.0}):
        assert evaluate({'1': {'a': 1}}, {'1': run}, ['RR', 'infAP'], ties='trec_eval').mean['RR'] == 0.5
    assert 'is unknown' in refusal(evaluate, {'1': {'a': 1}}, {'1': run}, ties='rank')


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


def random_case(seed: int, path) -> tuple[dict, dict]:
    """Graded judgments, and a run with ties that is also written as a file; some queries are on one side only."""
    chance = random.Random(seed)
    docids = [f'document-{n}' for n in range(60)]
    qrels = {str(q): {d: chance.randrange(-1, 4) for d in chance.sample(docids, 20)} for q in range(30)}
    run = {
        str(q): {d: chance.randrange(60) / 4 for d in chance.sample(docids, chance.randrange(1, 50))}
        for q in range(3, 33)
    }
    lines = [f'{qid} Q0 {d} 1 {score} t\n' for qid, found in run.items() for d, score in found.items()]
    path.write_text(''.join(lines))
    return qrels, run


def without_equal_scores(run: dict) -> dict:
    """Whole numbers in the order that the rule gives, since trec_eval breaks ties the other way."""
    ordered = {qid: sorted(found, key=lambda d, found=found: (-found[d], d)) for qid, found in run.items()}
    return {qid: {docid: float(-rank) for rank, docid in enumerate(docids)} for qid, docids in ordered.items()}


@pytest.mark.parametrize(('level', 'ties'), [(1, 'docid'), (2, 'docid'), (1, 'trec_eval')])
def test_every_own_measure_equals_trec_eval_to_the_last_bit(tmp_path, level, ties):
    """From a dictionary and from the columns of a file, by trec_eval's names; and with ties in its own order."""
    import pytrec_eval

    names = ['map', 'map_cut_10', 'recip_rank', 'ndcg', 'ndcg_cut_5', 'ndcg_cut_10', 'P_5', 'P_100', 'recall_10',
             'recall_100', 'success_1', 'success_5', 'Rprec', 'num_ret', 'num_rel_ret', 'num_q']  # fmt: skip
    measures = as_trec_eval(parse_measures(names), level=level)
    assert {provider_of(measure) for measure in measures} == {'pyserini_tct'}
    for seed in range(5):
        qrels, run = random_case(seed, tmp_path / 'run')
        evaluator = pytrec_eval.RelevanceEvaluator(qrels, set(names), relevance_level=level)
        expected = evaluator.evaluate(run if ties == 'trec_eval' else without_equal_scores(run))
        for source in (run, load_run(tmp_path / 'run')):
            scores = evaluate(qrels, source, measures, missing='skip', ties=ties)
            assert scores.queries == len(expected) == 27
            for name, measure in zip(names, measures, strict=True):
                assert scores.per_query[str(measure)] == {qid: values[name] for qid, values in expected.items()}, name


@pytest.mark.parametrize('ties', ['docid', 'trec_eval'])
def test_what_is_not_ours_equals_the_tool_too(tmp_path, ties):
    import pytrec_eval

    names = ['bpref', 'infAP', 'set_P', 'set_recall', 'set_F', 'set_map', 'iprec_at_recall_0.10']
    qrels, run = random_case(0, tmp_path / 'run')
    settled = run if ties == 'trec_eval' else without_equal_scores(run)
    expected = pytrec_eval.RelevanceEvaluator(qrels, set(names)).evaluate(settled)
    scores = evaluate(qrels, load_run(tmp_path / 'run'), names, ties=ties)
    assert scores.queries == 30
    for name, values in zip(names, scores.per_query.values(), strict=True):
        assert values == {qid: expected[qid][name] if qid in expected else 0.0 for qid in qrels}, name


def test_judged_by_hand():
    """The share of judged ones in the first k, or in the whole list where it is shorter; a judged one may be bad."""
    qrels = {'1': {'a': 0, 'b': -1, 'x': 1}, '2': {'x': 1}, '3': {'x': 1}}
    run = {'1': {'a': 3.0, 'y': 2.0, 'b': 1.0}, '2': {'y': 1.0}}
    scores = evaluate(qrels, run, ['Judged@2', 'judged_10', 'Judged'])
    assert scores.per_query['Judged@2'] == {'1': 0.5, '2': 0.0, '3': 0.0}
    assert scores.per_query['Judged@10'] == scores.per_query['Judged'] == {'1': 2 / 3, '2': 0.0, '3': 0.0}


def test_counts_are_sums_over_all_judged_queries():
    """Guards against relevant documents that are not counted where a query has no result."""
    qrels, run = {'1': {'a': 2, 'b': 1}, '2': {'a': 1}}, {'1': {'a': 1.0, 'c': 0.5}}
    names = ['num_q', 'num_rel', 'NumRel(rel=2)', 'num_ret', 'num_rel_ret']
    assert list(evaluate(qrels, run, names).mean.values()) == [2, 3, 1, 2, 1]


def test_missing_queries_can_be_left_out():
    """As trec_eval without -c; the count still tells."""
    qrels = {'1': {'a': 1}, '2': {'a': 1}, '3': {'a': 1}}
    scores = evaluate(qrels, {'1': {'a': 1.0}, '2': {'b': 1.0}}, ['RR', 'bpref'], missing='skip')
    assert scores.per_query == {'RR': {'1': 1.0, '2': 0.0}, 'Bpref': {'1': 1.0, '2': 0.0}}
    assert scores.mean == {'RR': 0.5, 'Bpref': 0.5}
    assert (scores.queries, scores.missing) == (2, 1)


def test_oddities_are_counted():
    """Equal scores, also those that are equal as 32-bit floats, and judgments that name nothing relevant."""
    qrels = {'1': {'a': 1}, '2': {'a': 0}, '3': {'a': 1}, '4': {'a': 1}}
    run = {'1': {'a': 1.0, 'b': 1.0}, '2': {'a': 1.0}, '3': {'a': 70.000001, 'b': 70.0}, '4': {'a': 2.0, 'b': 1.0}}
    scores = evaluate(qrels, run)
    assert (scores.irrelevant, scores.tied) == (1, 2)


@pytest.mark.parametrize('name', ['RR@10', 'nDCG', 'Bpref'])
def test_judgments_without_a_relevant_document_are_refused(name):
    """Guards against a column of zeros that looks like a result."""
    with pytest.raises(TctError, match=r'no relevant document for .*: their largest grade is 0, 1 is needed'):
        evaluate({'1': {'a': 0, 'b': -2}}, {'1': {'a': 1.0}}, [name])
    with pytest.raises(TctError, match=r'for AP\(rel=3\): their largest grade is 2, 3 is needed'):
        evaluate({'1': {'a': 2}}, {'1': {'a': 1.0}}, ['AP(rel=3)'])


def test_no_shared_query_is_an_error():
    """Guards against a table of zeros for a run of another collection."""
    with pytest.raises(TctError, match=r'share no query id: the run has 9, the judgments have 1, 2, 3, …'):
        evaluate({q: {'a': 1} for q in '1234'}, {'9': {'a': 1.0}})


def test_nan_is_refused():
    with pytest.raises(TctError, match='query 1: the score of document b is NaN'):
        evaluate({'1': {'a': 1}}, {'1': {'a': 1.0, 'b': math.nan}})


def test_providers_are_named():
    tools = [provider_of(measure) for measure in parse_measures(DEFAULT_MEASURES)]
    assert tools == ['pyserini_tct'] * 3
    others = parse_measures(['bpref', 'R(judged_only=True)@10', 'nDCG(gains={0:1})@10'])
    assert [provider_of(measure) for measure in others] == ['pytrec_eval'] * 3
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
