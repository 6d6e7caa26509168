# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Regressions: the grammar, the verdicts in both directions, and commands that fail, leave nothing or meet spaces."""

import re
import subprocess
import sys

import pytest

from pyserini_tct._errors import TctError
from pyserini_tct.regress import Miss, exit_code, load_spec, matrix, rank_misses, run_spec, work_folder
from pyserini_tct.regress.__main__ import main
from pyserini_tct.regress._matrix import verdict
from pyserini_tct.regress._records import Pin

# The stand-ins for encode, index and search: `build` copies the corpus, `search` writes the run that it was given.
BUILD = 'import pathlib, sys\npathlib.Path(sys.argv[2]).write_text(pathlib.Path(sys.argv[1]).read_text() + "built")\n'
SEARCH = """import pathlib, sys
index, topics, run, output = map(pathlib.Path, sys.argv[1:])
assert index.read_text().endswith('built') and topics.exists()
output.write_text(run.read_text())
"""
RUN = '1 Q0 b 1 2.000000 t\n1 Q0 a 2 1.000000 t\n2 Q0 a 1 3.000000 t\n'  # RR@10: (1/2 + 1) / 2 = 0.75; R@100: 1
SPEC = """\
collection: tiny
requires: [json]
source: 'computed by hand, 2026'
data:
  corpus: corpus.jsonl
  build: build.py
  search: search.py
  found: found.trec
topics:
  tiny-test: {topics: topics.tsv, qrels: qrels.txt}
artefacts:
  - name: tiny_index
    command: python $build $corpus $output
  - name: never_used
    command: python -c 'raise SystemExit("never built")' $output
conditions:
  - name: tiny
    display: Tiny (k1=0.9)
    uses: [tiny_index]
    command: python $search $tiny_index $topics $found $output
    topics:
      - topic_key: tiny-test
        eval_key: tiny-test
        scores:
          - RR@10: 0.75
            R@100: 1.0
        tolerance: {RR@10: 0.0}
        ranks: expected.trec
        near_tie: 1.0e-3
"""


@pytest.fixture
def place(tmp_path):
    """A folder, with a space in its name, that holds a regression which passes."""
    folder = tmp_path / 'a folder'
    folder.mkdir()
    for name, text in {
        'corpus.jsonl': '{}',
        'build.py': BUILD,
        'search.py': SEARCH,
        'found.trec': RUN,
        'expected.trec': RUN,
        'topics.tsv': '1\tone\n2\ttwo\n',
        'qrels.txt': '1 0 a 1\n2 0 a 1\n',
        'spec.yaml': SPEC,
    }.items():
        (folder / name).write_text(text)
    return folder


def edit(place, old, new):
    text = (place / 'spec.yaml').read_text()
    assert old in text
    (place / 'spec.yaml').write_text(text.replace(old, new, 1))


def outcome(place, **options):
    with work_folder(None) as work:
        rows = run_spec(load_spec(place / 'spec.yaml'), work, **options)
    return {row.measure: row.status for row in rows}, exit_code(rows), rows


# --- verdicts ---


def test_all_as_pinned(place, capsys):
    """Paths with spaces survive, only what is used is built, one line a command goes to standard error."""
    found, code, rows = outcome(place)
    assert found == {'RR@10': 'OK', 'R@100': 'OK', 'ranks@10': 'OK'}
    assert code == 0
    lines = matrix(rows).splitlines()
    assert lines[1].split() == ['tiny', 'tiny-test', 'RR@10', '0.7500', '0.7500', '+0.0000', '0.0000', 'OK']
    assert lines[-1] == '3 figures: 3 OK'
    told = capsys.readouterr().err.splitlines()
    assert [line.split(' …')[0] for line in told] == ['tiny_index', 'tiny tiny-test']


@pytest.mark.parametrize(('pinned', 'status'), [('0.76', 'LOW'), ('0.7501', 'LOW'), ('0.7499', 'HIGH')])
def test_drift_fails_in_both_directions(place, pinned, status):
    """Guards against 2CR's rule that a higher score is fine: it may come from judgments that leaked."""
    edit(place, 'RR@10: 0.75', f'RR@10: {pinned}')
    found, code, _ = outcome(place)
    assert found == {'RR@10': status, 'R@100': 'OK', 'ranks@10': 'OK'}
    assert code == 1


