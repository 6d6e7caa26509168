# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Shards of a corpus: joined they are the store of the whole, and nothing else can be joined."""

import json
import random
import subprocess
import sys

import pytest
from conftest import PASSAGES, clean_environment, fails, refusal, write_corpus

from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._blocks import Part
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.encode.merge import main, merge
from pyserini_tct.index.faiss import build_flat

# Children are killed one after another; no thread of torch has run before a fork.
DRIVER = """
import os, signal, sys
from pathlib import Path
from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.models import _weights, backends, student  # once, not in each child
import torch
torch.set_num_threads(1)
corpus, folder, model, *kills = sys.argv[1:]
real, flushes = os.fsync, []
for number, kill_at in enumerate(map(int, kills)):
    output = Path(folder, f's{number // 2}')
    kept = {file.name for file in Path(f'{output}.partial').glob('*.json')}
    child = os.fork()
    if not child:
        def flush(descriptor):
            flushes.append(descriptor)
            if len(flushes) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)
        os.fsync = flush
        encode_corpus(corpus, output, TctColBertDocumentEncoder(model, device='cpu'), shard_size=2, shard_num=2)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    complete = {file.name for file in Path(f'{output}.partial').glob('*.json')}
    assert kept <= complete, (kept, complete)
"""


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertDocumentEncoder(tiny_student, device='cpu')


@pytest.fixture
def shards(long_corpus, tmp_path, encoder):
    """Its shards 0, 1, 2, and 3 of 4, of two, two, one and one blocks."""
    return [shard(long_corpus, tmp_path / f's{i}', encoder, i) for i in range(4)]


def shard(corpus, output, encoder, number, num=4, size=2, **options):
    encode_corpus(corpus, output, encoder, shard_size=size, shard_id=number, shard_num=num, **options)
    return output


def contents(folder):
    manifest = json.loads((folder.parent / f'{folder.name}.manifest.json').read_text())
    manifest.pop('environment')
    return {'manifest': json.dumps(manifest), **{file.name: file.read_bytes() for file in folder.iterdir()}}


def test_joined_shards_are_the_store_of_the_whole(long_corpus, shards, tmp_path, encoder, capsys):
    """Texts, docids or vectors in another order than the corpus's would give hits the texts of others."""
    encode_corpus(long_corpus, tmp_path / 'whole', encoder, shard_size=2)
    main(['--input', *map(str, reversed(shards)), '--output', str(tmp_path / 'joined')])
    assert '11 passages of 4 shards' in capsys.readouterr().out
    assert contents(tmp_path / 'joined') == contents(tmp_path / 'whole')
    assert build_flat(tmp_path / 'joined', tmp_path / 'index') == 11
    assert build_flat(shards[1], tmp_path / 'part') == 3  # blocks 1 and 5: a shard can be searched alone


def test_shards_of_a_gpu_and_a_cpu_are_joined(shards, tmp_path):
    """Their batches are cut differently; hours of work are not thrown away for it, but the store does not name one."""
    file = shards[2].with_name('s2.manifest.json')
    file.write_text(json.dumps({**json.loads(file.read_text()), 'batch_tokens': None}))
    assert merge(shards, tmp_path / 'joined') == 11
    assert 'batch_tokens' not in json.loads((tmp_path / 'joined.manifest.json').read_text())


