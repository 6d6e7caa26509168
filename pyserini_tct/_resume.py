# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Long jobs that go on where they were killed: a folder beside the output, and a plan that says what was asked for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _files
from pyserini_tct._disk import naming
from pyserini_tct._errors import TctError


@contextlib.contextmanager
def resumed(output: Path, plan: dict[str, Any], overwrite: bool) -> Iterator[Path]:
    """Yield ``NAME.partial``, in which an output grows; it holds what a killed job with the same plan left there.

    The block publishes what it has finished; the folder stays when the block fails, unless it is empty.

    Args:
        output: final name.
        plan: settings and checksums of the inputs, as JSON has them.
        overwrite: forget an unfinished job with another plan.

    Raises:
        TctError: an unfinished job with another plan is there, or another process is writing.
    """
    partial = output.with_name(output.name + '.partial')
    plan_file = partial.with_name(partial.name + '.plan.json')
    with _atomic.lock(partial), naming(partial):
        same = partial.is_dir() and is_plan(plan_file, plan, overwrite)
        if partial.exists() and not same and not overwrite:
            raise TctError(f'{partial} was left by a job with other inputs or settings: remove it or add --overwrite')
        if not same:
            _atomic.remove(partial)
            _atomic.write_json(plan_file, plan)
            partial.mkdir()
        try:
            yield partial
        except BaseException:
            if partial.is_dir() and not any(partial.iterdir()):
                _forget(partial, plan_file)
            raise
        _forget(partial, plan_file)


def is_plan(plan_file: Path, plan: dict[str, Any], overwrite: bool) -> bool:
    """Tell whether an unfinished job was begun with ``plan``; with ``overwrite`` a damaged plan is another one.

    Raises:
        TctError: the plan is damaged, so no one knows what the job was.
    """
    try:
        return plan_file.exists() and _files.read_json(plan_file) == plan
    except TctError as error:
        if overwrite:
            return False
        raise TctError(
            f'{plan_file} is damaged, no one knows what the job was: add --overwrite to start anew'
        ) from error


def _forget(partial: Path, plan_file: Path) -> None:
    _atomic.remove(partial)
    plan_file.unlink(missing_ok=True)
