# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run that make no sense together, each refused with one sentence before anything is read."""

import math
from typing import TYPE_CHECKING

from pyserini_tct._errors import TctError
from pyserini_tct.models.teachers._weights import check_weights

if TYPE_CHECKING:
    from pyserini_tct.train._config import TrainConfig

CHOICES = {
    'model': ('colbert', 'cross', 'student'),
    'kd_pairs': ('own', 'in-batch'),
    'hard_pairs': ('own', 'in-batch'),
    'teacher_scores': ('live', 'cached', 'stored'),
    'student_init': ('backbone', 'teacher'),
    'precision': ('auto', 'fp32', 'bf16'),
}
AT_LEAST: dict[str, float] = {
    **dict.fromkeys(('batch_size', 'negatives_depth', 'negatives_per_query', 'dimension'), 1),
    **dict.fromkeys(('steps', 'warmup', 'save_every', 'eval_every', 'seed', 'lr', 'weight_decay'), 0),
    **dict.fromkeys(('refresh_every', 'negatives_skip', 'kd_weight', 'margin_weight', 'hard_weight'), 0),
    **dict.fromkeys(('dropout', 'teacher_dropout'), 0),
}
ABOVE_0 = ('temperature', 'student_temperature', 'logit_scale', 'clip', 'eps')
NAMES = {'colbert': 'a ColBERT', 'cross': 'a cross-encoder'}


def check(config: 'TrainConfig') -> None:
    """Check everything.

    Raises:
        TctError: the first setting that is unknown, out of its range, or at odds with another one.
    """
    _check_choices(config)
    _check_numbers(config)
    _check_data(config)
    _check_negatives(config)
    _check_sources(config)
    _check_teaching(config)


def _check_choices(config: 'TrainConfig') -> None:
    for name, choices in CHOICES.items():
        if getattr(config, name) not in choices:
            raise TctError(f'{name} {getattr(config, name)!r} is unknown: choose from {", ".join(choices)}')


def _check_numbers(config: 'TrainConfig') -> None:
    for name, least in AT_LEAST.items():
        value = getattr(config, name)
        if not (math.isfinite(value) and value >= least):
            raise TctError(f'{name} is {value}: at least {least:g} is needed')
    for name in ABOVE_0:
        if not (math.isfinite(getattr(config, name)) and getattr(config, name) > 0):
            raise TctError(f'{name} is {getattr(config, name)}: a number above 0 is needed')
    for name in ('dropout', 'teacher_dropout'):
        if getattr(config, name) >= 1:
            raise TctError(f'{name} is {getattr(config, name)}: a number below 1 is needed')
    if config.padding_score is not None and not math.isfinite(config.padding_score):
        raise TctError(f'padding_score is {config.padding_score}: leave it out, and padding is masked')
    if config.negatives_margin is not None and not math.isfinite(config.negatives_margin):
        raise TctError(f'negatives_margin is {config.negatives_margin}: a number is needed')


def _check_data(config: 'TrainConfig') -> None:
    if config.triples is None and not all((config.corpus, config.queries, config.qrels)):
        raise TctError('no training data: give --triples, or --corpus, --queries and --qrels together')
    if config.triples is not None and (config.queries or config.qrels) and not (config.queries and config.corpus):
        raise TctError('--triples of ids need --corpus and --queries; triples of texts need neither')
    if config.triples and not config.queries and config.teacher_scores == 'cached':
        raise TctError('triples of texts have no rows to cache vectors by: choose --teacher-scores live')
    if (config.dev_topics is None) != (config.dev_qrels is None) or (config.dev_topics and config.corpus is None):
        raise TctError('dev evaluation needs --dev-topics, --dev-qrels and --corpus together')
    if config.model == 'cross' and (config.dev_topics is None) != (config.dev_run is None):
        raise TctError('a cross-encoder is evaluated by re-ranking: dev evaluation needs --dev-topics and --dev-run')
    if config.model != 'cross' and config.dev_run is not None:
        raise TctError(f'--dev-run is for --model cross; with --model {config.model} the whole corpus is searched')


def _check_negatives(config: 'TrainConfig') -> None:
    if config.mines_itself and (config.model != 'student' or config.triples):
        raise TctError(
            '--refresh-every and --negatives self are for a student with --corpus, --queries and --qrels: otherwise '
            'mine with python -m pyserini_tct.mine and give the run to --negatives'
        )
    if 0 < config.steps <= config.refresh_every:
        raise TctError(
            f'--refresh-every {config.refresh_every} never comes in {config.steps} steps: give a smaller number, or '
            '--negatives self alone'
        )
    if config.negatives_skip >= config.negatives_depth:
        raise TctError(
            f'--negatives-skip {config.negatives_skip} leaves nothing of --negatives-depth {config.negatives_depth}: '
            'skip fewer or look deeper'
        )
    if config.negatives_skip and (config.triples or (config.negatives == 'none' and not config.mines_itself)):
        raise TctError(
            '--negatives-skip is for ranked negatives: leave it out, or choose --negatives bm25, self or a run'
        )
    if config.negatives_margin is None:
        return
    if not config.mines_itself:
        raise TctError(
            '--negatives-margin is for what the student mines itself: filter a run with python -m pyserini_tct.mine '
            '--run ... --teacher ... --margin ...'
        )
    if not config.taught or config.teacher_scores == 'stored':
        raise TctError('--negatives-margin asks the teacher about what was mined: give --teacher, live or cached')


def _check_sources(config: 'TrainConfig') -> None:
    stored = config.teacher_scores == 'stored'
    if stored and not config.stored_scores:
        raise TctError('--teacher-scores stored needs the file: add --stored-scores')
    if config.stored_scores and not stored:
        raise TctError('--stored-scores would not be read: add --teacher-scores stored')
    if stored and config.triples is not None and config.queries is None:
        raise TctError('stored scores go by ids, which triples of texts do not have: give ids, --corpus and --queries')
    if stored and config.teacher and config.student_init != 'teacher':
        raise TctError('with stored scores the teacher is not asked: leave --teacher out')
    check_weights(config.teacher_weights, len(config.sources))
    if config.teacher_dropout and config.teacher_scores != 'live':
        raise TctError(
            f'{config.teacher_scores} scores are the same in each step: a teacher with dropout needs '
            '--teacher-scores live'
        )


def _check_teaching(config: 'TrainConfig') -> None:
    given = bool(config.teacher or config.stored_scores)
    if config.model in NAMES and (given or config.taught):
        raise TctError(f'{NAMES[config.model]} is trained with hard labels: leave out --teacher and --coupling')
    if config.taught and not config.sources:
        raise TctError('soft labels need a teacher: add --teacher, or choose --coupling none')
    if given and not config.taught and config.student_init != 'teacher':
        raise TctError('the teacher would teach nothing: leave --teacher out, or choose --coupling loose or tight')
    if config.triples is None and config.negatives == 'none':
        for pairs, used, labels in (
            (config.kd_pairs, config.taught, 'soft'),
            (config.hard_pairs, config.hard_weight, 'hard'),
        ):
            if used and pairs == 'own':
                raise TctError(
                    f'{labels} labels for own pairs only need a negative for each query: '
                    'choose --negatives bm25 or a run'
                )
    if config.student_init == 'teacher' and len(config.teacher) != 1:
        raise TctError('--student-init teacher needs --teacher with one checkpoint')
    if not config.backbone and not (config.model == 'student' and config.student_init == 'teacher'):
        raise TctError('--backbone is missing: name the folder or hub name of an uncased BERT')
    if not config.taught and not config.hard_weight:
        raise TctError('the weights of all losses are 0: there is nothing to learn from')