def test_tolerance_is_two_sided_and_inclusive():
    def judge(expected, found, tolerance):
        return verdict(Pin('RR@10', expected, tolerance, 'here'), found)

    assert [judge(0.5, found, 0.01) for found in (0.4899, 0.49, 0.5, 0.51, 0.5101)] == ['LOW', 'OK', 'OK', 'OK', 'HIGH']
    assert [judge(0.3333, found, 0.0) for found in (0.33324, 1 / 3, 0.33336)] == ['LOW', 'OK', 'HIGH']
    assert judge(None, 0.5, 0.0) == 'no pin'


def test_the_nearest_tolerance_and_source_count(place):
    edit(place, "source: 'computed", "tolerance: {RR@10: 0.5, R@100: 0.2}\nsource: 'computed")
    edit(place, 'ranks: expected.trec', "source: 'the topic'\n        ranks: expected.trec")
    pins = load_spec(place / 'spec.yaml').conditions[0].topics[0].pins
    assert [pin.measure for pin in pins] == ['RR@10', 'R@100']
    assert [pin.tolerance for pin in pins] == [0.0, 0.2]
    assert {pin.source for pin in pins} == {'the topic'}


def test_rank_drift(place):
    """Guards against a changed ranking behind an unchanged score: no judged document moves here."""
    (place / 'found.trec').write_text(RUN + '2 Q0 new 2 2.000000 t\n')
    found, code, rows = outcome(place)
    assert found == {'RR@10': 'OK', 'R@100': 'OK', 'ranks@10': 'RANKS'}
    assert code == 1
    assert '1 queries list other documents, first 2 at rank 2: expected nothing, found new' in matrix(rows)


def test_a_score_without_a_pin_neither_passes_nor_fails(place):
    edit(place, 'RR@10: 0.75', 'RR@10: null')
    found, code, rows = outcome(place)
    assert (found['RR@10'], code) == ('no pin', 0)
    assert matrix(rows).splitlines()[1].split()[2:] == ['RR@10', '-', '0.7500', '-', '0.0000', 'no', 'pin']


# --- what could not run ---


def test_a_failing_command_is_not_run_and_its_log_is_named(place, tmp_path):
    (place / 'search.py').write_text('import sys\nprint("some progress")\nsys.exit("the index is broken")\n')
    rows = run_spec(load_spec(place / 'spec.yaml'), tmp_path)
    log = tmp_path / 'run.tiny.tiny-test.trec.log'
    assert {row.status for row in rows} == {'not run'}
    assert rows[0].detail == f'exit code 1: the index is broken (log: {log})'
    assert log.read_text() == 'the index is broken\n'
    assert exit_code(rows) == 2


def test_a_failing_artefact_stops_what_uses_it(place):
    (place / 'build.py').write_text('raise ValueError("no memory")')
    found, code, rows = outcome(place)
    assert (set(found.values()), code) == ({'not run'}, 2)
    assert rows[0].detail.startswith('tiny_index was not built: exit code 1: ValueError: no memory')


@pytest.mark.parametrize(
    ('search', 'reason'),
    [
        ('pass', 'nothing was written to $output'),
        ('import sys, pathlib; pathlib.Path(sys.argv[4]).write_text("")', 'is empty'),
        ('import sys, pathlib; pathlib.Path(sys.argv[4]).write_text("9 Q0 a 1 1.0 t")', 'share no query id'),
    ],
)
def test_a_command_without_a_usable_run_is_not_run(place, search, reason):
    """Guards against 2CR's habit of scoring such a run as 0."""
    (place / 'search.py').write_text(search)
    found, code, rows = outcome(place)
    assert (set(found.values()), code) == ({'not run'}, 2)
    assert reason in rows[0].detail


