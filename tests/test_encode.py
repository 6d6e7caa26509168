# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Encoding: rows that belong together, shards, jobs that are killed or meet a full disk and go on, the command."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import TEXTS, clean_environment, fails, refusal, write_corpus

from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode.__main__ import main
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.models.student import Student
from pyserini_tct.vectors import VectorStore

DRIVER = """
import os, signal, sys
from pathlib import Path
from pyserini_tct.encode import TctColBertDocumentEncoder, _writer
from pyserini_tct.models.student import Student
corpus, output, model, where, n = sys.argv[1:]
owner, calls = Student if where == 'embed' else os, []
real = getattr(owner, where)
def die_at_n(*args):
    calls.append(args)
    if len(calls) == int(n):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
setattr(owner, where, die_at_n)
_writer.encode_corpus(corpus, Path(output), TctColBertDocumentEncoder(model, device='cpu'), shard_size=2)
"""


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertDocumentEncoder(tiny_student, device='cpu')


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def words(corpus, output, model, *more):
    return [
        str(word)
        for word in (
            'input',
            '--corpus',
            corpus,
            'output',
            '--embeddings',
            output,
            '--shard-size',
            2,
            'encoder',
            '--encoder',
            model,
            '--device',
            'cpu',
            *more,
        )
    ]


def test_rows_of_docids_texts_and_vectors_agree(corpus, tmp_path, encoder):
    """A shift by one row would give every hit its neighbour's text."""
    done = encode_corpus(corpus, tmp_path / 'v', encoder, shard_size=4)
    assert done[:4] == (6, 0, 0, 0)
    assert sorted(contents(tmp_path / 'v')) == [
        *('00000.docids', '00000.json', '00000.npy', '00001.docids', '00001.json', '00001.npy'),
        'texts.jsonl',
        'texts.offsets.npy',
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ['corpus.jsonl', 'v', 'v.manifest.json']
    store = VectorStore(tmp_path / 'v')
    docids, vectors = zip(*store.shards(verify=True), strict=True)
    assert (len(store), [*docids[0], *docids[1]]) == (6, list(TEXTS))
    assert [store.texts.contents(row) for row in range(6)] == list(TEXTS.values())
    alone = [encoder.encode([text])[0] for text in TEXTS.values()]
    np.testing.assert_allclose(np.concatenate(vectors), alone, atol=1e-6)


def test_shards_are_one_store(corpus, tmp_path, encoder):
    encode_corpus(corpus, tmp_path / 'one', encoder)
    encode_corpus(corpus, tmp_path / 'three', encoder, shard_size=2)
    one, three = (list(VectorStore(tmp_path / name).shards()) for name in ('one', 'three'))
    assert [docids for docids, _ in three] == [one[0][0][:2], one[0][0][2:4], one[0][0][4:]]
    np.testing.assert_allclose(np.concatenate([vectors for _, vectors in three]), one[0][1], atol=1e-6)
    assert (tmp_path / 'three' / 'texts.jsonl').read_bytes() == (tmp_path / 'one' / 'texts.jsonl').read_bytes()


@pytest.mark.parametrize(('where', 'n'), [('embed', 2), pytest.param('fsync', 7)])
def test_a_killed_job_goes_on_and_ends_in_the_same_bytes(corpus, tmp_path, encoder, tiny_student, capsys, where, n):
    """Doubled or lost passages at the seam would show up only as odd rankings."""
    encode_corpus(corpus, tmp_path / 'whole', encoder, shard_size=2)
    output = tmp_path / 'v'
    killed = subprocess.run(
        [sys.executable, '-c', DRIVER, corpus, output, tiny_student, where, str(n)],
        env=clean_environment(),
        check=False,
    )
    if killed.returncode != -signal.SIGKILL:
        raise RuntimeError(f'the driver was not killed: {killed.returncode}')
    assert not output.exists()
    assert 'is not finished: run the same encode command again' in refusal(build_flat, output, tmp_path / 'index')
    assert f'{output}.partial was left by a job with another' in refusal(
        encode_corpus, corpus, output, encoder, shard_size=3
    )
    done = encode_corpus(corpus, output, encoder, shard_size=2)
    assert (done.passages, done.reused) == (6, 2)
    assert '1 blocks with 2 passages are complete' in capsys.readouterr().err
    assert contents(output) == contents(tmp_path / 'whole')


def test_a_full_disk_at_any_moment_is_one_sentence_and_leaves_nothing_half_done(
    corpus, tmp_path, tiny_student, monkeypatch, capsys
):
    """The n-th flush fails for each n; the job started again ends in the same store, without a stray file."""
    flushes, real = [], os.fsync

    def flush(descriptor):
        flushes.append(descriptor)
        if len(flushes) == fail_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, 'fsync', flush)
    fail_at = 0
    main(words(corpus, tmp_path / 'whole', tiny_student))
    assert len(flushes) == 14  # plan, (texts, docids, vectors, record) of three shards, manifest
    for n in range(1, 15):
        output, fail_at = tmp_path / f'v{n}', n
        flushes.clear()
        found = fails(main, *words(corpus, output, tiny_student), capsys=capsys)
        assert found.startswith(f'error: {output}.')  # v.partial/00000.npy, say
        assert 'No space left on device: make room there or choose another place; no output was replaced' in found
        assert not [*tmp_path.glob(f'v{n}'), *tmp_path.glob(f'v{n}.manifest.json')]
        main(words(corpus, output, tiny_student))
        assert contents(output) == contents(tmp_path / 'whole')
        assert not list(tmp_path.glob('*.partial*'))


