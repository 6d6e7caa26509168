# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML document whose every value knows its line and its place, so that a mistake in it can be named.

Only YAML's safe node graph is read: no tag ever builds an object.
"""

import datetime
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from pyserini_tct._errors import TctError


class Entry(NamedTuple):
    """A value inside a YAML file; each method asks for one type and complains with file, line and place."""

    path: Path
    line: int
    place: str
    node: Any

    def fail(self, sentence: str) -> NoReturn:
        """Raise :class:`TctError` for this value."""
        where = f'{self.place}: ' if self.place else ''
        raise TctError(f'{self.path}: line {self.line}: {where}{sentence}')

    def named(self, name: str) -> 'Entry':
        """Return the same value under a place that says more, for example ``condition bm25``."""
        return self._replace(place=name)

    def with_text(self, text: str) -> 'Entry':
        """Return another text at the same place."""
        import yaml

        return self._replace(node=yaml.ScalarNode('tag:yaml.org,2002:str', text))

    def pairs(self) -> dict[str, 'Entry']:
        """Return a mapping with free keys; a key may not stand twice (plain YAML keeps the last in silence)."""
        if self.node.id != 'mapping':
            self.fail('`key: value` lines are needed here')
        found: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = self._replace(node=key_node, line=_line(key_node))
            name = key.text()
            if name in found:
                key.fail(f'the key {name!r} stands here twice: remove one')
            found[name] = Entry(self.path, key.line, f'{self.place}: {name}' if self.place else name, value_node)
        return found

    def table(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, 'Entry']:
        """Return a mapping with fixed keys."""
        required = tuple(required)
        allowed = (*required, *optional)
        found = self.pairs()
        for key, value in found.items():
            if key not in allowed:
                value._replace(place=self.place).fail(f'the key {key!r} is unknown: use one of {", ".join(allowed)}')
        for key in required:
            if key not in found:
                self.fail(f'the key {key!r} is missing: add it')
        return found

    def items(self) -> list['Entry']:
        """Return the items of a list."""
        if self.node.id != 'sequence':
            self.fail('a list is needed here, each item after a `- `, or [in, brackets]')
        return [self._replace(node=node, line=_line(node)) for node in self.node.value]

    def is_mapping(self) -> bool:
        """Tell whether `key: value` lines stand here."""
        return bool(self.node.id == 'mapping')

    def scalar(self) -> Any:
        """Return a string, number, truth value, date or ``None``."""
        import yaml

        if self.node.id != 'scalar':
            self.fail('a single value is needed here')
        try:
            return yaml.constructor.SafeConstructor().construct_object(self.node)
        except (yaml.YAMLError, ValueError) as error:
            self.fail(f'{self.node.value!r} is not a plain value ({str(error).splitlines()[0]}): put it in quotes')

    def text(self) -> str:
        """Return a string that is not blank and holds no NUL."""
        value = self.scalar()
        if not isinstance(value, str):
            self.fail(f'{self.node.value or "nothing"} is no text: put it in quotes')
        if not value.strip():
            self.fail('the text is blank: give it a value')
        if '\0' in value:  # no path and no argument of a command can hold it
            self.fail('the text holds a NUL character: remove it')
        return value

    def number(self) -> float:
        """Return a number; YAML 1.1 reads ``1e-3`` as text, ``1.0e-3`` as a number."""
        value = self.scalar()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.fail(f'{self.node.value!r} is no number: write it like 0.5 or 1.0e-3')
        return float(value)

    def not_negative(self) -> float:
        """Return a number of at least 0."""
        value = self.number()
        if value < 0:
            self.fail(f'{value:g} is below 0: a number of at least 0 is needed')
        return value

    def whole(self, least: int | None = None) -> int:
        """Return a whole number of at least ``least``."""
        value = self.scalar()
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f'{self.node.value!r} is no whole number')
        if least is not None and value < least:
            self.fail(f'a whole number of at least {least} is needed')
        return value

    def date(self) -> str:
        """Return a day as ``2026-01-31``, which plain YAML reads as a date, in quotes as a text."""
        value = self.scalar()
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value.isoformat()
        try:
            day = datetime.date.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            day = ''
        if day != value:  # other forms of ISO 8601 are no plain day
            self.fail(f'{self.node.value!r} is no day: write it like 2026-01-31')
        return day

    def truth(self) -> bool:
        """Return ``true`` or ``false``."""
        value = self.scalar()
        if not isinstance(value, bool):
            self.fail(f'{self.node.value!r} is neither true nor false')
        return value


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def load(path: Path, content: str) -> Entry:
    """Read a YAML file.

    Args:
        path: the file.
        content: what it should hold, for the message that it is empty.

    Raises:
        TctError: the file is missing, empty or no YAML; the line is named.
    """
    import yaml

    try:
        node = yaml.compose(path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise TctError(f'{path} does not exist: check the path') from error
    except UnicodeDecodeError as error:
        raise TctError(f'{path} is not UTF-8: convert the file to UTF-8') from error
    except RecursionError as error:
        raise TctError(f'{path} is nested too deeply to be read: flatten it') from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TctError(f'{path}: line {line} is not valid YAML ({error.problem}): correct it') from error
    except yaml.YAMLError as error:
        raise TctError(f'{path} is not valid YAML ({str(error).splitlines()[0]}): correct it') from error
    if node is None:
        raise TctError(f'{path} is empty: {content} is needed')
    return Entry(path, _line(node), '', node)
