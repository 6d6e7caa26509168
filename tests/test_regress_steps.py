# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Steps: what is used again and what never is, order and parallel commands, what a killed regression leaves."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tiny_regression import RUN, edit

from pyserini_tct._errors import TctError
from pyserini_tct.prebuilt import Entry, _registry
from pyserini_tct.regress import _steps, load_spec, run_spec, work_folder
from pyserini_tct.regress._steps import Step, record_path, run_steps


@pytest.fixture
def again(place, tmp_path, capsys):
    """Run the tiny regression into one folder, over and over; return the labels of the commands that were executed."""
    work = tmp_path / 'work'
    work.mkdir()

    def executed():
        run_spec(load_spec(place / 'spec.yaml'), work)
        lines = capsys.readouterr().err.splitlines()
        return [line.split(' …')[0] for line in lines if not line.endswith('as before')]

    assert executed() == ['tiny_index', 'tiny tiny-test']
    assert executed() == []
    executed.work = work
    return executed


BOTH, RUN_ONLY = ['tiny_index', 'tiny tiny-test'], ['tiny tiny-test']


@pytest.mark.parametrize(
    ('name', 'text', 'expected'),
    [
        ('corpus.jsonl', '{"id": 1}', BOTH),
        ('search.py', 'import pathlib, sys; pathlib.Path(sys.argv[4]).write_text("1 Q0 a 1 1.0 t")', RUN_ONLY),
        ('topics.tsv', '1\tanother\n2\ttwo\n', RUN_ONLY),
        ('qrels.txt', '1 0 b 1\n2 0 a 1\n', []),  # judged anew each time, and no input of a command
    ],
)
def test_a_changed_input_is_never_passed_over(place, again, name, text, expected):
    (place / name).write_text(text)
    assert again() == expected


@pytest.mark.usefixtures('prebuilt_folders')
def test_what_a_command_names_itself_is_an_input(place, again, tmp_path):
    """An absolute path after `=` counts, and an index behind a name that the user added, which may be built anew."""
    (tmp_path / 'here').write_text('1')
    (tmp_path / 'mine').mkdir()
    entry = Entry('mine', 'bm25', path=str(tmp_path / 'mine'), files={}, added=True)
    _registry.write_added({'mine': entry})
    edit(place, '$found $output', f'$found $output --file={tmp_path}/here --index mine')
    (place / 'search.py').write_text('import pathlib, sys; pathlib.Path(sys.argv[4]).write_text("1 Q0 a 1 1.0 t")')
    assert again() == RUN_ONLY
    assert again() == []
    (tmp_path / 'here').write_text('2')
    assert again() == RUN_ONLY
    (tmp_path / 'mine' / 'segments_1').write_text('another index')
    assert again() == RUN_ONLY
    assert again() == []


def test_a_changed_command_is_never_passed_over(place, again):
    edit(place, 'python $search $tiny_index', 'python -B $search $tiny_index')
    assert again() == RUN_ONLY


def test_an_input_that_is_made_alike_is_the_same(place, again):
    """What counts is the content of an artefact, not when or by which command it was made."""
    edit(place, 'python $build', 'python -B $build')
    assert again() == ['tiny_index']


@pytest.mark.parametrize('what', ['versions', 'code'])
def test_other_versions_or_code_make_everything_anew(again, monkeypatch, what):
    if what == 'versions':
        monkeypatch.setattr(_steps._env, 'versions', lambda: {'torch': '0.0.1'})
    else:
        monkeypatch.setattr(_steps, 'code_digest', lambda: 'other')
    assert again() == BOTH
    assert again() == []


def test_an_output_that_was_touched_is_made_anew(again):
    run = again.work / 'run.tiny.tiny-test.trec'
    run.write_text(RUN.replace('b', 'c'))
    assert again() == RUN_ONLY
    assert run.read_text() == RUN
    run.unlink()
    assert again() == RUN_ONLY
    record_path(run).write_text('{"cut sho')
    assert again() == RUN_ONLY


def test_what_a_broken_command_left_is_not_used(place, again):
    """An output without the end of its record may be half of one."""
    (place / 'search.py').write_text('import pathlib, sys; pathlib.Path(sys.argv[4]).write_text("half"); sys.exit(1)')
    assert again() == RUN_ONLY
    assert again() == RUN_ONLY


