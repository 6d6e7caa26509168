# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The command: tables in four formats, a baseline, trec_eval's flags, refusals."""

import json
import math
import subprocess
import sys

import pytest
from conftest import fails

from pyserini_tct._errors import TctError
from pyserini_tct.eval.__main__ import main


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
        'computed by: RR@10 pyserini_tct, R@100 pyserini_tct',
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
            'irrelevant': 0,
            'tied': 0,
            'scores': {'RR@10': 0.25, 'nDCG@10': pytest.approx(1 / math.log2(3) / 2), 'R@100': 0.5},
        }
    ]
    assert found['providers'] == dict.fromkeys(['RR@10', 'nDCG@10', 'R@100'], 'pyserini_tct')
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


BASE = """1 Q0 a 1 2.0 t\n1 Q0 x 2 1.0 t\n2 Q0 x 1 2.0 t\n2 Q0 a 2 1.0 t\n3 Q0 x 1 2.0 t\n3 Q0 a 2 1.0 t\n"""


@pytest.fixture
def three(tmp_path, monkeypatch):
    """RR of the three queries: base 1, 1/2, 1/2; run_1 1, 1, 1; the pairs differ by 0, 1/2, 1/2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'qrels').write_text('1 0 a 1\n2 0 a 1\n3 0 a 1\n')
    (tmp_path / 'base').write_text(BASE)
    (tmp_path / 'run_1').write_text('1 Q0 a 1 2.0 t\n2 Q0 a 1 2.0 t\n3 Q0 a 1 2.0 t\n')
    return ['qrels', 'base', 'run_1', '-m', 'recip_rank', '--baseline', 'base']


def test_the_comparison_by_hand(three, capsys):
    """t = (1/3) / (sqrt(1/12) / sqrt(3)) = 2 with 2 degrees of freedom: p = 1 - 2 / sqrt(6) = 0.1835."""
    main(three)
    text = capsys.readouterr().out
    assert text.splitlines()[-2:] == [
        'run    measure  difference       p  corrected  wins  ties  losses',
        'run_1  RR          +0.3333  0.1835     0.1835     2     1       0',
    ]
    assert '+ and -: differs from base (paired t-test, Holm, p < 0.05)' in text
    main([*three, '--test', 'randomization', '--seed', '7', '--correction', 'none', '--format', 'json'])
    found = json.loads(capsys.readouterr().out)
    assert found['baseline'] == {
        'run': 'base', 'test': 'randomization', 'correction': 'none', 'permutations': 10_000, 'seed': 7, 'level': 0.05,
    }  # fmt: skip
    assert 'comparison' not in found['runs'][0]
    assert found['runs'][1]['comparison']['RR'] == {
        'difference': pytest.approx(1 / 3), 'p': 0.5, 'corrected': 0.5, 'wins': 2, 'ties': 1, 'losses': 0,
    }  # fmt: skip


def test_a_list_out_of_order_is_told(three, tmp_path, capsys):
    (tmp_path / 'run_1').write_text('1 Q0 b 1 1.0 t\n1 Q0 a 2 2.0 t\n')
    main(three)
    told = capsys.readouterr()
    assert told.err == 'note: 1 lists of run_1 are not in order of their scores: ranks are those of the scores\n'


def test_a_significant_difference_has_its_mark_in_every_format(three, tmp_path, capsys):
    """Ten queries: the better run wins nine by 1/2 and ties one."""
    (tmp_path / 'qrels').write_text(''.join(f'{q} 0 a 1\n' for q in range(10)))
    (tmp_path / 'run_1').write_text(''.join(f'{q} Q0 a 1 2 t\n' for q in range(10)))
    lines = [f'{q} Q0 x 1 2 t\n{q} Q0 a 2 1 t\n' for q in range(9)]
    (tmp_path / 'base').write_text(''.join(lines) + '9 Q0 a 1 2 t\n')
    shown = {}
    for style in ('text', 'markdown', 'latex'):
        main([*three, '--format', style])
        shown[style] = capsys.readouterr().out
    assert 'run_1  1.0000+\n' in shown['text']
    assert '| run_1 | 1.0000+ |\n' in shown['markdown']
    assert '\n- queries: 10\n' in shown['markdown']
    assert 'run\\_1 & 1.0000$^{+}$ \\\\\n' in shown['latex']
    assert '\n% queries: 10\n' in shown['latex']
    assert shown['latex'].count('tabular') == 4
    main(['qrels', 'run_1', 'base', '-m', 'recip_rank', '--baseline', 'run_1'])
    assert 'base   0.5500-\n' in capsys.readouterr().out


def test_values_per_query(three, capsys):
    main([*three[:5], '-q', '-m', 'num_rel_ret'])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:5] == [
        ['query', 'run', 'RR', 'NumRet(rel=1)'],
        ['1', 'base', '1.0000', '1'],
        ['1', 'run_1', '1.0000', '1'],
        ['2', 'base', '0.5000', '1'],
        ['2', 'run_1', '1.0000', '1'],
    ]
    main([*three[:3], '--per-query', '--measures', 'RR', '--format', 'json'])
    found = json.loads(capsys.readouterr().out)
    assert found['runs'][0]['per_query'] == {'RR': {'1': 1.0, '2': 0.5, '3': 0.5}}


def test_a_command_line_of_trec_eval_is_understood(three, tmp_path, capsys):
    (tmp_path / 'graded').write_text('1 0 a 1\n2 0 a 2\n')
    main(['-c', '-M', '50', '-mrecip_rank', '-m', 'recall.10,50', '-l', '2', 'graded', 'base'])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['run', 'RR(rel=2)@50', 'R(rel=2)@10', 'R(rel=2)@50']
    assert lines[1].split() == ['base', '0.2500', '0.5000', '0.5000']


def test_ties_in_the_order_of_trec_eval(three, tmp_path, capsys):
    (tmp_path / 'run_1').write_text('1 Q0 a 1 2.0 t\n1 Q0 b 2 2.0 t\n')
    shown = {}
    for ties in ('docid', 'trec_eval'):
        main(['qrels', 'run_1', '-m', 'recip_rank', '--ties', ties])
        lines = shown[ties] = capsys.readouterr().out.splitlines()
        assert lines[-1].startswith('run_1: 1 queries with equal scores, ordered ')
    assert [lines[1].split()[1] for lines in shown.values()] == ['0.3333', '0.1667']
    assert shown['trec_eval'][-1].endswith('as trec_eval does')


def test_missing_queries_are_left_out_and_said(three, tmp_path, capsys):
    (tmp_path / 'run_1').write_text('1 Q0 a 1 2.0 t\n')
    main([*three[:5], '--missing', 'skip'])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ['run_1', '1.0000']
    assert lines[4:] == ['base: 3 queries', 'run_1: 1 queries', 'run_1: 2 judged queries without a result, left out']
    message = fails(main, *three, '--missing', 'skip', capsys=capsys)
    assert 'run_1 and the baseline have values of different queries (1 and 3)' in message


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['qrels', 'base', 'run_1', '--baseline', 'other'], 'the baseline other is not among the runs (base, run_1)'),
        (['qrels', 'base', '--baseline', 'base'], 'no run besides the baseline base'),
        (['qrels', 'base', 'base'], 'the run base is named twice'),
        (['qrels', 'base', 'empty'], 'empty is empty: a run needs at least one line'),
        (['irrelevant', 'base'], 'irrelevant: the judgments name no relevant document for RR@10'),
        (['qrels', 'base', '-M', '10', '-m', 'ndcg'], '-M 10 makes no measure of nDCG'),
        (['one', 'base', 'run_1', '--baseline', 'base'], '1 queries are too few for a test'),
        (['elsewhere', 'base'], 'base: run and judgments share no query id'),
    ],
)
def test_refusals(three, tmp_path, capsys, words, message):
    (tmp_path / 'empty').write_text('')
    (tmp_path / 'irrelevant').write_text('1 0 a 0\n2 0 a -1\n')
    (tmp_path / 'one').write_text('1 0 a 1\n')
    (tmp_path / 'elsewhere').write_text('9 0 a 1\n')
    assert message in fails(main, *words, capsys=capsys)
    assert capsys.readouterr().out == ''
