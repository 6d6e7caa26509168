# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every teacher gives its model's scores, pair by pair; ensembles by hand arithmetic; what cannot teach is named."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import refusal

from pyserini_tct.collection import Passage
from pyserini_tct.models import colbert, cross
from pyserini_tct.models.teachers import open_teacher
from pyserini_tct.models.teachers.ensemble import Ensemble
from pyserini_tct.models.teachers.factory import KINDS, Texts, kind_of
from pyserini_tct.models.teachers.stored import StoredTeacher

NAMES = ['q1', 'q2', 'q3']
QUERIES = ['what is a slow river', 'earth quake magnitude', 'x']
PASSAGES = [
    Passage('a', 'the ice of a glacier is a slow river'),
    Passage('b', 'snow', 'title'),
    Passage('c', 'sea wave'),
]
TEXTS = Texts(NAMES, QUERIES, PASSAGES)
BATCH = ([QUERIES[2], QUERIES[0]], [PASSAGES[1], PASSAGES[2], PASSAGES[0]], [2, 0], [1, 2, 0])
WANTED = np.array([[True, False, True], [False, True, True]])


@pytest.fixture(scope='module')
def folders(tiny_bert, tiny_student, tmp_path_factory):
    """A checkpoint of each kind; the networks are random, and differ."""
    folder = tmp_path_factory.mktemp('teachers')
    torch.manual_seed(4)
    colbert.new(tiny_bert, 8, settings=colbert.Settings(logit_scale=4.0)).save(folder / 'colbert')
    model = cross.new(tiny_bert, cross.Settings(length=40, logit_scale=2.0))
    model.bert.pooler.dense.weight.data *= 20
    torch.nn.init.normal_(model.classifier.weight)
    model.save(folder / 'cross')
    return {'ColBERT': folder / 'colbert', 'cross-encoder': folder / 'cross', 'bi-encoder': tiny_student}


def opened(folders, kind, tmp_path, scores='live', **options):
    return open_teacher([folders[kind]], scores, TEXTS, tmp_path / 'cache', **options)


def one_by_one(kind, folder):
    """The scores of all pairs of a batch, each from a call of its own."""
    model = KINDS[kind].load(str(folder), 'cpu')
    call = model.scores if kind == 'bi-encoder' else model
    with torch.no_grad():
        return torch.tensor([[call([query], [passage]).item() for passage in BATCH[1]] for query in BATCH[0]])


@pytest.mark.parametrize(('kind', 'scale'), [('ColBERT', 4.0), ('cross-encoder', 2.0), ('bi-encoder', 1.0)])
def test_a_live_teacher_gives_its_models_scores(folders, tmp_path, kind, scale):
    teacher = opened(folders, kind, tmp_path)
    expected = one_by_one(kind, folders[kind])
    assert expected.std() > 1e-3
    torch.testing.assert_close(teacher(*BATCH), expected, atol=1e-5, rtol=1e-5)
    assert not teacher(*BATCH).requires_grad
    found = teacher(*BATCH, WANTED)
    torch.testing.assert_close(found[WANTED], expected[WANTED], atol=1e-5, rtol=1e-5)
    assert torch.isfinite(found).all()
    assert teacher.logit_scale == scale
    assert teacher.parents == {'teacher': KINDS[kind].load(str(folders[kind]), 'cpu').sha256}


@pytest.mark.parametrize('kind', ['ColBERT', 'bi-encoder'])
def test_cached_equals_live(folders, tmp_path, kind):
    live, cached = (opened(folders, kind, tmp_path, scores) for scores in ('live', 'cached'))
    torch.testing.assert_close(cached(*BATCH, WANTED), live(*BATCH, WANTED), atol=1e-5, rtol=1e-5)
    assert (cached.logit_scale, cached.parents) == (live.logit_scale, live.parents)


