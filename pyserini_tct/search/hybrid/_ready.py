# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A run made before as one side of a hybrid search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, rank, read_run


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
        """Say how the queries searched so far and those of the run differ."""
        absent, unused = len(self._asked - self._run.keys()), len(self._run.keys() - self._asked)
        told = []
        if absent:
            told.append(f'{absent} of {len(self._asked)} topics are not in {self.path}')
        if unused:
            told.append(f'{unused} queries of {self.path} are no topics, they are ignored')
        return told