def test_the_record_says_what_an_output_was_made_from(again):
    record = json.loads(record_path(again.work / 'run.tiny.tiny-test.trec').read_text())
    assert record['command'] == 'python $search $tiny_index $topics $found $output'
    assert sorted(record['inputs']) == ['found', 'search', 'tiny_index', 'topics']
    assert (
        record['inputs']['tiny_index']
        == json.loads(record_path(again.work / 'tiny_index').read_text())['output_sha256']
    )
    assert {'versions', 'platform', 'code_sha256', 'output_sha256', 'seconds', 'made'} <= set(record)


def step(tmp_path, name, code, needs=()):
    values = {'code': code}
    return Step(
        name, 'python -c $code $output ' + ' '.join(f'${need}' for need in needs), tmp_path / name, values, needs
    )


WRITE = 'import pathlib, sys; pathlib.Path(sys.argv[1]).write_text("x")'


def test_jobs_run_side_by_side_and_in_order(tmp_path):
    """Each of the two waits for the other's file, so one after the other would never end."""
    meet = (
        'import pathlib, sys, time\npath = pathlib.Path(sys.argv[1])\npath.with_suffix(".here").touch()\n'
        'for _ in range(600):\n'
        '    if len(list(path.parent.glob("*.here"))) == 2: path.write_text("x"); break\n'
        '    time.sleep(0.05)\n'
    )
    last = 'import pathlib, sys; pathlib.Path(sys.argv[1]).write_text("".join(open(p).read() for p in sys.argv[2:]))'
    steps = [step(tmp_path, 'a', meet), step(tmp_path, 'b', meet), step(tmp_path, 'c', last, ('a', 'b'))]
    outcomes = run_steps(steps, jobs=2)
    assert [outcomes[name].undone for name in 'abc'] == [None] * 3
    assert (tmp_path / 'c').read_text() == 'xx'


def test_what_needs_a_failed_step_is_not_started(tmp_path):
    steps = [
        step(tmp_path, 'a', 'raise SystemExit("no")'),
        step(tmp_path, 'b', WRITE, ('a',)),
        step(tmp_path, 'c', WRITE),
    ]
    outcomes = run_steps(steps, jobs=2)
    assert outcomes['a'].undone.startswith('exit code 1: no')
    assert outcomes['b'].undone.startswith('a was not built: exit code 1: no')
    assert outcomes['b'].seconds is None
    assert outcomes['c'].undone is None


@pytest.mark.skipif(sys.platform == 'win32', reason='signals')
def test_a_killed_regression_ends_its_commands_and_goes_on_later(place, tmp_path):
    """Guards against commands that go on writing into a folder which a second regression has taken."""
    (place / 'search.py').write_text(
        'import pathlib, sys, time\npathlib.Path(sys.argv[4] + ".pid").touch()\ntime.sleep(300)'
    )
    words = [sys.executable, '-m', 'pyserini_tct.regress', place / 'spec.yaml', '--work', tmp_path / 'work']
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    waited = tmp_path / 'work' / 'run.tiny.tiny-test.trec.pid'
    while not waited.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)  # returns once no command holds its streams
    assert process.returncode == 143
    (place / 'search.py').write_text(
        'import pathlib, sys; pathlib.Path(sys.argv[4]).write_text(pathlib.Path(sys.argv[3]).read_text())'
    )
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == 'tiny_index … as before'


@pytest.mark.skipif(sys.platform == 'win32', reason='signals')
def test_the_commands_of_a_regression_that_was_killed_at_once_keep_its_folder(place, tmp_path):
    """Guards against an old command that writes its output over that of the next regression."""
    (place / 'search.py').write_text(
        'import os, pathlib, sys, time\n'
        'pathlib.Path("new").write_text(str(os.getpid()))\nos.rename("new", "pid")\ntime.sleep(300)'
    )
    work = tmp_path / 'work'
    words = [sys.executable, '-m', 'pyserini_tct.regress', place / 'spec.yaml', '--work', work]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while not (work / 'pid').exists() and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    try:
        with pytest.raises(TctError, match='another process is writing'), work_folder(work):
            pass
    finally:
        os.kill(int((work / 'pid').read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while True:  # until the system has closed the files of the killed command
        try:
            with work_folder(work):
                return
        except TctError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
