# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every shell line and the Python example of the README in an empty folder, as written, but for the training steps."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment

README = (ROOT / 'README.md').read_text(encoding='utf-8')
STEPS, FEWER = '--steps 40 --warmup 4', '--steps 16 --warmup 2'  # four trainings are most of the time


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```', README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope='module')
def shell(tmp_path_factory):
    """Run commands as in one terminal, in a new folder, with `python` being this one."""
    folder = tmp_path_factory.mktemp('readme')
    path = f'{Path(sys.executable).parent}:{clean_environment()["PATH"]}'
    assert README.count(STEPS) == 1
    lines = [line.replace(STEPS, FEWER) for block in blocks('bash') for line in block.splitlines()]
    script = '\n'.join(['set -euo pipefail', *(f'echo "+ {i}" >&2\n{line}' for i, line in enumerate(lines))])
    done = subprocess.run(
        ['bash', '-c', script],
        cwd=folder,
        env=clean_environment(PATH=path),
        text=True,
        capture_output=True,
        timeout=3600,
    )
    return folder, lines, done


def test_every_shell_line_runs(shell):
    _, lines, done = shell
    reached = re.findall(r'^\+ (\d+)$', done.stderr, re.MULTILINE)
    assert done.returncode == 0, f'{lines[int(reached[-1])]}\n{done.stderr[-1500:]}'
    assert len(reached) == len(lines) > 12


def test_the_flow_learns_and_the_fusion_is_better_than_its_sides(shell):
    """The tables that the tour prints; a wrong alpha, a swapped side or a student that learned nothing shows here."""
    table = {
        row.split()[0]: float(row.split()[1])
        for row in shell[2].stdout.splitlines()
        if row.startswith('run.') and re.fullmatch(r'run\.\w+\.trec( +\d\.\d{4}){3}', row)
    }
    assert table['run.fused.trec'] > max(table['run.bm25.trec'], table['run.dense.trec'])
    assert table['run.hybrid.trec'] > 0.7


def test_the_python_example_runs(shell):
    done = subprocess.run(
        [sys.executable, '-c', *blocks('python')], cwd=shell[0], env=clean_environment(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert len(done.stdout.splitlines()) == 3


def test_make_targets_exist():
    makefile = (ROOT / 'Makefile').read_text()
    for target in set(re.findall(r'make ([\w-]+)', README)):
        assert re.search(rf'^{target}:', makefile, re.MULTILINE), target