def test_a_part_counts_its_passages():
    for total in range(30):
        for num in (1, 2, 3, 7):
            parts = [Part(i, num, 4) for i in range(num)]
            counted = [sum(part.has(passage // 4) for passage in range(total)) for part in parts]
            assert [part.passages_of(total) for part in parts] == counted


def test_what_is_no_whole_set_of_shards_is_refused(long_corpus, shards, tmp_path, encoder, other_students, capsys):
    """A corpus with a hole, or of two models, gives a ranking that looks like any other."""
    output = tmp_path / 'joined'
    assert 'shard 2 of 4 is missing' in refusal(merge, [shards[0], shards[1], shards[3]], output)
    twin = shard(long_corpus, tmp_path / 'twin', encoder, 1)
    assert f'{twin} and {shards[1]} are both shard 1' in refusal(merge, [*shards, twin], output)
    weights = TctColBertDocumentEncoder(other_students / 'tct_colbert-weights', device='cpu')
    odd = shard(long_corpus, tmp_path / 'odd', weights, 3)
    sentence = fails(main, '--input', *shards[:3], odd, '--output', output, capsys=capsys)
    assert f'{odd} and {shards[0]} differ in encoder_sha256' in sentence
    other = write_corpus(tmp_path / 'other.jsonl', {**PASSAGES, 'd10': 'river'})
    odd = shard(other, tmp_path / 'odd2', encoder, 3)
    assert 'differ in inputs' in refusal(merge, [*shards[:3], odd], output)
    encode_corpus(long_corpus, tmp_path / 'whole', encoder)
    assert 'whole is no shard' in refusal(merge, [shards[0], tmp_path / 'whole'], output)
    assert not list(tmp_path.glob('*joined*'))


def test_a_whole_store_alone_is_all_of_it(long_corpus, tmp_path, encoder):
    encode_corpus(long_corpus, tmp_path / 'whole', encoder)
    merge([tmp_path / 'whole'], tmp_path / 'joined')
    assert contents(tmp_path / 'joined') == contents(tmp_path / 'whole')


@pytest.mark.parametrize('file', ['00004.npy', '00000.docids', 'texts.jsonl'])
def test_a_damaged_shard_is_named(shards, tmp_path, file):
    damaged = shards[0] / file
    damaged.write_bytes(damaged.read_bytes().replace(b'\n', b'\r', 1)[:-1] + b'\x01')
    assert str(damaged) in refusal(merge, shards, tmp_path / 'joined')
    assert not list(tmp_path.glob('*joined*'))


def test_shards_that_cannot_be(long_corpus, tmp_path, encoder):
    assert '--shard-id 4 is none of the 4 shards' in refusal(shard, long_corpus, tmp_path / 's', encoder, 4)
    sentence = refusal(shard, long_corpus, tmp_path / 's', encoder, 3, size=4)
    assert 'shard 3 of 4 has no passage, the corpus has at most 3 blocks of 4' in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ['long.jsonl']


def test_another_shard_does_not_remove_an_unfinished_one(long_corpus, tmp_path, encoder, monkeypatch):
    """Two jobs of an array given one output: the second must not forget what the first has done."""
    from pyserini_tct.encode import _writer

    def full(*_):
        raise OSError('the disk is full')

    monkeypatch.setattr(_writer, '_finish', full)
    with pytest.raises(OSError, match='full'):
        shard(long_corpus, tmp_path / 's', encoder, 0)
    assert 'was left by a job with another' in refusal(shard, long_corpus, tmp_path / 's', encoder, 1)
    assert len(list((tmp_path / 's.partial').glob('*.npy'))) == 2


def test_a_shard_killed_at_random_moments_ends_in_the_same_bytes(long_corpus, tmp_path, encoder, tiny_student):
    """Two kills in a row at random flushes, four times; each start keeps every block that was complete."""
    whole = shard(long_corpus, tmp_path / 'whole', encoder, 0, 2)
    moments = random.Random(20101138)
    kills = [str(moments.randrange(*span)) for _ in range(4) for span in ((6, 14), (2, 5))]
    words = [sys.executable, '-c', DRIVER, long_corpus, tmp_path, tiny_student, *kills]
    subprocess.run(words, env=clean_environment(), check=True, timeout=300)
    for attempt in range(4):
        output = tmp_path / f's{attempt}'
        done = len(list((tmp_path / f's{attempt}.partial').glob('*.json')))
        assert not output.exists()
        assert encode_corpus(long_corpus, output, encoder, shard_size=2, shard_num=2).reused == min(5, 2 * done)
        assert contents(output) == contents(whole)
