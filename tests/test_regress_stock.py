# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Pyserini's own 2CR files: what is read out of them, what is executed, what is said without a network."""

import shlex

import pytest
import yaml
from conftest import fails

from pyserini_tct._errors import TctError
from pyserini_tct.regress import _resources, _stock, load_spec
from pyserini_tct.regress.__main__ import main
from pyserini_tct.regress._command import words_of
from pyserini_tct.regress._spec import find_spec

STOCK = """\
conditions:
  - name: bm25
    command: python -m pyserini.search.lucene --index msmarco-v1-passage --topics $topics --output $output
    topics: [{topic_key: dl19-passage, eval_key: dl19-passage, scores: [{MAP: 0.3}]}]
  - name: tct
    display: "TCT"
    display-html: "<i>TCT</i>"
    command: >-
      python -m pyserini.search.faiss --threads ${dense_threads} --index my.tct_colbert --encoder me/tct
      --topics $topics --output $output
    topics:
      - topic_key: dl19-passage
        eval_key: dl19-passage
        scores:
          - MAP: 0.4469
            nDCG@10: 0.7204
            R@1K: 0.8261
"""


@pytest.fixture
def stock(tmp_path):
    path = tmp_path / 'msmarco-v1-passage.yaml'
    path.write_text(STOCK)
    return path


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('PYSERINI_CACHE', str(tmp_path))
    _resources.online.cache_clear()
    yield
    _resources.online.cache_clear()


def test_the_installed_pyserini_gives_its_tct_conditions():
    """Every TCT-ColBERT figure of the installed release, by its own numbers and under our names."""
    path = find_spec('pyserini:msmarco-v1-passage')
    raw = [one for one in yaml.safe_load(path.read_text())['conditions'] if 'tct_colbert' in one['command']]
    spec = load_spec(path)
    assert spec.stock
    assert [condition.name for condition in spec.conditions] == [one['name'] for one in raw]
    assert len(raw) >= 5
    for condition, one in zip(spec.conditions, raw, strict=True):
        for part, theirs in zip(condition.topics, one['topics'], strict=True):
            assert [pin.expected for pin in part.pins] == list(theirs['scores'][0].values())
            assert all(pin.source.startswith('Pyserini ') for pin in part.pins)


def test_our_files_pin_what_2cr_pins():
    """Guards against a slip in our transcript: the same figures, read from two places."""
    ours = {
        (f'{condition.name}-pytorch', part.topic_key): {pin.measure: pin.expected for pin in part.pins}
        for name in ('msmarco-v1-passage', 'dl19-passage', 'dl20-passage')
        for condition in load_spec(find_spec(name)).conditions
        for part in condition.topics
    }
    keys = {'msmarco-v1-passage.dev': 'msmarco-passage-dev-subset'}
    for condition in load_spec(find_spec('pyserini:msmarco-v1-passage')).conditions:
        for part in condition.topics:
            found = ours[condition.name, keys.get(part.topic_key, part.topic_key)]
            assert found.items() >= {pin.measure: pin.expected for pin in part.pins}.items(), condition.name


def test_the_command_is_unmodified_pyserini_on_our_jvm(stock):
    (condition,) = load_spec(stock).conditions
    words = words_of(condition.command, {'topics': 'dl19-passage', 'output': '/w o/run'})[1:]
    assert words == [
        *(
            '-m',
            'pyserini_tct',
            'run',
            '--stock',
            'pyserini.search.faiss',
            '--threads',
            '16',
            '--index',
            'my.tct_colbert',
        ),
        *('--encoder', 'me/tct', '--topics', 'dl19-passage', '--output', '/w o/run'),
    ]
    assert shlex.split(condition.command)[0] == 'python'
    assert (condition.requires.indexes, condition.requires.encoders) == (('my.tct_colbert',), ('me/tct',))


@pytest.mark.parametrize(
    ('eval_key', 'name', 'expected'),
    [
        ('msmarco-v1-passage.dev', 'MRR@10', 'RR@10'),
        ('msmarco-v1-passage.dev', 'R@1K', 'R@1000'),
        ('dl19-passage', 'MAP', 'AP(rel=2)'),
        ('dl20-passage', 'R@1K', 'R(rel=2)@1000'),
        ('dl20-passage', 'nDCG@10', 'nDCG@10'),
        ('msmarco-doc-dev', 'MRR@10', 'RR@100'),
        ('dl19-doc', 'MAP', 'AP@100'),
        ('dl19-doc', 'R@1K', 'R@1000'),
        ('dl21-passage', 'MAP@100', 'AP(rel=2)@100'),
        ('dl21-doc', 'MAP@100', 'AP@100'),
        ('msmarco-v2-passage-dev', 'MRR@100', 'RR@100'),
    ],
)
def test_measures_mean_what_2cr_computes(eval_key, name, expected):
    """As the trec_eval flags of pyserini/2cr/msmarco.py: for MAP and recall of DL passages, grades from 2 count."""
    assert _stock.measure(eval_key, name) == expected


def test_a_higher_score_is_drift_here_too(stock):
    from pyserini_tct.regress._matrix import verdict

    pin = load_spec(stock).conditions[0].topics[0].pins[0]
    assert [verdict(pin, score) for score in (0.4463, 0.4464, 0.4474, 0.4475)] == ['LOW', 'OK', 'OK', 'HIGH']


def test_without_a_network_each_row_says_so(stock, offline, capsys):
    assert main([str(stock)]) == 2
    text = capsys.readouterr().out
    assert 'could not run: the index my.tct_colbert is not on this machine and there is no network to fetch it' in text
    assert text.endswith('3 figures: 3 not run\n')


def test_a_run_made_elsewhere_is_scored(stock, tmp_path, monkeypatch, capsys):
    """Judgments come from Pyserini by name, in a process of their own; here a stand-in writes them."""
    from pyserini_tct.regress import _runner

    (tmp_path / 'qrels.txt').write_text('1 0 a 2\n1 0 b 1\n')
    (tmp_path / 'run.trec').write_text('1 Q0 b 1 2.0 t\n1 Q0 a 2 1.0 t\n')
    copy = 'import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])'
    fetch = _runner._fetch
    monkeypatch.setattr(
        _runner,
        '_fetch',
        lambda *args: fetch(*args)._replace(
            command='python -c $code $name $output', values={'code': copy, 'name': str(tmp_path / 'qrels.txt')}
        ),
    )
    assert main([str(stock), '--submission', str(tmp_path / 'run.trec')]) == 1
    assert '0.5000+' in capsys.readouterr().out  # MAP with grade 2 alone: the only relevant passage stands second


def test_its_pins_are_not_rewritten(stock, capsys):
    before = stock.read_text()
    assert "is Pyserini's own: its pins are not ours to rewrite" in fails(main, stock, '--accept', 'so', capsys=capsys)
    assert stock.read_text() == before


def test_other_files_are_refused(stock):
    with pytest.raises(TctError, match='has no 2CR file beirr: those with TCT-ColBERT are msmarco-v1-passage'):
        find_spec('pyserini:beirr')
    stock.write_text(STOCK[: STOCK.index('  - name: tct')])
    with pytest.raises(TctError, match='no TCT-ColBERT condition'):
        load_spec(stock)
    stock.write_text(STOCK.replace('topic_key', 'topics_key'))
    with pytest.raises(TctError, match=r"line 12: conditions: topics: the key 'topics_key' is unknown"):
        load_spec(stock)
