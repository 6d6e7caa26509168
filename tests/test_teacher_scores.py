# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Storing a teacher's scores: the right pairs, bit by bit, resumable, and what bad input gets."""

import json

import pytest
import torch
from conftest import TEXTS, TOPICS, fails

from pyserini_tct.collection import Passage
from pyserini_tct.models import cross
from pyserini_tct.models.teachers import _write
from pyserini_tct.models.teachers.__main__ import main
from pyserini_tct.models.teachers.stored import StoredTeacher, read_scores

RUN = {'007': ['d1', 'd2', 'd3'], '9': ['d6', 'd4', 'd1']}  # query 8 is judged only


@pytest.fixture
def words(tiny_bert, corpus, topics, tmp_path):
    torch.manual_seed(2)
    cross.new(tiny_bert).save(tmp_path / 'cross')
    (tmp_path / 'qrels').write_text('007 0 d5 1\n007 0 d1 1\n8 0 d2 1\n8 0 d3 0\n')
    lines = [f'{qid} Q0 {docid} {i} {9 - i} t\n' for qid, docids in RUN.items() for i, docid in enumerate(docids)]
    (tmp_path / 'run').write_text(''.join(lines))
    words = ['--teacher', tmp_path / 'cross', '--run', tmp_path / 'run', '--qrels', tmp_path / 'qrels']
    words += ['--corpus', corpus, '--topics', topics, '--depth', 2, '--device', 'cpu', '--precision', 'fp32']
    return [*words, '--output', tmp_path / 's.tsv']


def call(words):
    main([str(word) for word in words])


def test_judged_passages_and_the_best_of_the_run(words, tmp_path, capsys):
    call(words)
    found = [(qid, docid) for qid, docid, _ in read_scores(tmp_path / 's.tsv')]
    assert found == [('007', 'd5'), ('007', 'd1'), ('007', 'd2'), ('8', 'd2'), ('9', 'd6'), ('9', 'd4')]
    assert 's.tsv: 6 scores of 3 queries' in capsys.readouterr().out
    model, stored = cross.load(tmp_path / 'cross'), StoredTeacher(tmp_path / 's.tsv', ['007'])
    passages = [Passage(docid, TEXTS[docid]) for docid in ('d5', 'd1', 'd2')]
    with torch.no_grad():
        assert torch.equal(stored([TOPICS['007']], passages, [0], [0, 1, 2]), model([TOPICS['007']], passages))
    manifest = json.loads((tmp_path / 's.tsv.manifest.json').read_text())
    assert (manifest['kind'], manifest['depth']) == ('stored-scores', 2)
    assert manifest['parents'] == {'teacher': model.sha256}
    assert not (tmp_path / 's.tsv.partial').exists()


@pytest.mark.parametrize('torn', ['', '9\td6\t0.12', '9\td6\t0.12\n'])
def test_a_stopped_job_goes_on_after_its_last_whole_query(words, tmp_path, monkeypatch, capsys, torn):
    call(words)
    whole = (tmp_path / 's.tsv').read_text()
    original, calls = _write._lines, []

    def lines(*given):
        calls.append(given[1])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*given)

    words[-1] = tmp_path / 't.tsv'
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_write, '_lines', lines)
        call(words)
    assert not (tmp_path / 't.tsv').exists()
    with open(tmp_path / 't.tsv.partial' / 'scores.tsv', 'a') as growing:
        growing.write(torn)
    calls.clear()
    monkeypatch.setattr(_write, '_lines', lambda *given: (calls.append(given[1]), original(*given))[1])
    call(words)
    assert calls == ['9']
    assert 'going on after 2 queries' in capsys.readouterr().err
    assert (tmp_path / 't.tsv').read_text() == whole


def test_another_job_s_remains_are_not_mixed_in(words, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_write, '_lines', stop)
        call(words)
    words[words.index('--depth') + 1] = 3
    assert 's.tsv.partial was left by a job with other settings' in fails(main, *words, capsys=capsys)
    call([*words, '--overwrite'])
    assert len(list(read_scores(tmp_path / 's.tsv'))) == 8


def test_bad_input(words, tmp_path, capsys):
    call(words)
    assert 's.tsv exists' in fails(main, *words, capsys=capsys)
    words[-1] = tmp_path / 't.tsv'
    assert '2 teacher weights for 1 teachers' in fails(main, *words, '--teacher-weights', 1, 2, capsys=capsys)
    (tmp_path / 'qrels').write_text('77 0 d5 1\n')
    assert 'qrels has the query 77, which' in fails(main, *words, capsys=capsys)
    (tmp_path / 'qrels').write_text('8 0 zzz 1\n')
    sentence = f'does not have passage zzz, which {tmp_path}/qrels has for query 8'
    assert sentence in fails(main, *words, capsys=capsys)
    model = cross.load(tmp_path / 'cross')
    model.bert.embeddings.LayerNorm.weight.data[:] = 1e38
    model.save(tmp_path / 'broken')
    words[1], words[words.index('--qrels') + 1] = tmp_path / 'broken', tmp_path / 'none'
    (tmp_path / 'none').write_text('8 0 d1 1\n')
    assert 'no finite score for query 007' in fails(main, *words, capsys=capsys)
    assert not (tmp_path / 't.tsv').exists()