@pytest.mark.parametrize('kind', list(KINDS))
def test_dropout_while_teaching_is_off_unless_asked_for(folders, tmp_path, kind):
    """In the paper's code it is on."""
    teacher, noisy = opened(folders, kind, tmp_path), opened(folders, kind, tmp_path, dropout=0.5)
    assert torch.equal(teacher(*BATCH), teacher(*BATCH))
    assert not torch.equal(noisy(*BATCH), noisy(*BATCH))
    torch.manual_seed(1)
    first = noisy(*BATCH)
    torch.manual_seed(1)
    assert torch.equal(noisy(*BATCH), first)  # as after a resumed run


def test_a_cross_encoder_cannot_be_cached(folders, tmp_path):
    found = refusal(opened, folders, 'cross-encoder', tmp_path, 'cached')
    assert 'cross is a cross-encoder, whose scores are of pairs' in found


def test_kinds_are_seen_from_files(folders, tiny_bert, tmp_path):
    assert {kind: kind_of(str(folder)) for kind, folder in folders.items()} == {kind: kind for kind in KINDS}
    published = shutil.copytree(folders['cross-encoder'], tmp_path / 'ms-marco')
    (published / 'cross.json').unlink()
    assert kind_of(str(published)) == 'cross-encoder'
    torch.save({'classifier.weight': torch.ones(1)}, published / 'pytorch_model.bin')
    (published / 'model.safetensors').unlink()
    assert kind_of(str(published)) == 'cross-encoder'
    old = shutil.copytree(tiny_bert, tmp_path / 'tct_colbert-msmarco')
    assert kind_of(str(old)) == 'bi-encoder'
    assert 'is no teacher: it has neither' in refusal(kind_of, str(tiny_bert))
    (published / 'pytorch_model.bin').write_bytes(b'x')
    assert 'pytorch_model.bin' in refusal(kind_of, str(published))
    assert 'does not exist' in refusal(kind_of, str(tmp_path / 'nowhere' / 'at' / 'all'))


class Fixed:
    """A teacher with fixed scores."""

    logit_scale, parents = 3.0, {'teacher': 'abc'}

    def __init__(self, scores):
        self.scores = torch.tensor(scores)

    def __call__(self, *_):
        return self.scores


def test_an_ensemble_by_hand():
    """Query 1: (1, 3) becomes (-1, 1) and (20, 0) becomes (1, -1); with weights 1 and 3 that is (0.5, -0.5)."""
    one, two = Fixed([[1.0, 99.0, 3.0], [0.0, 2.0, 4.0]]), Fixed([[20.0, -99.0, 0.0], [7.0, 7.0, 7.0]])
    wanted = np.array([[True, False, True], [True, True, True]])
    found = Ensemble([one, two], [1.0, 3.0])(*BATCH, wanted)
    # Query 2: (0, 2, 4) has deviation (8 / 3)^0.5; the second member prefers nothing.
    outer = 2 / (8 / 3) ** 0.5 / 4
    assert found.tolist() == [pytest.approx([0.5, 0.0, -0.5]), pytest.approx([-outer, 0.0, outer])]
    equal = Ensemble([one, two])(*BATCH, wanted)
    assert equal.tolist() == [pytest.approx([0, 0, 0]), pytest.approx([-2 * outer, 0, 2 * outer])]
    assert Ensemble([one, two]).logit_scale == 1.0


def test_an_ensemble_of_one_is_its_member_up_to_shift_and_scale(folders, tmp_path):
    member = opened(folders, 'ColBERT', tmp_path)
    found, scores = Ensemble([member])(*BATCH), member(*BATCH)
    deviation = scores.std(-1, correction=0, keepdim=True)
    torch.testing.assert_close(found, (scores - scores.mean(-1, keepdim=True)) / deviation, atol=1e-4, rtol=1e-4)


def test_several_sources_are_an_ensemble_that_names_them_all(folders, tmp_path):
    names = [folders['ColBERT'], folders['cross-encoder']]
    teacher = open_teacher(names, 'live', TEXTS, tmp_path, weights=[1, 2])
    members = [opened(folders, kind, tmp_path) for kind in ('ColBERT', 'cross-encoder')]
    assert torch.equal(teacher(*BATCH, WANTED), Ensemble(members, [1, 2])(*BATCH, WANTED))
    assert list(teacher.parents) == ['teacher 1', 'teacher 2']
    assert list(teacher.parents.values()) == [member.parents['teacher'] for member in members]


