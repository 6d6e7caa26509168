# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Models on the Hugging Face hub, in the hub's own cache, by its own client (which resumes and locks by itself)."""

import logging
from pathlib import Path

from pyserini_tct._errors import TctError

logger = logging.getLogger(__name__)
WEIGHTS = ('model.safetensors', 'pytorch_model.bin')
FILES = (
    'config.json',
    *WEIGHTS,
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.txt',
    'spiece.model',
    'generation_config.json',
    'tct.json',
    'colbert.json',
    'cross.json',
    'artifact.metadata',
)


def snapshot(name: str) -> Path:
    """Return the folder of a model, downloaded if need be.

    Raises:
        TctError: the hub does not have it or cannot be reached.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except Exception as error:  # the hub's own errors, and those of whatever lies between it and us
        logger.debug('hub', exc_info=True)
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise TctError(
            f'{name} is no folder here and could not be had from the hub ({cause}): '
            'check the name, or download it once where there is a network'
        ) from error


def cached(name: str) -> Path | None:
    """Return the folder of a model that the hub's cache has whole, or ``None``."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(FILES), local_files_only=True))
    except Exception:  # LocalEntryNotFoundError, or what an unreadable cache raises
        logger.debug('hub cache', exc_info=True)
        return None
    whole = (folder / 'config.json').exists() and any((folder / file).exists() for file in WEIGHTS)
    return folder if whole else None


def remove(name: str) -> None:
    """Delete a model from the hub's cache."""
    from huggingface_hub import scan_cache_dir

    cache = scan_cache_dir()
    commits = [revision.commit_hash for repo in cache.repos if repo.repo_id == name for revision in repo.revisions]
    cache.delete_revisions(*commits).execute()