@pytest.mark.parametrize(
    ('old', 'new', 'reason'),
    [
        ('[json]', '[json, no_such_module]', 'module no_such_module is not installed'),
        ('[json]', '[no_such_parent.child]', 'module no_such_parent.child is not installed'),
        ('command: python $search', 'command: no-such-program $search', 'no-such-program cannot be executed'),
        ('qrels: qrels.txt', 'qrels: elsewhere.txt', 'elsewhere.txt does not exist'),
    ],
)
def test_what_is_missing_here_is_named(place, old, new, reason):
    edit(place, old, new)
    found, code, rows = outcome(place)
    assert (set(found.values()), code) == ({'not run'}, 2)
    assert reason in rows[0].detail


def test_drift_outweighs_what_could_not_run(place):
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    edit(
        place,
        'conditions:\n',
        'conditions:\n  - {name: broken, command: "python -c 1/0 $output", '
        'topics: [{topic_key: tiny-test, scores: [{AP: null}]}]}\n',
    )
    found, code, _ = outcome(place)
    assert found == {'AP': 'not run', 'RR@10': 'HIGH', 'R@100': 'OK', 'ranks@10': 'OK'}
    assert code == 1
    assert outcome(place, names=['broken'])[1] == 2


# --- the work folder ---


def test_no_stale_run_is_used_again(place, tmp_path):
    """Guards against 2CR's habit of scoring whatever run file lies there already."""
    work = tmp_path / 'work'
    spec = load_spec(place / 'spec.yaml')
    with work_folder(work) as folder:
        assert exit_code(run_spec(spec, folder)) == 0
    (place / 'search.py').write_text('pass')
    with pytest.raises(TctError, match='is not empty'), work_folder(work):
        pass
    with work_folder(work, overwrite=True) as folder:
        assert {row.status for row in run_spec(spec, folder)} == {'not run'}
    stale = work / 'run.tiny.tiny-test.trec'
    stale.write_text(RUN)
    (work / 'tiny_index').unlink()
    assert 'was there before' in run_spec(spec, work)[0].detail


def test_overwrite_empties_no_folder_of_the_user(tmp_path):
    """Guards against `--work ~ --overwrite`."""
    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(TctError, match='holds files that no regression made'), work_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / 'thesis.tex').exists()


def test_a_temporary_work_folder_goes_away():
    with work_folder(None) as work:
        (work / 'index').mkdir()
    assert not work.exists()
    context = work_folder(None)
    work = context.__enter__()
    assert not context.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not work.exists()