def stored(folder, text, name='scores.tsv'):
    (folder / name).write_text(text)
    return StoredTeacher(folder / name, NAMES)


@pytest.mark.parametrize('name', ['scores.tsv', 'scores.jsonl'])
def test_a_stored_teacher_gives_what_was_stored(folders, tmp_path, name):
    """With full digits in the file the scores come back bit by bit."""
    live = opened(folders, 'cross-encoder', tmp_path)
    scores = live(QUERIES, PASSAGES, [0, 1, 2], [0, 1, 2]).tolist()
    lines = []
    for i in (1, 2, 0):
        for j in (2, 0, 1):
            row = {'qid': NAMES[i], 'docid': PASSAGES[j].docid, 'score': scores[i][j]}
            lines.append(json.dumps(row) if name.endswith('jsonl') else '\t'.join(map(str, row.values())))
    teacher = stored(tmp_path, '\n'.join(lines) + '\n', name)
    torch.testing.assert_close(teacher(*BATCH), live(*BATCH), atol=1e-6, rtol=1e-6)
    assert teacher.logit_scale is None
    assert list(teacher.parents) == ['stored scores']


def test_a_missing_pair_is_named_if_it_is_wanted(tmp_path):
    teacher = stored(tmp_path, 'q3\tb\t1.5\nq3\ta\t-2\nq1\tc\t3\nq1\ta\t4e-1\n')
    assert teacher(*BATCH, WANTED).tolist() == [[1.5, 0.0, -2.0], [0.0, 3.0, pytest.approx(0.4)]]
    assert 'scores.tsv has no score of query q3 with passage c' in refusal(teacher, *BATCH)
    more = WANTED | np.array([[False] * 3, [True, False, False]])
    assert 'no score of query q1 with passage b: add the pair' in refusal(teacher, *BATCH, more)
    teacher.check('q3', ['b', 'a'])
    assert 'no score of query q2 with passage b' in refusal(teacher.check, 'q2', ['b', 'a'])
    assert 'no score of query q1 with passage zzz' in refusal(teacher.check, 'q1', ['c', 'a', 'zzz', 'yyy'])


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('s.tsv', 'q1\ta\t1\nq1\tb\n', 's.tsv: line 2 has 2 columns'),
        ('s.tsv', 'q1 a 1\n', 'line 1 has 1 columns'),
        ('s.tsv', 'q1\ta\tx\n', "line 1: the score 'x' is not a number"),
        ('s.jsonl', f'{{"qid": 1, "docid": 2, "score": {10**400}}}\n', 'line 1: the score'),
        ('s.tsv', 'q1\ta\tnan\n', 'line 1: the score nan is not finite'),
        ('s.tsv', '\n', 's.tsv is empty'),
        ('s.tsv', 'q1\ta\t1\nq1\tb\t1\nq1\ta\t2\n', 'scores passage a twice for query q1'),
        ('s.jsonl', '{"qid": "q1", "docid": "a"}\n', 'line 1 needs a `qid`, a `docid` and a `score`'),
        ('s.jsonl', '{"qid": "q1", "docid": "a", "score": [1]}\n', 'line 1 needs a `qid`'),
        ('s.jsonl', '{"qid": "q1", "docid": "a", "score": NaN}\n', 'line 1: the score nan is not finite'),
        ('s.jsonl', '{"qid": "q1"\n', 's.jsonl: line 1 is not valid JSON'),
    ],
)
def test_bad_files_of_scores(tmp_path, name, text, message):
    assert message in refusal(stored, tmp_path, text, name)
    assert 'does not exist' in refusal(StoredTeacher, tmp_path / 'none.tsv', NAMES)


def test_numbers_as_ids_are_strings(tmp_path):
    (tmp_path / 's.jsonl').write_text('{"qid": 7, "docid": 12, "score": 2}\n')
    teacher = StoredTeacher(tmp_path / 's.jsonl', ['7'])
    assert teacher(['x'], [Passage('12', 'y')], [0], [5]).tolist() == [[2.0]]
