# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What was installed under a name, by checksum: ``NAME.installed.json`` beside the folder, and its comparison."""

from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _env
from pyserini_tct._errors import TctError
from pyserini_tct._files import read_json, sha256
from pyserini_tct.prebuilt._registry import Entry

FORMAT_VERSION = 1


def record_path(entry: Entry) -> Path:
    """Return where the record of an installed entry stands."""
    return entry.target.with_name(f'{entry.target.name}.installed.json')


def checksums(path: Path) -> dict[str, str]:
    """Return ``{file: SHA-256}`` of a folder, of encoded queries (``NAME.npy`` with ``NAME.tsv``) or of a file."""
    from tqdm import tqdm

    if path.is_dir():
        files = sorted(file for file in path.rglob('*') if file.is_file())
    else:
        files = [path, *([path.with_suffix('.tsv')] if path.suffix == '.npy' else [])]
    root = path if path.is_dir() else path.parent
    found = {}
    size = sum(file.stat().st_size for file in files)
    with tqdm(total=size, unit='B', unit_scale=True, desc='checksums', disable=None) as progress:
        for file in files:
            found[file.relative_to(root).as_posix()] = sha256(file)
            progress.update(file.stat().st_size)
    return found


def write(entry: Entry, path: Path, files: dict[str, str], source: str | None) -> None:
    """Record an installation.

    Args:
        entry: what is installed.
        path: where it will be; of a model on the hub, its folder in the hub's cache.
        files: its checksums.
        source: URL, file or commands that it came from.
    """
    record_path(entry).parent.mkdir(parents=True, exist_ok=True)
    content = {'name': entry.name, 'path': str(path), 'source': source, 'md5': entry.md5, 'files': files}
    _atomic.write_json(
        record_path(entry), {'format_version': FORMAT_VERSION, **content, 'environment': _env.versions()}
    )


def read(entry: Entry) -> dict[str, Any] | None:
    """Return the record of an entry, or ``None`` where there is none.

    Raises:
        TctError: it is malformed or of another release.
    """
    if not record_path(entry).exists():
        return None
    content = read_json(record_path(entry))
    if content.get('format_version') != FORMAT_VERSION or not isinstance(content.get('files'), dict):
        raise TctError(f'{record_path(entry)} is of another release or damaged: remove {entry.name} and fetch it again')
    return content


def differences(path: Path, expected: dict[str, str]) -> list[str]:
    """Return what is missing, changed or new in ``path``, one sentence a file; nothing if all is as recorded."""
    if not path.exists():
        return [f'{path} is missing']
    if not path.is_dir() and path.suffix == '.npy' and not path.with_suffix('.tsv').exists():
        return [f'{path.with_suffix(".tsv")} is missing']
    found = checksums(path)
    changed = [f'{name} changed' for name in sorted(found.keys() & expected.keys()) if found[name] != expected[name]]
    missing = [f'{name} is missing' for name in sorted(expected.keys() - found.keys())]
    return missing + changed + [f'{name} is new' for name in sorted(found.keys() - expected.keys())]