# --- the grammar ---


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        ('requires: [json]', 'require: [json]', 2, "the key 'require' is unknown: use one of collection, topics"),
        ('    display:', '    dispaly:', 18, "condition tiny: the key 'dispaly' is unknown"),
        ('    command: python $search', '    display: x', 20, "the key 'display' stands here twice"),
        ('  - name: tiny\n    disp', '  - disp', 17, "condition without a name: the key 'name' is missing"),
        ('collection: tiny\n', '', 1, "the key 'collection' is missing"),
        ('requires: [json]', 'requires: json', 2, 'requires: a list is needed'),
        ("'computed by hand, 2026'", '2026', 3, 'source: 2026 is no text'),
        ("'computed by hand, 2026'", '" "', 3, 'source: the text is blank'),
        ("'computed by hand, 2026'", '[a', 4, 'is not valid YAML'),
        ("'computed by hand, 2026'", '!!python/name:os.system a', 3, 'is not a plain value'),
        ('  corpus: corpus', '  my-corpus: corpus', 5, "'my-corpus' cannot stand after a `$`"),
        ('  corpus: corpus', '  output: corpus', 5, 'the name output is taken'),
        ('name: tiny_index', 'name: corpus', 12, 'the name corpus is taken'),
        ('name: never_used', 'name: tiny_index', 14, 'the name tiny_index is taken'),
        ('name: tiny\n', 'name: a/b\n', 17, "'a/b' becomes part of file names"),
        ('uses: [tiny_index]', 'uses: [tiny_idx]', 19, 'condition tiny: uses: the artefact tiny_idx is unknown'),
        ('uses: [tiny_index]', 'uses: []', 20, 'condition tiny: command: the variable $tiny_index is unknown'),
        ('python $build', 'python $bild', 13, 'artefact tiny_index: command: the variable $bild is unknown'),
        ('python $build $corpus $output', 'python $build $topics $output', 13, 'the variable $topics is unknown'),
        ('python $build $corpus $output', 'python $build $corpus', 13, 'the command never names $output'),
        ('python $build $corpus', "python '$build $corpus", 13, 'cannot be split into words'),
        ('python $build $corpus', 'python $5 $corpus', 13, "'$5' has a `$` without a name"),
        ('topic_key: tiny-test', 'topic_key: test', 22, 'the topic_key test is unknown: use one of tiny-test'),
        ('eval_key: tiny-test', 'eval_key: test', 23, 'the eval_key test is unknown'),
        ('RR@10: 0.75', 'RR@10: high', 25, "RR@10: 'high' is no number"),
        ('RR@10: 0.75', 'R@1K: 0.75', 25, "the measure 'R@1K' is malformed"),
        ('R@100: 1.0', 'MRR@10: 1.0', 26, 'the measure RR@10 is pinned twice'),
        ('{RR@10: 0.0}', '{RR@10: -0.1}', 27, 'tolerance: RR@10: -0.1 is below 0'),
        ('near_tie: 1.0e-3', 'near_tie: 1e-3', 29, "'1e-3' is no number: write it like 0.5 or 1.0e-3"),
        ('ranks: expected', 'ranks: unexpected', 28, 'unexpected.trec does not exist'),
        ('ranks: expected.trec', 'depth: 3', 29, '`near_tie` says how closely `ranks` are met'),
        ('near_tie: 1.0e-3', 'depth: 0', 29, 'a whole number of at least 1'),
        ("source: 'computed by hand, 2026'\n", '', 24, 'RR@10: a pinned score needs a `source`'),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(place, old, new, line, message):
    """Guards against a mistyped key that leaves a check out in silence."""
    edit(place, old, new)
    with pytest.raises(TctError) as caught:
        load_spec(place / 'spec.yaml')
    assert message in str(caught.value)
    assert re.match(re.escape(f'{place / "spec.yaml"}: line {line}') + r'\b', str(caught.value))
    assert '\n' not in str(caught.value)


def test_names_may_not_stand_twice(place):
    text = (place / 'spec.yaml').read_text()
    condition = text[text.index('  - name: tiny\n') :]
    (place / 'spec.yaml').write_text(text + condition)
    with pytest.raises(TctError, match='line 30: conditions: the condition tiny occurred before'):
        load_spec(place / 'spec.yaml')
    (place / 'spec.yaml').write_text(text + condition[condition.index('      - topic_key') :])
    with pytest.raises(TctError, match='line 30: condition tiny: topics: the topic_key tiny-test occurred before'):
        load_spec(place / 'spec.yaml')


def test_an_artefact_may_use_an_earlier_one_which_is_then_built(place):
    edit(
        place,
        '  - name: never_used\n    command: python -c \'raise SystemExit("never built")\' $output',
        '  - name: copy\n    uses: [tiny_index]\n    command: python $build $tiny_index $output',
    )
    edit(
        place,
        'uses: [tiny_index]\n    command: python $search $tiny_index',
        'uses: [copy]\n    command: python $search $copy',
    )
    assert outcome(place)[1] == 0
    edit(place, 'uses: [tiny_index]', 'uses: [copy]')
    with pytest.raises(TctError, match='line 15: artefact copy: uses: the artefact copy is unknown'):
        load_spec(place / 'spec.yaml')


def test_prebuilt_and_ir_datasets_names(place):
    edit(place, 'corpus: corpus.jsonl', 'corpus: prebuilt:pocket/corpus.jsonl')
    edit(place, 'qrels: qrels.txt', 'qrels: irds:some/name')
    spec = load_spec(place / 'spec.yaml')
    assert spec.data['corpus'].endswith('prebuilt/pocket/corpus.jsonl')
    assert spec.topics['tiny-test'].qrels == 'irds:some/name'


# --- ranks ---