def test_an_existing_store_is_kept_unless_overwritten(corpus, tmp_path, encoder):
    output = tmp_path / 'v'
    encode_corpus(corpus, output, encoder)
    assert f'{output} exists: choose another output' in refusal(encode_corpus, corpus, output, encoder)
    write_corpus(corpus, {'d9': 'ice'})
    assert encode_corpus(corpus, output, encoder, overwrite=True).passages == 1
    assert [docids for docids, _ in VectorStore(output).shards(verify=True)] == [['d9']]
    assert sorted(p.name for p in tmp_path.iterdir()) == ['corpus.jsonl', 'v', 'v.manifest.json']


def test_a_broken_line_leaves_no_store_and_a_mended_corpus_is_another(corpus, tmp_path, tiny_student, capsys):
    """Shards of the broken corpus must not slip into the store of the mended one."""
    lines = corpus.read_text().splitlines(keepends=True)
    corpus.write_text(''.join([*lines[:4], '{"id": \n', *lines[4:]]))
    output = tmp_path / 'v'
    assert f'{corpus}: line 5 is not valid JSON' in fails(main, *words(corpus, output, tiny_student), capsys=capsys)
    assert not output.exists()
    corpus.write_text(''.join(lines))
    assert 'another corpus, encoder or settings' in fails(main, *words(corpus, output, tiny_student), capsys=capsys)
    main(words(corpus, output, tiny_student, 'output', '--overwrite'))
    assert '6 passages, 32 dimensions' in capsys.readouterr().out


def test_a_refused_setting_leaves_nothing_in_the_way(corpus, tmp_path, encoder):
    assert 'fp16 needs a GPU' in refusal(encode_corpus, corpus, tmp_path / 'v', encoder, fp16=True)
    assert encode_corpus(corpus, tmp_path / 'v', encoder).passages == 6


def test_empty_long_and_foreign_passages(tmp_path, tiny_student, capsys):
    """An empty passage is a zero vector that is told of; a long one is cut; texts come back letter by letter."""
    foreign = 'naïve 北京 😀\u2028line'
    texts = {'empty': '', 'long': 'ice ' * 10_000, 'cut': 'ice ' * 150, 'foreign': foreign, 'blank': ' '}
    main(words(write_corpus(tmp_path / 'c.jsonl', texts), tmp_path / 'v', tiny_student))
    error = capsys.readouterr().err
    assert '2 passages have no text; their vectors are zero' in error
    assert '1 passages were cut at the passage length' in error
    store = VectorStore(tmp_path / 'v')
    vectors = dict(zip(texts, np.concatenate([vectors for _, vectors in store.shards()]), strict=True))
    assert [name for name in texts if not vectors[name].any()] == ['empty', 'blank']
    np.testing.assert_allclose(vectors['long'], vectors['cut'], atol=1e-6)
    assert [store.texts.contents(row) for row in range(5)] == list(texts.values())


def test_nan_vectors_are_refused_with_the_docid(corpus, tmp_path, encoder, monkeypatch):
    """NaN in an index makes every comparison false: that passage, or all, would vanish from the hits."""

    def embed(self, rows, *_):
        return np.where(np.arange(len(rows))[:, None] == 2, np.nan, np.ones((len(rows), 32), np.float32))

    monkeypatch.setattr(Student, 'embed', embed)
    assert 'the vector of d3 is not finite' in refusal(encode_corpus, corpus, tmp_path / 'v', encoder)
    assert not (tmp_path / 'v').exists()


def test_the_command_takes_titles_and_pyserinis_groups(tmp_path, tiny_student, encoder):
    """`--fields` stands in the input group or, as in Pyserini's examples, in the encoder group."""
    (tmp_path / 'c.jsonl').write_text('{"id": "a", "contents": "title; slow ice"}\n')
    for name, group in (('v1', 'input'), ('v2', 'encoder')):
        main(
            [
                *words(tmp_path / 'c.jsonl', tmp_path / name, tiny_student),
                'input',
                '--delimiter',
                '; ',
                group,
                '--fields',
                'title',
                'text',
            ]
        )
        assert VectorStore(tmp_path / name).texts.contents(0) == 'title\nslow ice'
        vectors = next(VectorStore(tmp_path / name).shards())[1]
        np.testing.assert_allclose(vectors, encoder.encode(['slow ice'], titles=['title']), atol=1e-6)


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['input', '--fields', 'url'], '--fields url is unknown'),
        (['--encoder', 'none'], 'none'),
        (['--tokenizer', 'none'], 'none'),
        (['--max-length', 4], 'the passage length 4 is outside 5..192'),
        (['--device', 'tpu7'], "device 'tpu7'"),
        (['--fp16'], 'fp16 needs a GPU'),
        (['input', '--corpus', 'none.jsonl'], 'none.jsonl does not exist'),
    ],
)
def test_the_command_refuses(corpus, tmp_path, tiny_student, monkeypatch, capsys, more, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails(main, *words(corpus, tmp_path / 'v', tiny_student, *more), capsys=capsys)
    assert not (tmp_path / 'v').exists()


def test_help_shows_the_three_groups(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(['--help'])
    assert exit_info.value.code == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith('usage: ')][1:] == [
        'input',
        'output',
        'encoder',
    ]
