# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of teachers and losses that make no sense are refused before anything is read; what they are by default."""

import dataclasses

import pytest
from conftest import refusal

from pyserini_tct.train import TrainConfig

GOOD = TrainConfig('student', 'tct_colbert-x', 'b', 't')
QRELS = {'corpus': 'c', 'queries': 'q', 'qrels': 'r'}
SOFT = {'teacher': 't', 'kd_weight': 1.0}
CACHED = {**SOFT, **QRELS, 'triples': None, 'teacher_scores': 'cached'}
OWN = {**QRELS, 'triples': None, 'negatives': 'self'}
STORED = {'teacher_scores': 'stored', 'stored_scores': 's', 'triples': None, **QRELS}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'model': 'cross', 'corpus': 'c', 'dev_topics': 'd', 'dev_qrels': 'q'}, 'needs --dev-topics and --dev-run'),
        ({'dev_run': 'r'}, '--dev-run is for --model cross'),
        ({'model': 'cross', 'teacher': 't'}, 'a cross-encoder is trained with hard labels'),
        ({'model': 'colbert', 'margin_weight': 1.0}, 'a ColBERT is trained with hard labels'),
        ({'model': 'cross', 'coupling': 'tight'}, 'leave it out with --model cross'),
        ({'hard_pairs': 'own', 'triples': None, 'negatives': 'none', **QRELS}, 'hard labels for own pairs only need'),
        ({**SOFT, 'kd_pairs': 'own', 'triples': None, 'negatives': 'none', **QRELS}, 'soft labels for own pairs'),
        ({'teacher': ('a', 'b'), 'student_init': 'teacher'}, 'needs --teacher with one checkpoint'),
        ({**SOFT, 'teacher_weights': (1,)}, '1 teacher weights for 1 teachers'),
        ({**SOFT, 'teacher': ('a', 'b'), 'teacher_weights': (1, 2, 3)}, '3 teacher weights for 2 teachers'),
        ({**SOFT, 'teacher': ('a', 'b'), 'teacher_weights': (1, -1)}, 'numbers of at least 0, not all 0'),
        ({**SOFT, 'teacher': ('a', 'b'), 'teacher_weights': (0, 0)}, 'numbers of at least 0, not all 0'),
        ({**SOFT, 'teacher_scores': 'stored'}, 'add --stored-scores'),
        ({**SOFT, 'stored_scores': 's'}, 'add --teacher-scores stored'),
        ({'teacher_scores': 'stored', 'stored_scores': 's'}, 'which triples of texts do not have'),
        ({**STORED, 'teacher': 't'}, 'leave --teacher out'),
        ({**STORED, 'teacher_dropout': 0.1}, 'stored scores are the same in each step'),
        (
            {**SOFT, **QRELS, 'triples': None, 'teacher_scores': 'cached', 'teacher_dropout': 0.1},
            'cached scores are the same',
        ),
        ({**SOFT, 'teacher_dropout': 1.0}, 'teacher_dropout is 1'),
        ({**OWN, 'refresh_every': 200}, '--refresh-every 200 never comes in 200 steps'),
        (
            {**OWN, 'triples': 't', 'corpus': None, 'queries': None, 'qrels': None},
            'mine with python -m pyserini_tct.mine',
        ),
        ({**OWN, 'negatives_skip': 50}, '--negatives-skip 50 leaves nothing of --negatives-depth 50'),
        ({**OWN, 'negatives_skip': -1}, 'negatives_skip is -1'),
        ({'negatives_skip': 1}, '--negatives-skip is for ranked negatives'),
        ({**OWN, 'negatives': 'none', 'negatives_skip': 1}, '--negatives-skip is for ranked negatives'),
        ({**OWN, **SOFT, 'negatives_margin': float('nan')}, 'negatives_margin is nan'),
        (
            {**OWN, **SOFT, 'negatives': 'bm25', 'negatives_margin': 1.0},
            'filter a run with python -m pyserini_tct.mine',
        ),
        ({**OWN, 'negatives_margin': 1.0}, 'asks the teacher about what was mined'),
        ({**OWN, **STORED, 'negatives_margin': 1.0}, 'asks the teacher about what was mined'),
        ({'margin_weight': 1.0}, 'need a teacher'),
        ({'margin_weight': -1.0}, 'margin_weight is -1'),
        ({'student_temperature': 0.0}, 'student_temperature is 0'),
        ({'eps': 0.0}, 'eps is 0'),
        ({'padding_score': float('-inf')}, 'padding_score is -inf'),
        ({'hard_pairs': 'some'}, "hard_pairs 'some' is unknown"),
        ({'teacher_scores': 'remote'}, "teacher_scores 'remote' is unknown"),
    ],
)
def test_settings_that_make_no_sense(change, message):
    assert message in refusal(dataclasses.replace, GOOD, **change)


def test_one_or_several_teachers_and_files():
    """A string is one name, not a sequence of letters."""
    made = TrainConfig('student', 'tct_colbert-x', 'b', 't', teacher='colbert')
    assert (made.teacher, made.sources, made.taught) == (('colbert',), ('colbert',), True)
    made = TrainConfig('student', 'tct_colbert-x', 'b', 't', teacher=['a', 'b'], teacher_weights=[1, 2])
    assert (made.teacher, made.teacher_weights) == (('a', 'b'), (1.0, 2.0))
    made = TrainConfig('student', 'tct_colbert-x', 'b', teacher_scores='stored', stored_scores='s', **QRELS)
    assert ([str(path) for path in made.sources], made.kd_pairs, made.kd_weight) == (['s'], 'in-batch', 1.0)
    assert (GOOD.teacher, GOOD.sources, GOOD.taught) == ((), (), False)


def test_candidates_of_the_hard_labels():
    """A cross-encoder that scored every pair of a batch would cost the batch's square."""
    assert GOOD.hard_pairs == 'in-batch'
    assert TrainConfig('cross', 'x', 'b', 't').hard_pairs == 'own'
    assert TrainConfig('cross', 'x', 'b', 't', hard_pairs='in-batch').hard_pairs == 'in-batch'
