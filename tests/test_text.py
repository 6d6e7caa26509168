# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Token ids, the contract that every vector rests on: golden ids, stock Pyserini's ids, and what is refused.

Ids of all-MiniLM-L6-v2, which has BERT's uncased vocabulary: [PAD] 0, [UNK] 100, [CLS] 101, [SEP] 102, [MASK] 103.
"""

import numpy as np
import pytest
import torch
from conftest import POCKET
from stock_ids import UNUSUAL, stock_passages, stock_query

from pyserini_tct._errors import TctError
from pyserini_tct.collection import Passage, read_corpus
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.text import check_lengths
from pyserini_tct.topics import read_topics

QUERY, PASSAGE = [101, 1031, 1053, 1033], [101, 1031, 1040, 1033]
LOBSTER = [2054, 2003, 1037, 27940, 4897]  # what is a lobster roll


@pytest.fixture(scope='module')
def stock(minilm):
    """The tokenizer as Pyserini 1.6's encoders make it."""
    from transformers import BertTokenizerFast

    return BertTokenizerFast.from_pretrained(minilm, clean_up_tokenization_spaces=True)


def test_query_golden_ids(tokenizer):
    """A prefix of other pieces would shift the four dropped positions."""
    assert tokenizer.queries(['what is a lobster roll']) == [QUERY + LOBSTER + [103] * 27]


def test_passage_golden_ids(tokenizer):
    assert tokenizer.passages([Passage('d', 'what is a lobster roll')]) == [PASSAGE + LOBSTER]


@pytest.mark.parametrize('count', [0, 1, 31, 32, 33, 200])
def test_a_query_is_always_36_ids_without_sep(tokenizer, count):
    row = tokenizer.queries(['glacier ' * count])[0]
    assert row == QUERY + [10046] * min(count, 32) + [103] * max(32 - count, 0)


def test_empty_texts_keep_the_prefix(tokenizer):
    assert tokenizer.queries(['', '  ']) == [QUERY + [103] * 32] * 2
    assert tokenizer.passages([Passage('d', ''), Passage('e', ' \n')]) == [PASSAGE] * 2


@pytest.mark.parametrize(('count', 'expected'), [(149, 153), (150, 154), (151, 154), (10_000, 154)])
def test_a_passage_is_cut_at_154_without_sep(tokenizer, count, expected):
    row = tokenizer.passages([Passage('d', 'glacier ' * count)])[0]
    assert row == PASSAGE + [10046] * (expected - 4)


def test_other_lengths(tokenizer):
    assert tokenizer.queries(['what is a lobster roll'], 8) == [QUERY + LOBSTER[:4]]
    assert [len(row) for row in tokenizer.passages([Passage('d', 'glacier ' * 600)], 512)] == [512]


def test_title_stands_before_text(tokenizer):
    rows = tokenizer.passages([Passage('d', 'text', 'title'), Passage('d', 'text', '')])
    assert rows == [[*PASSAGE, 2516, 3793], [*PASSAGE, 3793]]


def test_equals_stock_on_the_pocket_collection(tokenizer, stock):
    """Another id anywhere means vectors that Pyserini does not give."""
    queries = [
        query for part in ('train', 'dev', 'test') for query in read_topics(POCKET / f'queries.{part}.tsv').values()
    ]
    assert len(queries) > 1000
    assert tokenizer.queries(queries) == [stock_query(stock, query) for query in queries]
    passages = list(read_corpus(POCKET / 'corpus.jsonl'))
    assert len(passages) == 600
    assert tokenizer.passages(passages) == stock_passages(stock, [p.text for p in passages])


@pytest.mark.parametrize('text', UNUSUAL)
def test_equals_stock_on_unusual_text(tokenizer, stock, text):
    assert tokenizer.queries([text]) == [stock_query(stock, text)]
    assert tokenizer.passages([Passage('d', text)]) == stock_passages(stock, [text])
    assert tokenizer.passages([Passage('d', text, 'naïve')], 512) == stock_passages(stock, [text], ['naïve'], 512)


def test_accents_cjk_and_emoji_golden_ids(tokenizer):
    """naive cafe; each CJK character on its own; an unknown sign is one [UNK]."""
    found = tokenizer.passages([Passage('d', text) for text in ('naïve café', '北京 tea', '😀 glacier')])
    assert found == [[*PASSAGE, 15743, 7668], [*PASSAGE, 1781, 1755, 5572], [*PASSAGE, 100, 10046]]


@pytest.mark.parametrize(('literal', 'special'), [('[MASK]', 103), ('[SEP]', 102), ('[CLS]', 101), ('[PAD]', 0)])
def test_literal_special_tokens_stay_text_unlike_in_stock(tokenizer, stock, literal, special):
    """Stock Pyserini lets user text inject special tokens; here it is brackets around a word."""
    ours = tokenizer.passages([Passage('d', f'glacier {literal} glacier')])[0]
    assert special not in ours[1:]
    assert ours[4:6] == [10046, 1031]
    assert ours[-2:] == [1033, 10046]
    assert stock_passages(stock, [f'glacier {literal} glacier'])[0] == [*PASSAGE, 10046, special, 10046]
    query = tokenizer.queries([f'glacier {literal}'])[0]
    pieces = query[4 : query.index(103)]
    assert special not in pieces
    assert pieces[:2] == [10046, 1031]
    assert pieces[-1] == 1033
    assert stock_query(stock, f'glacier {literal}')[5] == special


def test_encoders_equal_the_arithmetic_of_stock_pyserini(minilm, stock):
    """The two ``encode`` methods of pyserini/encode/_tct_colbert.py, done with Transformers: at most 1e-5 apart."""
    from transformers import BertModel

    bert = BertModel.from_pretrained(minilm).eval()
    texts = ['what is a lobster roll', 'naïve 北京', 'glacier ' * 300]
    with torch.inference_mode():
        rows = stock(
            ['[CLS] [D] ' + text for text in texts],
            max_length=154,
            padding='longest',
            truncation=True,
            add_special_tokens=False,
            return_tensors='pt',
        )
        mask = rows['attention_mask'][:, 4:, None].float()
        passages = (bert(**rows).last_hidden_state[:, 4:] * mask).sum(1) / mask.sum(1)
        rows = torch.tensor([stock_query(stock, text) for text in texts])
        queries = torch.cat([bert(input_ids=row[None]).last_hidden_state[:, 4:].mean(1) for row in rows])
    np.testing.assert_allclose(TctColBertDocumentEncoder(str(minilm), device='cpu').encode(texts), passages, atol=1e-5)
    np.testing.assert_allclose(TctColBertQueryEncoder(str(minilm)).encode_batch(texts), queries, atol=1e-5)


@pytest.mark.parametrize(
    ('query', 'passage', 'message'),
    [
        (4, 154, 'query length 4'),
        (36, 4, 'passage length 4'),
        (36, 513, 'passage length 513'),
        (513, 154, 'query length 513'),
        (0, 154, 'query length 0'),
        (36, -1, 'passage length -1'),
    ],
)
def test_lengths_outside_the_positions_are_refused(query, passage, message):
    """4 leaves only the prefix: every vector would be zero; beyond the positions torch fails with an index error."""
    with pytest.raises(TctError, match=message):
        check_lengths(query, passage, 512)


@pytest.mark.parametrize(('query', 'passage'), [(5, 5), (36, 154), (512, 512)])
def test_lengths_inside_are_accepted(query, passage):
    check_lengths(query, passage, 512)
