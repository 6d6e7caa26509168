# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A student that mines its own negatives while it is trained: what it finds, when, and after a kill."""

import dataclasses

import numpy as np
import pytest
import torch
from conftest import TEXTS, TOPICS, refusal
from training import same_weights, weights_of

from pyserini_tct.models import student
from pyserini_tct.scoring import nearest
from pyserini_tct.train import TrainConfig, _loop, _refresh, train
from pyserini_tct.train._samples import from_qrels

QRELS = {'007': 'd1', '8': 'd2'}  # 9 has no positive


@pytest.fixture
def judged(tiny_bert, corpus, topics, tmp_path):
    """A run whose student mines before step 0 and every 3 steps."""
    (tmp_path / 'qrels').write_text(''.join(f'{qid} 0 {docid} 1\n' for qid, docid in QRELS.items()))
    return TrainConfig('student', tmp_path / 'tct_colbert-own', str(tiny_bert), corpus=corpus, queries=topics,
                       qrels=tmp_path / 'qrels', negatives='self', refresh_every=3, negatives_depth=4, steps=8,
                       batch_size=2, lr=5e-3, warmup=2, save_every=2, dropout=0.1, precision='fp32',
                       device='cpu')  # fmt: skip


def test_nearest_is_exact_whatever_the_blocks():
    torch.manual_seed(0)
    queries, passages = torch.randn(7, 5), torch.randn(40, 5)
    expected = (queries @ passages.T).sort(dim=1, descending=True, stable=True)
    for size, budget in ((40, 1 << 20), (9, 1 << 20), (1, 1), (13, 300)):
        scores, rows = nearest(queries, passages.split(size), 12, budget)
        assert torch.allclose(scores, expected.values[:, :12])
        assert rows.tolist() == expected.indices[:, :12].tolist()
    scores, rows = nearest(queries, passages[:3].split(2), 5)
    assert rows[0, 3:].tolist() == [-1, -1]
    assert torch.isinf(scores[:, 3:]).all()


def test_equal_scores_go_by_row():
    _, rows = nearest(torch.ones(1, 2), torch.ones(6, 2).split(2), 6)
    assert rows.tolist() == [[0, 1, 2, 3, 4, 5]]


def test_what_is_mined_is_what_the_index_of_the_checkpoint_finds(judged, tiny_student, tiny_index):
    from pyserini_tct.search.faiss import FaissSearcher

    data = from_qrels(judged.corpus, judged.queries, judged.qrels, None)
    model = student.load(tiny_student).train()
    found = _refresh.mine(model, data, depth=4)
    assert model.training
    docids = list(TEXTS)
    searcher = FaissSearcher(tiny_index, str(tiny_student))
    for row, (qid, text) in enumerate(TOPICS.items()):
        hits = [hit.docid for hit in searcher.search(text, 4)] if qid in QRELS else []
        assert [docids[place] for place in found[row] if place >= 0] == hits
    data.replace_negatives(found)
    for sample in data.samples:
        assert sample.positive not in sample.negatives
        relevant = docids[sample.positive]
        expected = [hit.docid for hit in searcher.search(data.queries[sample.query], 4) if hit.docid != relevant]
        assert [docids[place] for place in sample.negatives] == expected


def mined_at(config, monkeypatch):
    """Train, and return the negatives in force in each step."""
    before, seen = _refresh.OwnIndex.before, {}

    def spy(self, step, model):
        before(self, step, model)
        seen[step] = [sample.negatives for sample in self.data.samples]

    monkeypatch.setattr(_refresh.OwnIndex, 'before', spy)
    train(config)
    return seen


def test_negatives_are_mined_before_the_first_step_and_every_n_steps(judged, monkeypatch, capsys):
    seen = mined_at(judged, monkeypatch)
    text = capsys.readouterr().err
    assert [f'step {step}: negatives mined' in text for step in range(8)] == [s in (0, 3, 6) for s in range(8)]
    assert all(seen[0])
    assert seen[0] == seen[1] == seen[2]
    assert seen[3] == seen[4] == seen[5]
    assert len({str(seen[step]) for step in (0, 3, 6)}) > 1  # a student that has moved finds others


def test_without_self_the_first_negatives_are_the_ones_given(judged, monkeypatch, tmp_path):
    (tmp_path / 'run').write_text('007 Q0 d6 1 2.0 t\n8 Q0 d5 1 2.0 t\n')
    seen = mined_at(dataclasses.replace(judged, negatives=str(tmp_path / 'run')), monkeypatch)
    assert seen[2] == [(5,), (4,)]
    assert all(len(negatives) >= 3 for negatives in seen[3])  # of the best 4 passages, one at most is relevant


