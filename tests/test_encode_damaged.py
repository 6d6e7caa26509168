# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged stores, unfinished or finished: what is sound stays, the rest is done again, in the same bytes."""

import json

import pytest
from conftest import PASSAGES, fails, refusal, write_corpus
from test_encode import contents, words

from pyserini_tct.encode import TctColBertDocumentEncoder, _blocks, _writer
from pyserini_tct.encode.__main__ import main
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.models.student import Student


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertDocumentEncoder(tiny_student, device='cpu')


@pytest.fixture
def encoded(monkeypatch):
    """The texts encoded in each call of the model."""
    calls, real = [], Student.embed
    monkeypatch.setattr(Student, 'embed', lambda self, rows, *rest: calls.append(len(rows)) or real(self, rows, *rest))
    return calls


def stop(monkeypatch, after, *arguments, **options):
    """Encode, with a disk that is full after so many blocks."""
    real, written = _blocks.write, []

    def write(*block):
        if len(written) == after:
            raise OSError('the disk is full')
        written.append(block)
        real(*block)

    with monkeypatch.context() as patch:
        patch.setattr(_writer._blocks, 'write', write)
        with pytest.raises(OSError, match='full'):
            encode_corpus(*arguments, shard_size=2, **options)


def flip(file):
    """Change two bytes at the end."""
    file.write_bytes(file.read_bytes()[:-2] + b'\x01\x02')


def recount(file):
    """Have a record tell a wrong count."""
    file.write_text(json.dumps({**json.loads(file.read_text()), 'count': 7}, indent=2) + '\n')


DAMAGES = [('.npy', flip), ('.docids', flip), ('.json', lambda file: file.write_text('{"na')), ('.json', recount)]


@pytest.mark.parametrize(('suffix', 'damage'), DAMAGES)
def test_only_a_damaged_block_is_done_again(
    long_corpus, tmp_path, encoder, monkeypatch, encoded, capsys, suffix, damage
):
    """Days of work after the damaged block would be thrown away."""
    encode_corpus(long_corpus, tmp_path / 'whole', encoder, shard_size=2)
    output = tmp_path / 'v'
    stop(monkeypatch, 5, long_corpus, output, encoder)
    damaged = tmp_path / 'v.partial' / f'00001{suffix}'
    damage(damaged)
    encoded.clear()
    stop(monkeypatch, 0, long_corpus, output, encoder)  # once more, before the block is written
    assert f'{damaged} is damaged: its block is done again' in capsys.readouterr().err
    assert encode_corpus(long_corpus, output, encoder, shard_size=2).reused == 8
    assert encoded == [2, 2, 1]
    assert contents(output) == contents(tmp_path / 'whole')


def test_a_damaged_block_of_a_shard_and_its_texts(long_corpus, tmp_path, encoder, monkeypatch, encoded):
    options = {'shard_id': 1, 'shard_num': 2}
    encode_corpus(long_corpus, tmp_path / 'whole', encoder, shard_size=2, **options)
    stop(monkeypatch, 2, long_corpus, tmp_path / 'v', encoder, **options)
    flip(tmp_path / 'v.partial' / '00001.npy')
    (tmp_path / 'v.partial' / 'texts.jsonl').write_text('')
    encoded.clear()
    assert encode_corpus(long_corpus, tmp_path / 'v', encoder, shard_size=2, **options).reused == 2
    assert encoded == [2, 1]
    assert contents(tmp_path / 'v') == contents(tmp_path / 'whole')


def test_a_damaged_plan(long_corpus, tmp_path, tiny_student, encoder, monkeypatch, capsys):
    stop(monkeypatch, 5, long_corpus, tmp_path / 'v', encoder)
    plan = tmp_path / 'v.partial.plan.json'
    plan.write_text('')
    given = words(long_corpus, tmp_path / 'v', tiny_student)
    found = fails(main, *given, capsys=capsys)
    assert f'{plan} is damaged, no one knows what the job was: add --overwrite to start anew' in found
    assert len(list((tmp_path / 'v.partial').glob('*.npy'))) == 5
    main([*given, 'output', '--overwrite'])
    assert '11 passages' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['00001.npy', '00005.docids', 'texts.jsonl'])
def test_a_damaged_store_names_the_remedy_that_mends_it(long_corpus, tmp_path, encoder, encoded, capsys, name):
    output = tmp_path / 'v'
    encode_corpus(long_corpus, output, encoder, shard_size=2)
    before = contents(output)
    file = output / name
    flip(file)
    remedy = 'run the same encode command with --overwrite'
    assert f'{file} is damaged (its checksum differs from the manifest): {remedy}' in refusal(
        build_flat, output, tmp_path / 'index'
    )
    capsys.readouterr()
    encoded.clear()
    encode_corpus(long_corpus, output, encoder, shard_size=2, overwrite=True)
    assert f'{name} is damaged: ' in capsys.readouterr().err
    assert encoded == {'00001.npy': [2], '00005.docids': [1], 'texts.jsonl': []}[name]
    assert contents(output) == before
    assert build_flat(output, tmp_path / 'index') == 11
    assert not list(tmp_path.glob('*partial*'))


def test_nothing_of_another_job_is_taken_over(long_corpus, tmp_path, encoder, monkeypatch, encoded):
    """A sound store is made anew; so is a damaged one of another corpus or another torch."""
    output = tmp_path / 'v'
    encode_corpus(long_corpus, output, encoder, shard_size=2)
    every = [2, 2, 2, 2, 2, 1]

    def again(length=None):
        encoded.clear()
        encode_corpus(long_corpus, output, encoder, shard_size=2, overwrite=True, max_length=length)
        return encoded

    assert again() == every
    flip(output / '00001.npy')
    assert again(length=20) == every
    flip(output / '00001.npy')
    monkeypatch.setattr('pyserini_tct._env.versions', lambda: {'torch': '1.0'})
    assert again(length=20) == every
    flip(output / '00001.npy')
    write_corpus(long_corpus, {**PASSAGES, 'd10': 'river'})
    assert again(length=20) == every


def test_a_job_goes_on_with_its_batches_alone(long_corpus, tmp_path, encoder, tiny_student, monkeypatch):
    """Other batches give other last bits: the store would be no one's, and the manifest would tell half of it."""
    stop(monkeypatch, 2, long_corpus, tmp_path / 'v', encoder)
    other = TctColBertDocumentEncoder(tiny_student, device='cpu', batch_size=3)
    sentence = refusal(encode_corpus, long_corpus, tmp_path / 'v', other, shard_size=2)
    assert 'was left by a job with another corpus, encoder or settings' in sentence
    monkeypatch.setattr('pyserini_tct.models.student.CPU_TOKENS', 99)
    assert refusal(encode_corpus, long_corpus, tmp_path / 'v', encoder, shard_size=2) == sentence
