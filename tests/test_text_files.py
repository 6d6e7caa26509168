# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a tokenizer: both forms give the same ids, and what is no uncased WordPiece is refused."""

import json
import shutil

import pytest
from stock_ids import UNUSUAL, stock_passages

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage
from pyserini_tct.text import SPECIAL, TctTokenizer


def copy_vocabulary(minilm, folder, names, **config):
    folder.mkdir()
    for name in names:
        shutil.copyfile(minilm / name, folder / name)
    if config:
        (folder / 'tokenizer_config.json').write_text(json.dumps(config))
    return folder


def test_vocab_txt_gives_the_ids_of_tokenizer_json(tokenizer, minilm, tmp_path):
    """The published castorini folders have vocab.txt only; one line too many or too few would shift every id."""
    old = TctTokenizer.from_folder(copy_vocabulary(minilm, tmp_path / 'old', ['vocab.txt']))
    assert old.vocab == tokenizer.vocab
    assert old.queries(UNUSUAL) == tokenizer.queries(UNUSUAL)


def test_vocab_txt_honours_its_configuration(minilm, tmp_path):
    """``strip_accents`` and ``tokenize_chinese_chars`` change ids: é is unknown, 北京 one word of two pieces."""
    folder = copy_vocabulary(
        minilm, tmp_path / 'old', ['vocab.txt'], do_lower_case=True, strip_accents=False, tokenize_chinese_chars=False
    )
    tokenizer = TctTokenizer.from_folder(folder)
    pieces = list(tokenizer.vocab)
    rows = tokenizer.passages([Passage('d', 'é'), Passage('d', '北京')])
    assert [[pieces[i] for i in row[4:]] for row in rows] == [['[UNK]'], ['北', '##京']]


def test_saved_tokenizer_is_read_alike_by_us_and_by_transformers(minilm, tmp_path):
    from transformers import BertTokenizerFast

    unusual = TctTokenizer(TctTokenizer.from_folder(minilm).vocab, strip_accents=False, handle_chinese_chars=False)
    unusual.save(tmp_path)
    again = TctTokenizer.from_folder(tmp_path)
    assert again.vocab == unusual.vocab
    assert (again.strip_accents, again.handle_chinese_chars) == (False, False)
    stock = BertTokenizerFast.from_pretrained(tmp_path, clean_up_tokenization_spaces=True)
    assert again.passages([Passage('d', text) for text in UNUSUAL]) == stock_passages(stock, UNUSUAL)


def write_tokenizer(folder, model=None, normalizer=None, **extra):
    vocab = {token: number for number, token in enumerate([*SPECIAL, '[', ']', 'q', 'd'])}
    model = {'type': 'WordPiece', 'continuing_subword_prefix': '##', 'vocab': vocab, **(model or {})}
    (folder / 'tokenizer.json').write_text(
        json.dumps({'model': model, 'normalizer': normalizer or {'lowercase': True}, **extra})
    )
    return folder


def test_the_smallest_tokenizer_is_accepted(tmp_path):
    """Otherwise the refusals below might refuse for another reason."""
    assert TctTokenizer.from_folder(write_tokenizer(tmp_path)).queries(['Q d']) == [[2, 5, 7, 6, 7, 8, *[4] * 30]]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'model': {'type': 'BPE'}}, 'has a BPE tokenizer'),
        ({'model': {'type': 'Unigram', 'vocab': []}}, 'has a Unigram tokenizer'),
        ({'normalizer': {'lowercase': False}}, 'has a cased tokenizer'),
        ({'normalizer': {'type': 'NFC'}}, 'has a cased tokenizer'),
    ],
)
def test_other_tokenizers_are_refused_by_name_of_the_folder(tmp_path, change, message):
    with pytest.raises(TctError, match=message) as error:
        TctTokenizer.from_folder(write_tokenizer(tmp_path, **change))
    assert str(tmp_path) in str(error.value)


def test_cased_vocab_txt_is_refused(minilm, tmp_path):
    """A cased vocabulary has `q` too: only its configuration tells."""
    with pytest.raises(TctError, match='cased'):
        TctTokenizer.from_folder(copy_vocabulary(minilm, tmp_path / 'cased', ['vocab.txt'], do_lower_case=False))


def test_a_folder_without_vocabulary_is_refused(tmp_path):
    with pytest.raises(TctError, match=r'neither tokenizer\.json nor vocab\.txt'):
        TctTokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ('lost', 'message'),
    [
        ('q', r"splits '\[Q\]'"),
        ('d', r"splits '\[D\]'"),
        (']', r"splits '\[Q\]'"),
        ('[MASK]', r'has no \[MASK\]'),
        ('[PAD]', r'has no \[PAD\]'),
    ],
)
def test_a_vocabulary_without_the_prefix_is_refused(lost, message):
    """[UNK] for `q` would give the same count of ids, and another model."""
    words = [word for word in (*SPECIAL, '[', ']', 'q', 'd') if word != lost]
    with pytest.raises(TctError, match=message):
        TctTokenizer({word: number for number, word in enumerate(words)})
