# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Queries that a sequence-to-sequence model (doc2query-T5) predicts for passages, by top-k sampling.

Each passage has a random generator of its own, seeded by its docid: what is drawn does not depend on the passages
beside it. Sampling is by the Gumbel-max trick: the greatest of logit plus Gumbel noise is a draw from the softmax.
Source: doc2query-T5, Nogueira and Lin, "From doc2query to docTTTTTquery" (2019).
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyserini_tct import _env

import torch  # isort: skip

from pyserini_tct import _files
from pyserini_tct._errors import TctError
from pyserini_tct.collection import IRDS, Passage, corpus_files, read_corpus
from pyserini_tct.expand._lines import grow_lines
from pyserini_tct.models import _weights

LONGEST = 512  # ids of a passage, as T5 was trained


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How queries are drawn.

    Args:
        samples: queries a passage.
        top_k: likeliest words that each word is drawn from.
        max_new_tokens: longest query.
        seed: another seed gives other queries.
    """

    samples: int = 40
    top_k: int = 10
    max_new_tokens: int = 64
    seed: int = 0


class Predictor:
    """A sequence-to-sequence model of Transformers with its tokenizer.

    Args:
        name: folder or hub name.
        device: ``cpu``, ``cuda:0``, ... or ``auto``.

    Raises:
        TctError: nothing is there, or it is no such model.
    """

    def __init__(self, name: str | Path, device: str = 'cpu') -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        folder = _weights.resolve(name)
        self.sha256 = _weights.digest(_weights.find(folder))
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self.model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32)
        except Exception as error:  # Transformers' own, by what is missing
            cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise TctError(f'{name} is no sequence-to-sequence model that predicts queries ({cause})') from error
        self.model = self.model.to(_env.device_of(device)).eval()

    @torch.no_grad()
    def predict(self, passages: Sequence[Passage], sampling: Sampling) -> list[list[str]]:
        """Return the queries of each passage; blank ones are left out."""
        from transformers import GenerationConfig, LogitsProcessorList
        from transformers.modeling_outputs import BaseModelOutput

        texts = [passage.contents for passage in passages]
        given = self.tokenizer(texts, truncation=True, max_length=LONGEST, padding=True, return_tensors='pt')
        mask = given['attention_mask'].to(self.model.device)
        states = self.model.get_encoder()(given['input_ids'].to(self.model.device), attention_mask=mask)[0]
        draws = _Draws([_generator(sampling.seed, passage.docid) for passage in passages], sampling)
        config, defaults = self.model.config, self.model.generation_config
        found = self.model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=states.repeat_interleave(sampling.samples, 0)),
            attention_mask=mask.repeat_interleave(sampling.samples, 0),
            logits_processor=LogitsProcessorList([draws]),
            generation_config=GenerationConfig(
                max_new_tokens=sampling.max_new_tokens,
                do_sample=False,  # the greatest score is the one that was drawn
                decoder_start_token_id=defaults.decoder_start_token_id or config.decoder_start_token_id or 0,
                eos_token_id=defaults.eos_token_id or config.eos_token_id,
                pad_token_id=config.pad_token_id,
            ),
        )
        queries = [' '.join(text.split()) for text in self.tokenizer.batch_decode(found, skip_special_tokens=True)]
        rows = [queries[start : start + sampling.samples] for start in range(0, len(queries), sampling.samples)]
        return [[query for query in row if query] for row in rows]


class _Draws:
    """A logits processor that leaves one token possible in each row: the one that is drawn.

    Args:
        generators: one a passage; its samples stand in rows after each other.
        sampling: samples and ``top_k``.
    """

    def __init__(self, generators: Sequence[np.random.Generator], sampling: Sampling) -> None:
        self.generators, self.sampling = generators, sampling

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        best, ids = scores.float().topk(min(self.sampling.top_k, scores.shape[-1]), dim=-1)
        shape = (self.sampling.samples, best.shape[-1])
        noise = np.concatenate([generator.gumbel(size=shape) for generator in self.generators])
        drawn = (best + torch.from_numpy(noise).to(best)).argmax(-1, keepdim=True)
        return torch.full_like(scores, float('-inf')).scatter(1, ids.gather(1, drawn), 0.0)


def _generator(seed: int, docid: str) -> np.random.Generator:
    key = hashlib.sha256(f'{seed}\t{docid}'.encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, 'little')))


def predict_queries(
    corpus: str | Path,
    output: Path,
    predictor: Predictor,
    sampling: Sampling | None = None,
    batch_size: int = 8,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Write the predicted queries of every passage of a corpus, as JSONL with ``id`` and ``predicted_queries``.

    Args:
        corpus: JSONL file or folder, or ``irds:NAME``.
        output: the file; a killed job goes on, and a finished one of the same settings is taken as it is.
        predictor: the model.
        sampling: how queries are drawn.
        batch_size: passages predicted together.
        overwrite: replace a file that was made otherwise.

    Returns:
        Passages, and how many of them were there already.

    Raises:
        TctError: bad input, or the output was made otherwise.
    """
    sampling = sampling or Sampling()
    inputs = [] if str(corpus).startswith(IRDS) else corpus_files(Path(corpus))
    count = sum(1 for _ in read_corpus(corpus))
    plan = {
        'corpus': [_files.sha256(file) for file in inputs] or str(corpus),
        'model_sha256': predictor.sha256,
        **dataclasses.asdict(sampling),
        'batch_size': batch_size,
    }

    def lines_of(passages: Sequence[Passage]) -> list[dict[str, Any]]:
        found = predictor.predict(passages, sampling)
        return [{'id': p.docid, 'predicted_queries': queries} for p, queries in zip(passages, found, strict=True)]

    kind, passages = 'predicted-queries', read_corpus(corpus)
    return count, grow_lines(output, kind, plan, passages, count, batch_size, lines_of, overwrite, inputs)
