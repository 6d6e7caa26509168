# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""MaxSim as an alignment: each query token with the passage token that it is most similar to."""

from typing import Any

from pyserini_tct.collection import Passage
from pyserini_tct.models.colbert import ColBert
from pyserini_tct.scoring import EMPTY_SCORE

import torch  # isort: skip


@torch.inference_mode()
def explain_maxsim(model: ColBert, query: str, passage: Passage) -> dict[str, Any]:
    """Align the tokens of a query with those of a passage.

    Args:
        model: the ColBERT.
        query: text.
        passage: title before text.

    Returns:
        ``score``; ``query``, a list of ``token``, ``best`` (the passage token), ``position`` (its place in
        ``passage``) and ``contribution`` (their similarity), which sums to the score; ``passage``, a list of ``token``
        and ``contribution``, what it gives to the query tokens that it is the best of; ``pairs``, the similarities
        ``(query tokens, passage tokens)``. Only tokens that count in MaxSim are listed. Where the checkpoint gives
        padding a similarity and that is the best, ``best`` and ``position`` are ``None``; a passage without a token has
        no alignment.
    """
    contract, tokenizer = model.settings.contract, model.tokenizer
    q_row = tokenizer.late_queries([query], contract)[0]
    p_row = tokenizer.late_passages([passage], contract)[0]
    q, p = model.encode_queries([query]), model.encode_passages([passage])
    similarity = (q.vectors[0, q.counted[0]] @ p.vectors[0, p.counted[0]].T).double().cpu()
    pieces = {number: piece for piece, number in tokenizer.vocab.items()}
    names = [[pieces[i] for i, counted in zip(row.ids, row.counted, strict=True) if counted] for row in (q_row, p_row)]
    padding = model.settings.padding_score
    if padding is not None:
        similarity = similarity.masked_fill(similarity == 0, padding)
    aligned, given = [], [0.0] * len(names[1])
    for token, row in zip(names[0], similarity, strict=True):
        place = int(row.argmax()) if len(row) else None
        best = float(row[place]) if place is not None else None
        # As in training: positions that do not count, the prefix at least, have the similarity of padding.
        if padding is not None and not all(p_row.counted) and (best is None or padding > best):
            place, best = None, padding
        if best is None:
            continue
        if place is not None:
            given[place] += best
        name = None if place is None else names[1][place]
        aligned.append({'token': token, 'best': name, 'position': place, 'contribution': best})
    return {
        'score': sum(entry['contribution'] for entry in aligned) if aligned else EMPTY_SCORE,
        'query': aligned,
        'passage': [{'token': t, 'contribution': c} for t, c in zip(names[1], given, strict=True)],
        'pairs': similarity.tolist(),
    }
