# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Every setting of the authors' TensorFlow code at once; what is given explicitly wins.

Source: arXiv 2010.11386 and github.com/castorini/tct_colbert. Three things there have no setting here: known relevant
passages of a batch count as negatives, Adam's moments are not corrected for their start at 0, and the linear decay
begins at the first step, under the warm-up.
"""

from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct.text import PASSAGE_LENGTH, QUERY_LENGTH
from pyserini_tct.train._config import TrainConfig

# Dropout is that of BERT-base's configuration: the code builds both networks for training, the teacher's as well.
BOTH: dict[str, Any] = {
    'batch_size': 96,
    'negatives_per_query': 1,
    'hard_pairs': 'in-batch',
    'query_length': QUERY_LENGTH,
    'passage_length': PASSAGE_LENGTH,
    'steps': 160_000,
    'warmup': 10_000,
    'lr': 7e-6,
    'weight_decay': 0.01,
    'eps': 1e-6,
    'clip': 1.0,
    'dropout': 0.1,
}
TEACHER: dict[str, Any] = {'dimension': 128, 'bias': True, 'normalize_queries': False, 'padding_score': -15.0}
STUDENT: dict[str, Any] = {
    'coupling': 'tight',
    'hard_weight': 0.0,
    'margin_weight': 0.0,
    'temperature': 0.25,
    'raw_temperature': True,
    'student_temperature': 1.0,
    'teacher_scores': 'live',
    'teacher_dropout': 0.1,
}


def paper_faithful(**given: Any) -> TrainConfig:
    """Return the settings of the paper's code, changed by those that are given.

    The scale of the teacher's training and the temperature of its teaching belong together: 4 x batch size, and 0.25 of
    the raw scores, so that the student sees a target ``batch size`` times softer than the teacher's training made.

    Args:
        given: of :class:`TrainConfig`; the model, the output, the data and the teacher are needed.

    Raises:
        TctError: see :class:`TrainConfig`; or the model is a cross-encoder, which the paper's code does not train.

    Example:
        >>> made = paper_faithful(model='colbert', output='x', backbone='b', triples='t', lr=1e-5)
        >>> made.logit_scale, made.lr
        (384.0, 1e-05)
    """
    preset = dict(BOTH)
    if given.get('model') == 'colbert':
        preset |= {**TEACHER, 'logit_scale': 4.0 * given.get('batch_size', BOTH['batch_size'])}
    elif given.get('model') == 'student':
        # A student without teacher learns from hard labels alone; all else stays the paper's.
        preset |= STUDENT if given.get('coupling') != 'none' else {}
        teacher = given.get('teacher', ())
        preset |= {'student_init': 'teacher'} if isinstance(teacher, str) or len(teacher) == 1 else {}
    else:
        raise TctError("the paper's code trains a ColBERT and a student: --paper-faithful is for these two")
    return TrainConfig(**{**preset, **given})