EXPECTED = {'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0}}


@pytest.mark.parametrize(
    ('found', 'misses'),
    [
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0}}, []),
        ({'1': {'a': 30.0, 'b': 20.0, 'c': 19.0, 'd': 1.0}}, []),  # the same order is all that is asked
        ({'1': {'a': 3.0, 'c': 2.0, 'b': 1.9999, 'd': 1.0}}, []),  # b and c nearly tie
        ({'1': {'b': 3.0, 'a': 2.5, 'c': 1.9995, 'd': 1.0}}, [Miss('1', 1, 'a', 'b')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'd': 1.9998, 'c': 1.9995}}, [Miss('1', 3, 'c', 'd')]),  # d was pinned at 1.0
        ({}, [Miss('1', 1, 'a', None)]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995}}, [Miss('1', 4, 'd', None)]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'd': 1.0, 'e': 0.5}}, [Miss('1', 5, None, 'e')]),
        ({'1': {'new': 4.0, 'a': 3.0, 'b': 2.0, 'c': 1.9995}}, [Miss('1', 1, 'a', 'new')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'new': 1.5, 'd': 1.0}}, [Miss('1', 4, 'd', 'new')]),
        ({'1': {'a': 3.0, 'b': 2.0, 'c': 1.9995, 'new': 1.0001, 'd': 1.0}}, [Miss('1', 4, 'd', 'new')]),  # not pinned
        ({'1': EXPECTED['1'], '2': {'a': 1.0}}, []),  # only the pinned queries are looked at
    ],
)
def test_rank_misses(found, misses):
    assert rank_misses(EXPECTED, found) == misses


def test_rank_misses_depth_near_tie_and_first_miss_only():
    found = {'1': {'c': 3.0, 'd': 2.0, 'a': 1.0, 'b': 0.5}}
    assert rank_misses(EXPECTED, found) == [Miss('1', 1, 'a', 'c')]
    assert rank_misses(EXPECTED, found, near_tie=2.6) == []
    assert rank_misses(EXPECTED, {'1': {'a': 3.0, 'b': 2.0, 'd': 1.0}}, depth=2) == []
    swapped = {'1': {'a': 3.0, 'c': 2.0, 'b': 1.9999, 'd': 1.0}}
    assert rank_misses(EXPECTED, swapped, near_tie=1e-4) == [Miss('1', 2, 'b', 'c')]


# --- the command line ---


def test_list_runs_nothing(place, capsys):
    assert main([str(place / 'spec.yaml'), '--list']) == 0
    assert capsys.readouterr().out == 'tiny  Tiny (k1=0.9)\n'


def test_unknown_condition_and_file(place):
    with pytest.raises(TctError, match='has no condition bm25: use one of tiny'):
        main([str(place / 'spec.yaml'), '--condition', 'bm25'])
    with pytest.raises(TctError, match='neither a file nor a regression that ships'):
        main(['no-such-regression'])


def test_a_bare_name_is_found_in_the_package(place, monkeypatch, capsys):
    from pyserini_tct.regress import _spec

    monkeypatch.setattr(_spec, 'data_dir', lambda name: place)
    for name in ('spec', 'spec.yaml'):
        assert main([name, '--list']) == 0
    with pytest.raises(TctError, match=r'ships with the package \(spec\)'):
        main(['sepc'])


def test_exit_codes_in_a_process(place):
    """Guards against 2CR's exit code 0 whatever happens; the child starts elsewhere, as it would from a shell."""

    def command(*words):
        return subprocess.run(
            [sys.executable, '-m', 'pyserini_tct.regress', place / 'spec.yaml', *words],
            capture_output=True,
            text=True,
            check=False,
        )

    done = command('--work', place / 'work folder')
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('3 figures: 3 OK\n')
    assert (place / 'work folder' / 'run.tiny.tiny-test.trec').read_text() == RUN
    edit(place, 'RR@10: 0.75', 'RR@10: 0.5')
    assert command().returncode == 1
    edit(place, '[json]', '[no_such_module]')
    done = command()
    assert done.returncode == 2
    assert 'add --work FOLDER' in done.stderr
    edit(place, 'collection:', 'colection:')
    done = command()
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (2, '', 1)
