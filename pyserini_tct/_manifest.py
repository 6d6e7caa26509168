# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Manifests: what an artefact was made from and with, by checksum.

The same inputs and settings give the same manifest, but for the section ``environment``, which says where and when.
"""

import datetime
import hashlib
import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyserini_tct import _env
from pyserini_tct._atomic import Manifest, manifest_path
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json, sha256

FORMAT_VERSION = 1


def describe(kind: str, content: dict[str, Any], inputs: Iterable[Path] = ()) -> Manifest:
    """Return a manifest, to be published with what it describes.

    Args:
        kind: ``vectors``, ``faiss-index``, ...
        content: settings and counts.
        inputs: files or folders that it was made from, recorded by name and SHA-256; of a manifest without its
            environment.
    """
    return {
        'kind': kind,
        'format_version': FORMAT_VERSION,
        **content,
        'inputs': [{'name': path.name, 'sha256': digest(path)} for path in inputs],
        'environment': {
            **_env.versions(),
            'platform': platform.platform(),
            'written': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
        },
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file or folder; of a manifest, without its environment."""
    if not path.name.endswith('.manifest.json'):
        return sha256(path)
    content = {key: value for key, value in read_json(path).items() if key != 'environment'}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest beside ``path``, or ``None`` where there is none (an artefact of stock Pyserini)."""
    manifest = manifest_path(path)
    if not manifest.exists():
        return None
    content = read_json(manifest)
    if not isinstance(content, dict) or content.get('format_version') != FORMAT_VERSION:
        raise TctError(
            f'{manifest} has format version {content.get("format_version") if isinstance(content, dict) else None}'
            f', this release reads {FORMAT_VERSION}: make {path.name} again'
        )
    return content
