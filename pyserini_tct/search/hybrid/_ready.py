# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A run made before as one side of a hybrid search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, notes_on, rank, read_run
from pyserini_tct.search._arguments import differences


class ReadyRun:
    """A run file with the interface of a searcher; it knows queries by their ids.

    Args:
        path: run in TREC or MS MARCO format.

    Raises:
        TctError: the file is malformed.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._run = path, read_run(path)
        self._asked: set[str] = set()

    def search(self, query: str, k: int = 10) -> Any:
        """Refuse: a run knows the ids of its queries, not their texts.

        Raises:
            TctError: always.
        """
        raise TctError(f'{self.path} knows queries by their ids: use batch_search')

    def batch_search(
        self, queries: Sequence[str], q_ids: Sequence[str], k: int = 10, threads: int = 1
    ) -> dict[str, list[Hit]]:
        """Return ``{qid: hits}``: the ``k`` best of each list, none for a query that the run lacks."""
        self._asked.update(q_ids)
        return {qid: rank(self._run.get(qid, {}), k) for qid in q_ids}

    def notes(self) -> list[str]:
        """Say how the queries searched so far and those of the run differ, and what is odd about the run."""
        return differences(self.path, self._run.keys(), self._asked) + notes_on(self.path, self._run)