@pytest.mark.parametrize('stopped_in', [4, 6, 8])  # after a refresh, with a checkpoint before it or after it
def test_a_run_killed_at_any_step_goes_on_to_the_same_weights(judged, stopped_in, monkeypatch):
    """Between two refreshes the weights that mined are gone: their negatives have to be in the checkpoint."""
    whole = dataclasses.replace(judged, output=judged.output.with_name('tct_colbert-whole'))
    train(whole)
    original, calls = _loop.objective, []

    def objective(*words):
        calls.append(1)
        if len(calls) == stopped_in:
            raise KeyboardInterrupt
        return original(*words)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_loop, 'objective', objective)
        train(judged)
    train(judged)
    assert same_weights(weights_of(judged.output), weights_of(whole.output))


def test_mining_does_not_change_what_is_trained(judged, tiny_bert):
    """Neither weights nor the random state: a student that mines in vain is trained as one that does not."""
    model = student.load(tiny_bert)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.get_rng_state()
    data = from_qrels(judged.corpus, judged.queries, judged.qrels, None)
    found = [_refresh.mine(model, data, depth=3) for _ in range(2)]
    assert np.array_equal(found[0], found[1])
    assert same_weights(before, model.state_dict())
    assert torch.equal(state, torch.get_rng_state())
    assert all(weight.grad is None for weight in model.parameters())


class Fixed:
    """A teacher with a score for each docid, whatever the query."""

    logit_scale, parents = 1.0, {}

    def __init__(self, **scores):
        self.scores, self.asked = scores, []

    def __call__(self, queries, passages, query_rows, passage_rows, wanted=None):
        self.asked.append((query_rows, passage_rows))
        return torch.tensor([[self.scores[passage.docid] for passage in passages]] * len(queries))


def test_a_teacher_drops_what_is_no_margin_below_every_positive(judged):
    """d1 and d3 are relevant for 007: the worse one, 5.0, counts; exactly the margin below it is kept."""
    judged.qrels.write_text('007 0 d1 1\n007 0 d3 1\n8 0 d2 1\n')
    data = from_qrels(judged.corpus, judged.queries, judged.qrels, None)
    teacher = Fixed(d1=9.0, d2=7.0, d3=5.0, d4=3.0, d5=3.5, d6=6.0)
    mined = np.array([[5, 3, 0, 4, 1], [0, 5, 4, 3, 2], [-1] * 5], np.int32)
    kept = _refresh.below_positives(mined, data, teacher, 2.0)
    # 007: d6 (6.0), d5 (3.5) and d2 (7.0) go, d4 (3.0) stays; 8, limit 5.0: d1 (9.0) and d6 go; 9 is not asked.
    assert kept.tolist() == [[-1, 3, 0, -1, -1], [-1, -1, 4, 3, 2], [-1] * 5]
    assert [rows for rows, _ in teacher.asked] == [[0], [1]]
    data.replace_negatives(kept)
    assert {sample.query: sample.negatives for sample in data.samples} == {0: (3,), 1: (4, 3, 2)}
    teacher.scores['d4'] = float('nan')
    found = refusal(_refresh.below_positives, mined, data, teacher, 2.0)
    assert 'no finite score for query 007' in found
    assert 'passage d4' in found


def test_ranks_and_margin_hold_at_each_refresh(judged, tiny_student, monkeypatch, capsys):
    """With a margin that everything keeps, the ranks alone decide; with one that nothing keeps, the run is refused."""
    whole = mined_at(dataclasses.replace(judged, output=judged.output.with_name('tct_colbert-whole')), monkeypatch)[0]
    made = dataclasses.replace(judged, negatives_skip=2, output=judged.output.with_name('tct_colbert-skip'))
    first = mined_at(made, monkeypatch)[0]
    assert student.load(made.output).settings.training['negatives_skip'] == 2
    for some, every in zip(first, whole, strict=True):
        assert some == every[-len(some) :]
        assert 1 <= len(some) <= 2 < len(every)
    taught = {'teacher': str(tiny_student), 'coupling': 'tight', 'kd_weight': float('nan')}
    wide = dataclasses.replace(made, **taught, negatives_margin=-1e6, output=made.output.with_name('tct_colbert-wide'))
    assert mined_at(wide, monkeypatch)[0] == first
    assert 'of them have none' not in capsys.readouterr().err
    narrow = dataclasses.replace(wide, negatives_margin=1e6, output=made.output.with_name('tct_colbert-narrow'))
    assert 'the student finds no negative for any query' in refusal(train, narrow)


def test_an_unfinished_run_knows_its_filters(judged, monkeypatch):
    """They are recorded where they are used: a run begun without them goes on, one with them is another run."""
    assert not {'negatives_skip', 'negatives_margin'} & judged.record().keys()

    def stop(*_):
        raise KeyboardInterrupt

    skipping = dataclasses.replace(judged, negatives_skip=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_loop, '_finish', stop)
        train(skipping)
    assert 'another negatives_skip (1, now None)' in refusal(train, judged)
