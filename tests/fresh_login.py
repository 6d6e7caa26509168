# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Python as a login without any of our variables starts it, on machines whose own Java may be old."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from pyserini_tct import _jvm

unix = pytest.mark.skipif(os.name == 'nt', reason='the fake Java is a shell script')


@functools.cache
def real_java_17() -> Path | None:
    """Return the home of an old Java of this machine."""
    homes = [Path(path).resolve().parent.parent for path in (shutil.which('java'),) if path]
    homes += sorted(Path('/usr/lib/jvm').glob('*')) if Path('/usr/lib/jvm').is_dir() else []
    return next((home for home in homes if (_jvm._major(_jvm._version(home)) or 99) < _jvm.OLDEST), None)


def python(*words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess:
    """Run Python as a login without any of our variables would."""
    old = real_java_17()
    clean = {
        'PATH': os.pathsep.join([*([str(old / 'bin')] if old else []), '/usr/bin', '/bin']),
        'HF_HUB_OFFLINE': '1',
        'HOME': os.environ.get('HOME', '/'),
        'PYTHONPATH': str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=cwd, env={**clean, **environ}, timeout=300
    )
