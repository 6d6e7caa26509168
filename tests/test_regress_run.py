# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Regressions that run: commands that fail or leave nothing, the work folder, the exit codes."""

import subprocess
import sys

import pytest
from tiny_regression import RUN, edit, outcome

from pyserini_tct._errors import TctError
from pyserini_tct.regress import exit_code, load_spec, run_spec, work_folder
from pyserini_tct.regress.__main__ import main

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
    for overwrite in (False, True):
        with work_folder(work, overwrite) as folder:
            (folder / 'run.tiny.tiny-test.trec').write_text(RUN)
            assert {row.status for row in run_spec(spec, folder)} == {'not run'}


def test_one_regression_at_a_time_in_a_folder(tmp_path):
    with (
        work_folder(tmp_path / 'work'),
        pytest.raises(TctError, match='another process'),
        work_folder(tmp_path / 'work'),
    ):
        pass


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
    (place / 'search.py').write_text('pass')
    done = command()
    assert done.returncode == 2
    assert 'add --work FOLDER' in done.stderr
    edit(place, 'collection:', 'colection:')
    done = command()
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (2, '', 1)
