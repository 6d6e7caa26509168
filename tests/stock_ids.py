# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Token ids as stock Pyserini makes them, and unusual texts to compare them on."""

UNUSUAL = [
    'naïve café Ångström',
    '北京 tea 東京',
    '😀 glacier 👩\u200d🔬',
    'Ελλάδα Москва',
    'ﬁne ½ x² – “quoted”…',
    'a\u00a0b\u200bc\ufffdd',
    'tab\tand\nnewline',
    'x' * 101,
    'e\u0301 combining',
    'UPPER lower',
]


def stock_query(stock, query):
    """The call of ``TctColBertQueryEncoder.encode`` in pyserini/encode/_tct_colbert.py."""
    return stock('[CLS] [Q] ' + query + '[MASK]' * 36, max_length=36, truncation=True, add_special_tokens=False)[
        'input_ids'
    ]


def stock_passages(stock, texts, titles=None, max_length=154):
    """The call of ``TctColBertDocumentEncoder.encode``; padding is cut off again by the mask."""
    if titles:
        texts = [f'[CLS] [D] {title} {text}' for title, text in zip(titles, texts, strict=True)]
    else:
        texts = ['[CLS] [D] ' + text for text in texts]
    found = stock(texts, max_length=max_length, padding='longest', truncation=True, add_special_tokens=False)
    return [row[: sum(mask)] for row, mask in zip(found['input_ids'], found['attention_mask'], strict=True)]
