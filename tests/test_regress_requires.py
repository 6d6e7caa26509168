# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a machine lacks is a row of its own, said before anything is started; choosing rows; submissions."""

import pytest
from conftest import fails
from flaky_server import serving
from tiny_regression import RUN, edit, outcome

from pyserini_tct.prebuilt import Entry, _registry, find
from pyserini_tct.regress import _resources
from pyserini_tct.regress.__main__ import main

TWO = """\
  - name: second
    command: python $search $second_index $topics $found $output
    uses: [second_index]
    requires: {modules: [no_such_module]}
    topics: [{topic_key: tiny-test, scores: [{RR@10: 0.75}]}, {topic_key: other, scores: [{RR@10: 0.75}]}]
"""


@pytest.fixture
def two(place):
    """Two conditions, of which the second lacks a module; two sets of queries."""
    edit(
        place,
        '  - name: never_used\n',
        '  - name: second_index\n    command: python $build $corpus $output\n  - name: never_used\n',
    )
    edit(place, 'conditions:\n', 'conditions:\n' + TWO)
    edit(place, 'topics:\n', 'topics:\n  other: {topics: topics.tsv, qrels: qrels.txt}\n')
    return place


def reason(place):
    """Why nothing could run; the commands would fail if they were started."""
    found, code, rows = outcome(place)
    assert (set(found.values()), code) == ({'not run'}, 2)
    assert 'search.py' in rows[0].commands[-1]  # shown, but not executed
    return rows[0].detail


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A machine without a network whose caches are empty."""
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('PYSERINI_CACHE', str(tmp_path / 'cache'))
    _resources.online.cache_clear()
    yield tmp_path / 'cache'
    _resources.online.cache_clear()


def test_a_missing_index_or_encoder_is_named(place, offline):
    edit(place, '[json]', '{index: [msmarco-v1-passage.tct_colbert]}')
    assert reason(place) == (
        'the index msmarco-v1-passage.tct_colbert is not on this machine and there is no network to fetch it: '
        'connect once'
    )
    edit(place, '{index: [msmarco-v1-passage.tct_colbert]}', '{encoder: [nobody/no-such-model]}')
    assert reason(place).startswith('the encoder nobody/no-such-model is not on this machine and there is no network')


def test_an_index_in_the_cache_needs_no_network(place, offline):
    names = ['msmarco-v1-passage', 'msmarco-v1-passage.tct_colbert', 'msmarco-v1-passage.tct_colbert.hnsw', 'other.x']
    edit(place, '[json]', f'{{index: [{", ".join(names)}], disk: 900000 TB}}')
    folders = [find(name).target.name for name in names[:3]] + [f'faiss-flat.other.x.20210112.be7119.{"a" * 32}']
    for name, folder in reversed(list(zip(names, folders, strict=True))):
        assert f'the index {names[0]} is not' in reason(place)
        assert _resources.cached_index(name) is None  # the folders of longer names are there: kind.NAME.more.date.MD5
        (offline / 'indexes' / f'.{folder}.1.partial').mkdir(parents=True)
        assert _resources.cached_index(name) is None
        (offline / 'indexes' / folder).mkdir()
    assert outcome(place)[1] == 0  # and no disk


@pytest.mark.usefixtures('prebuilt_folders')
def test_the_server_that_offers_it_is_asked(place, offline, monkeypatch):
    """Guards against `no network` where only the hub is out of reach, or a mirror takes its place."""
    monkeypatch.delenv('HF_HUB_OFFLINE')
    monkeypatch.setenv('HF_ENDPOINT', 'http://127.0.0.1:9')  # nobody listens there
    with serving() as server:
        _registry.write_added({'mine': Entry('mine', 'faiss', urls=(server.url('/x.tar'),), md5='0' * 32, added=True)})
        edit(place, '[json]', '{index: [mine]}')
        assert outcome(place)[1] == 0
        edit(place, '{index: [mine]}', '{encoder: [nobody/no-such-model]}')
        assert 'nobody/no-such-model is not on this machine and there is no network' in reason(place)
        monkeypatch.setenv('HF_ENDPOINT', server.url(''))
        assert outcome(place)[1] == 0


def test_what_is_made_here_needs_no_network(place, offline):
    edit(place, '[json]', '{index: [pocket], encoder: [tct_colbert-pocket-untrained]}')
    assert outcome(place)[1] == 0


def test_too_little_disk_or_memory(place):
    edit(place, '[json]', '{disk: 900000 TB}')
    assert reason(place).startswith('9e+08 GB of disk are needed, ')
    edit(place, 'disk', 'memory')
    assert reason(place).startswith('9e+08 GB of memory are needed, this machine has ')


def test_data_behind_a_variable(place, monkeypatch):
    edit(place, 'corpus: corpus.jsonl', 'corpus: env:TINY_DATA/corpus.jsonl')
    edit(place, 'qrels: qrels.txt', 'qrels: env:TINY_DATA/qrels.txt')
    monkeypatch.delenv('TINY_DATA', raising=False)
    assert reason(place) == (
        'the environment variable TINY_DATA is not set: set it to the folder that has corpus.jsonl'
    )
    monkeypatch.setenv('TINY_DATA', str(place / 'no-such-folder'))
    assert reason(place) == f'{place / "no-such-folder" / "corpus.jsonl"} does not exist: check TINY_DATA'
    monkeypatch.setenv('TINY_DATA', str(place))
    assert outcome(place)[1] == 0


def test_data_that_no_command_uses_may_be_missing(place):
    edit(place, 'data:\n', 'data:\n  unused: no-such-file\n')
    assert outcome(place)[1] == 0


# --- choosing ---


def labels(capsys):
    return [line.split(' …')[0] for line in capsys.readouterr().err.splitlines() if ' … ' in line]


def test_only_runnable_leaves_the_others_out(two, capsys):
    assert main([str(two / 'spec.yaml')]) == 2
    assert labels(capsys) == ['tiny_index', 'tiny tiny-test']  # nothing of the second is built
    assert main([str(two / 'spec.yaml'), '--only-runnable']) == 0
    printed = capsys.readouterr()
    why = 'left out: the Python module no_such_module is not installed\n  second tiny-test\n  second other\n'
    assert printed.err.startswith(why)
    assert printed.out.endswith('3 figures: 3 OK\n')
    assert main([str(two / 'spec.yaml'), '--only-runnable', '--condition', 'second']) == 2  # nothing is no success
    assert capsys.readouterr() == ('nothing of this can run here\n', why)


def test_topics_are_chosen(two, capsys):
    edit(two, '[no_such_module]', '[json]')
    assert main([str(two / 'spec.yaml'), '--topics', 'other', '--jobs', '2']) == 0
    assert sorted(labels(capsys)) == ['second other', 'second_index']
    assert 'has no topic_key dev: use one of other, tiny-test' in fails(
        main, two / 'spec.yaml', '--topics', 'dev', capsys=capsys
    )
    assert 'pins nothing for these conditions on these topics' in fails(
        main, two / 'spec.yaml', '--topics', 'other', '--condition', 'tiny', capsys=capsys
    )


def test_list_says_what_cannot_run_and_how_long_it_takes(two, capsys):
    edit(two, '[no_such_module]', '[no_such_module], minutes: 40')
    assert main([str(two / 'spec.yaml'), '--list']) == 0
    assert capsys.readouterr().out.splitlines() == [
        'second  second (about 40 min)',
        '        tiny-test, other cannot run here: the Python module no_such_module is not installed',
        'tiny    Tiny (k1=0.9)',
    ]


# --- submissions ---


def test_a_submission_is_scored_and_nothing_is_run(two, capsys):
    (two / 'search.py').write_text('raise SystemExit("must not run")')
    (two / 'mine.trec').write_text(RUN)
    words = [str(two / 'spec.yaml'), '--condition', 'tiny', '--submission', str(two / 'mine.trec')]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith('3 figures: 3 OK\n')
    (two / 'mine.trec').write_text('1 Q0 a 1 1.0 t\n')
    assert main(words) == 1
    assert labels(capsys) == []


def test_a_submission_is_compared_with_the_pinned_run(two, capsys):
    assert main([str(two / 'spec.yaml'), '--condition', 'tiny', '--accept', 'the first state']) == 0
    (two / 'mine.trec').write_text(RUN.replace('Q0 b', 'Q0 c').replace('2 Q0 a', '2 Q0 e'))
    capsys.readouterr()
    assert main([str(two / 'spec.yaml'), '--condition', 'tiny', '--submission', str(two / 'mine.trec')]) == 1
    text = capsys.readouterr().out
    assert (
        'differs from the pinned run in top-k (the top 10 of 2 of 2 queries looked at, first 1; mean overlap 0.250)'
        in text
    )
    assert 'first stage' not in text  # nothing is known of how it was made


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ([], 'needs one condition: name one of second, tiny with --condition'),
        (['--condition', 'second'], 'needs one set of queries: name one of tiny-test, other with --topics'),
        (['--condition', 'tiny', '--accept', 'mine is better'], 'leave --accept, --work and --list out'),
        (['--condition', 'tiny'], 'mine.trec does not exist'),
    ],
)
def test_a_submission_needs_one_place(two, capsys, words, message):
    assert message in fails(main, two / 'spec.yaml', '--submission', two / 'mine.trec', *words, capsys=capsys)
