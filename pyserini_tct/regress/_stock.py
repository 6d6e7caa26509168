# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Pyserini's own 2CR files: their TCT-ColBERT conditions as they stand, judged both ways.

The commands run unmodified Pyserini modules (``python -m pyserini_tct run --stock``), with the threads and batches that
``pyserini/2cr/msmarco.py`` gives them; its measures are spelled as ir_measures spells them.
"""

import importlib.util
import itertools
import shlex
from importlib import metadata
from pathlib import Path
from string import Template

from pyserini_tct._errors import TctError
from pyserini_tct._yaml import Entry
from pyserini_tct.regress._command import OUTPUT, TOPICS, check_command
from pyserini_tct.regress._places import PYSERINI
from pyserini_tct.regress._records import Condition, Evaluation, Pin, Requires, Spec, Topics

SETTINGS = {'dense_threads': '16', 'dense_batch_size': '512', 'sparse_threads': '16', 'sparse_batch_size': '128'}
TOLERANCE = 0.0005  # of 2CR's own verdict, which lets any higher score pass
# 2CR's exceptions: this score differs between Linux and a Mac.
LOOSER = {('tct_colbert-v2-hnp-avg-prf-pytorch', 'dl20-passage', 'nDCG@10'): 0.0009}
MODULE, RUN = 'python -m pyserini.', 'python -m pyserini_tct run --stock pyserini.'


def find(name: str) -> Path:
    """Return a 2CR file of the installed Pyserini.

    Raises:
        TctError: Pyserini is not installed or has no such file.
    """
    spec = importlib.util.find_spec('pyserini')
    homes = [Path(root) / '2cr' for root in (spec.submodule_search_locations or ())] if spec else []
    known = sorted(file for home in homes for file in home.glob('*.yaml'))
    for file in known:
        if name in (file.stem, file.name):
            return file
    names = ', '.join(file.stem for file in known if 'tct_colbert' in file.read_text(encoding='utf-8'))
    raise TctError(f'the installed Pyserini has no 2CR file {name}: those with TCT-ColBERT are {names or "none"}')


def is_stock(document: Entry) -> bool:
    """Tell whether a file is in the form of 2CR's: nothing but conditions."""
    return document.is_mapping() and list(document.pairs()) == ['conditions']


def read(document: Entry) -> Spec:
    """Return the TCT-ColBERT conditions of a 2CR file.

    Raises:
        TctError: there is none, or the grammar is another one.
    """
    source = _source(document.path)
    topics: dict[str, Topics] = {}
    conditions = []
    for entry in document.pairs()['conditions'].items():
        fields = entry.pairs()
        if 'topics' not in fields or 'tct_colbert' not in fields['command'].text():
            continue
        name = fields['name'].text()
        command = Template(fields['command'].text()).safe_substitute(SETTINGS)
        command = RUN + command.removeprefix(MODULE) if command.startswith(MODULE) else command
        check_command(fields['command'].with_text(command), (TOPICS, OUTPUT))
        parts = []
        for item in fields['topics'].items():
            found = item.table(('topic_key', 'eval_key', 'scores'))
            topic_key, eval_key = found['topic_key'].text(), found['eval_key'].text()
            for key in (topic_key, eval_key):
                topics[key] = Topics(PYSERINI + key, PYSERINI + key)
            parts.append(Evaluation(topic_key, eval_key, _pins(found['scores'], name, eval_key, source), None))
        display = fields['display'].text() if 'display' in fields else name
        conditions.append(Condition(name, display, command, (), tuple(parts), _requires(command)))
    if not conditions:
        document.fail("no TCT-ColBERT condition in the grammar of 2CR's MS MARCO files is here: choose another file")
    return Spec(document.path, document.path.stem, {}, topics, (), tuple(conditions), stock=True)


def measure(eval_key: str, name: str) -> str:
    """Return what 2CR means by a measure on a set of judgments.

    >>> measure('dl19-passage', 'MAP'), measure('msmarco-v1-passage.dev', 'R@1K')
    ('AP(rel=2)', 'R@1000')
    """
    graded = '(rel=2)' if eval_key.startswith('dl') and 'passage' in eval_key else ''
    first_100 = '@100' if eval_key in ('dl19-doc', 'dl20-doc') else ''
    if eval_key == 'msmarco-doc-dev' and name == 'MRR@10':
        return 'RR@100'  # so 2CR's own command computes it
    known = {'MAP': f'AP{graded}{first_100}', 'MAP@100': f'AP{graded}@100', 'R@1K': f'R{graded}@1000'}
    return known.get(name, name.replace('MRR@', 'RR@'))


def _pins(entry: Entry, condition: str, eval_key: str, source: str) -> tuple[Pin, ...]:
    pins = []
    for scores in entry.items():
        for name, value in scores.pairs().items():
            tolerance = LOOSER.get((condition, eval_key, name), TOLERANCE)
            pins.append(Pin(measure(eval_key, name), value.number(), tolerance, source))
    return tuple(pins)


def _requires(command: str) -> Requires:
    words = itertools.pairwise(shlex.split(command))
    found = [(flag, value) for flag, value in words if flag in ('--index', '--encoder')]
    return Requires(
        indexes=tuple(value for flag, value in found if flag == '--index'),
        encoders=tuple(value for flag, value in found if flag == '--encoder'),
    )


def _source(path: Path) -> str:
    try:
        version = metadata.version('pyserini')
    except metadata.PackageNotFoundError:
        version = '(not installed)'
    return f'Pyserini {version}, 2cr/{path.name}'
