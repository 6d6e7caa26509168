# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Whole commands: Pyserini's unmodified search on our artefacts, the hybrid of our runs, names that are not here."""

import pytest
from conftest import command

from pyserini_tct.fusion import interpolate
from pyserini_tct.runs import read_run


@pytest.mark.parametrize('flags', [['--stock'], []], ids=['stock classes', 'our classes'])
def test_unmodified_search_command_reads_our_artefacts(flags, tiny_index, tiny_student, topics, tmp_path):
    """Pyserini's search.faiss, its code untouched, gives our run from our index and checkpoint."""
    done = command(
        'pyserini_tct',
        'run',
        *flags,
        'pyserini.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--encoder-class',
        'tct_colbert',
        '--topics',
        topics,
        '--output',
        'stock.trec',
        '--hits',
        6,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours = command(
        'pyserini_tct.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--topics',
        topics,
        '--output',
        'ours.trec',
        '--hits',
        6,
        cwd=tmp_path,
    )
    assert ours.returncode == 0, ours.stderr
    expected, found = read_run(tmp_path / 'stock.trec'), read_run(tmp_path / 'ours.trec')
    # Pyserini turns the id 007 into the number 7.
    assert list(expected) == ['7', '8', '9']
    assert list(found) == ['007', '8', '9']
    for theirs, mine in zip(expected.values(), found.values(), strict=True):
        assert list(theirs) == list(mine)
        assert list(theirs.values()) == pytest.approx(list(mine.values()), abs=1e-4)


def test_hybrid_command_equals_its_parts(tiny_index, tiny_student, bm25_index, topics, tmp_path):
    dense = ['--index', tiny_index, '--encoder', tiny_student]
    run = ['--topics', topics, '--hits', 6]
    for words in (
        ['search.faiss', *dense, *run, '--output', 'd'],
        ['search.lucene', '--index', bm25_index, *run, '--output', 's'],
        [
            'search.hybrid',
            'dense',
            *dense,
            'sparse',
            '--index',
            bm25_index,
            'fusion',
            '--alpha',
            '0.3',
            'run',
            *run,
            '--output',
            'run',
        ],
    ):
        done = command(f'pyserini_tct.{words[0]}', *words[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    d, s, h = (read_run(tmp_path / name) for name in ('d', 's', 'run'))
    for qid in h:
        expected = interpolate(d[qid], s.get(qid, {}), 0.3)
        assert list(h[qid]) == [hit.docid for hit in expected]
        assert list(h[qid].values()) == pytest.approx([hit.score for hit in expected], abs=2e-6)


@pytest.mark.parametrize(
    ('module', 'flags'),
    [
        (
            'pyserini_tct.search.faiss',
            ['--encoder', 'castorini/tct_colbert-v2-hnp-msmarco', '--index', 'msmarco-v1-passage.tct_colbert-v2-hnp'],
        ),
        ('pyserini_tct.search.lucene', ['--index', 'msmarco-v1-passage']),
        ('pyserini_tct.search.lucene', ['--index', 'no-such-index']),
    ],
)
def test_published_names_fail_clearly_without_a_network(module, flags, topics, tmp_path):
    """Stock prints a line and exits with 0, so a script goes on with no run."""
    proxy = 'http://127.0.0.1:9'
    done = command(
        module,
        *flags,
        '--topics',
        topics,
        '--output',
        tmp_path / 'run',
        PYSERINI_CACHE=str(tmp_path / 'cache'),
        HTTPS_PROXY=proxy,
        HTTP_PROXY=proxy,
        https_proxy=proxy,
        http_proxy=proxy,
    )
    assert done.returncode == 2
    assert sum(line.startswith('error: ') for line in done.stderr.splitlines()) == 1, done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'run').exists()


def test_topics_that_are_no_file_and_no_name(tiny_index, tiny_student, tmp_path):
    done = command(
        'pyserini_tct.search.faiss',
        '--index',
        tiny_index,
        '--encoder',
        tiny_student,
        '--topics',
        'nope.tsv',
        '--output',
        tmp_path / 'run',
    )
    assert done.returncode == 2
    assert 'nope.tsv is no file here' in done.stderr.splitlines()[-1]
