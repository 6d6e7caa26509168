# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests that train: a short run of a tiny student, and a teacher for it."""

import dataclasses
from pathlib import Path

import pytest


@pytest.fixture
def triples(tmp_path) -> Path:
    """Four triples of texts."""
    path = tmp_path / 'triples.tsv'
    path.write_text('slow ice\ta glacier is ice\tlobster roll\nquake\tmagnitude of the earth quake\tsea wave\n'
                    'lobster\twhat is a lobster roll\tsnow\nsea\tsea wave\ta fault does move\n')  # fmt: skip
    return path


@pytest.fixture
def config(tiny_bert, triples, tmp_path):
    """A short training run of a student; dropout is on, so that a forgotten seed shows."""
    from pyserini_tct.train import TrainConfig

    return TrainConfig('student', tmp_path / 'tct_colbert-a', str(tiny_bert), triples, steps=6, batch_size=2, lr=1e-3,
                       warmup=2, save_every=2, dropout=0.1, precision='fp32', device='cpu')  # fmt: skip


@pytest.fixture
def teacher(config) -> Path:
    """A ColBERT trained at scale 4."""
    from pyserini_tct.train import train

    changed = dataclasses.replace(
        config, model='colbert', output=config.output.with_name('colbert'), dimension=8, logit_scale=4.0
    )
    train(changed)
    return changed.output


def weights_of(folder) -> dict:
    """A student's weights by name."""
    from pyserini_tct.models import student

    return student.load(folder).state_dict()


def same_weights(a: dict, b: dict) -> bool:
    """Whether two models are bit for bit the same."""
    import torch

    return all(torch.equal(a[name], b[name]) for name in a)
