# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A JSONL file that a model fills passage by passage: a killed job goes on, a finished one is taken as it is."""

import itertools
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _manifest
from pyserini_tct._resume import resumed
from pyserini_tct.collection import Passage


def grow_lines(
    output: Path,
    kind: str,
    plan: dict[str, Any],
    passages: Iterable[Passage],
    count: int,
    batch_size: int,
    lines_of: Callable[[Sequence[Passage]], Iterable[dict[str, Any]]],
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
) -> int:
    """Write a line for each passage, batch by batch; whole batches of a killed job are kept.

    Args:
        output: the file; it appears whole or not at all, with its plan in the manifest beside it.
        kind: what the manifest says it is.
        plan: settings and checksums that the lines depend on, as JSON has them.
        passages: in order.
        count: number of passages.
        batch_size: passages a call.
        lines_of: from passages to their lines.
        overwrite: replace a file or an unfinished job with another plan.
        inputs: files that the lines are made from.

    Returns:
        Lines that were there already.

    Raises:
        TctError: the output, or an unfinished one, was made otherwise.
    """
    from tqdm import tqdm

    manifest = _manifest.read_manifest(output) if output.exists() else None
    if manifest is not None and manifest.get('kind') == kind and manifest.get('plan') == plan:
        return count
    _atomic.check_free(output, overwrite, kind, inputs)
    with resumed(output, plan, overwrite) as partial:
        grown = partial / 'lines.jsonl'
        done = _kept(grown, count, batch_size)
        rest = itertools.islice(passages, done, None)
        with open(grown, 'ab') as out, tqdm(total=count, initial=done, unit='passage', disable=None) as progress:
            while batch := list(itertools.islice(rest, batch_size)):
                lines = (json.dumps(line, ensure_ascii=False) + '\n' for line in lines_of(batch))
                out.write(''.join(lines).encode())
                out.flush()
                os.fsync(out.fileno())
                progress.update(len(batch))
        _atomic.publish(grown, output, _manifest.describe(kind, {'plan': plan, 'count': count}, inputs))
    return done


def _kept(path: Path, count: int, batch_size: int) -> int:
    """Cut a file to the lines of whole batches, so that the rest is made in the same batches; return their number."""
    ends = [0]
    if path.exists():
        with open(path, 'rb') as stream:
            for line in stream:
                if line.endswith(b'\n'):
                    ends.append(ends[-1] + len(line))
        done = len(ends) - 1
        done = done if done == count else done // batch_size * batch_size
        os.truncate(path, ends[done])
        return done
    return 0
