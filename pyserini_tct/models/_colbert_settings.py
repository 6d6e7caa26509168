# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What a ColBERT checkpoint says of itself, in ``colbert.json`` or in ColBERT v2's ``artifact.metadata``."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json
from pyserini_tct._manifest import FORMAT_VERSION
from pyserini_tct.text import TokenContract


@dataclasses.dataclass(frozen=True)
class Settings:
    """What ``colbert.json`` says.

    Args:
        contract: how texts are written and which tokens count.
        normalize_passages: divide passage token vectors by their length.
        normalize_queries: likewise for queries (ColBERT v2 does, the paper's code does not).
        logit_scale: what the scores were multiplied with in the training loss; temperatures are relative to it.
        padding_score: similarity given to passage positions that do not count, as the paper's code does; ``None``:
            they are masked.
        parents, training: where the checkpoint comes from.
    """

    contract: TokenContract = dataclasses.field(default_factory=TokenContract)
    normalize_passages: bool = True
    normalize_queries: bool = False
    logit_scale: float = 1.0
    padding_score: float | None = None
    parents: dict[str, str] = dataclasses.field(default_factory=dict)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)


def read_settings(folder: Path) -> Settings:
    """Read the settings of a checkpoint.

    Raises:
        TctError: no file says them, or one says what makes no sense.
    """
    if (folder / 'colbert.json').exists():
        content = read_json(folder / 'colbert.json')
        version = content.pop('format_version', None)
        if version != FORMAT_VERSION:
            raise TctError(f'{folder}/colbert.json has format version {version}, this release reads {FORMAT_VERSION}')
        try:
            contract: dict[str, Any] = {
                key: tuple(v) if isinstance(v, list) else v for key, v in content.pop('contract').items()
            }
            settings = Settings(contract=TokenContract(**contract), **content)
        except (TypeError, KeyError, AttributeError) as error:
            raise TctError(f'{folder}/colbert.json is not as this release writes it ({error})') from error
        _check(settings, folder)
        return settings
    if (folder / 'artifact.metadata').exists():
        return _v2_settings(read_json(folder / 'artifact.metadata'), folder)
    raise TctError(
        f'{folder} has neither colbert.json nor artifact.metadata, which say how its texts are written: '
        'this is no ColBERT checkpoint'
    )


def _check(settings: Settings, folder: Path) -> None:
    """Refuse a scale or a switch that would change every score, or every temperature, without a word."""
    for name in ('logit_scale', 'padding_score'):
        value = getattr(settings, name)
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not (good and (name == 'padding_score' or value > 0)) and not (name == 'padding_score' and value is None):
            least = 'a number above 0' if name == 'logit_scale' else 'a number or null'
            raise TctError(f'{folder}/colbert.json: {name} is {value!r}, {least} is needed')
    for name in ('normalize_queries', 'normalize_passages'):
        if not isinstance(getattr(settings, name), bool):
            raise TctError(f'{folder}/colbert.json: {name} is {getattr(settings, name)!r}, true or false is needed')


def _v2_settings(metadata: dict[str, Any], folder: Path) -> Settings:
    """Return the settings of a ColBERT v2 checkpoint (stanford-futuredata/ColBERT, ``ColBERTConfig``)."""
    if metadata.get('similarity', 'cosine') != 'cosine':
        raise TctError(f'{folder} scores by {metadata["similarity"]}: only cosine similarity is known')
    contract = TokenContract(
        query_prefix=('[CLS]', metadata.get('query_token_id', '[unused0]')),
        passage_prefix=('[CLS]', metadata.get('doc_token_id', '[unused1]')),
        query_length=metadata.get('query_maxlen', 32),
        passage_length=metadata.get('doc_maxlen', 220),
        separator=True,
        attend_to_masks=bool(metadata.get('attend_to_mask_tokens', False)),
        dropped=0,
        skip_punctuation=bool(metadata.get('mask_punctuation', True)),
    )
    return Settings(contract=contract, normalize_queries=True)
