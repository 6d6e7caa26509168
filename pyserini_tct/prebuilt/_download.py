# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Downloads over HTTP that go on where they were cut, and say why they cannot.

What has arrived stays in the partial file, whatever happens; whether it is right is for the checksum to say.
"""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyserini_tct
from pyserini_tct._cli import note
from pyserini_tct._errors import TctError

CHUNK = 1 << 20
LONGEST_PAUSE = 30.0  # seconds between two tries
PROGRESS = 1 << 16  # bytes that a try must bring to count as one that went on
SLOWEST = 1000  # bytes a second below which a connection counts as dead
AGAIN_LATER = (408, 425, 429, 500, 502, 503, 504)


class _GivenUp(Exception):
    """One URL cannot give the file; the next is tried."""


class _TooSlow(Exception):
    """Bytes come, but so few that the file would never be whole."""


class _SafeRedirect(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but not to anything other than HTTP, nor from HTTPS to HTTP."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith('https://' if req.full_url.startswith('https://') else ('http://', 'https://')):
            raise _GivenUp(f'it redirects to {newurl[:80]}, which is not followed')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    urls: Sequence[str], partial: Path, size: int | None, label: str, timeout: float = 30, retries: int = 5
) -> None:
    """Complete a partial file from the first URL that can give the rest.

    Args:
        urls: tried in order.
        partial: grows; what it holds is kept, also when the download fails.
        size: bytes of the whole file, if known.
        label: of the progress bar and of messages.
        timeout: seconds without a byte, or with less than 1,000 bytes a second, after which a try has failed.
        retries: tries in a row that bring next to nothing (less than 64 KiB and than a hundredth of the file) before a
            URL is given up.

    Raises:
        TctError: no URL could give the whole file; the causes are told.
    """
    causes = []
    for url in urls:
        try:
            return _complete(url, partial, size, label, timeout, retries)
        except _GivenUp as error:
            causes.append(f'{url}: {error}')
    kept = partial.stat().st_size if partial.exists() else 0
    raise TctError(
        f'{label} could not be downloaded ({"; ".join(causes)}); {kept:,} bytes are kept: '
        'give the same command again where there is a network'
    )


def _complete(url: str, partial: Path, size: int | None, label: str, timeout: float, retries: int) -> None:
    """Try one URL until the file is whole, or until tries bring nothing any more."""
    if not url.startswith(('http://', 'https://')):
        raise _GivenUp('only http and https are known')
    failures = 0
    while True:
        have = partial.stat().st_size if partial.exists() else 0
        if size is not None and have > size:
            partial.unlink()
            have = 0
        if have == size:
            return
        try:
            _transfer(url, partial, have, size, label, timeout)
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and have:  # there is nothing after what has arrived
                if size is None and error.headers.get('Content-Range') == f'bytes */{have}':
                    return
                raise _GivenUp(_wrong_size(have, size)) from error
            if error.code not in AGAIN_LATER:
                raise _GivenUp(f'HTTP {error.code} {error.reason}') from error
            cause = f'HTTP {error.code} {error.reason}'
        except TimeoutError:
            cause = f'no data for {timeout:g} seconds'
        except _TooSlow:
            cause = f'less than {SLOWEST:,} bytes a second for {timeout:g} seconds'
        except urllib.error.URLError as error:
            if not isinstance(error.reason, TimeoutError):
                raise _GivenUp(str(error.reason)) from error
            cause = f'no answer for {timeout:g} seconds'
        except (ConnectionError, http.client.HTTPException) as error:
            cause = f'the connection was cut ({error})'
        gained = partial.stat().st_size - have if partial.exists() else 0
        failures = 1 if gained > min(PROGRESS, (size or PROGRESS * 100) // 100) else failures + 1
        if failures > retries:
            raise _GivenUp(f'{cause}, {failures} times')
        note(f'{label}: {cause}; trying again from byte {have + gained:,}')
        time.sleep(min(0.5 * 2**failures, LONGEST_PAUSE))


def _transfer(url: str, partial: Path, have: int, size: int | None, label: str, timeout: float) -> None:
    """Append the rest of the file, or write it anew where the server cannot give a part."""
    from tqdm import tqdm

    headers = {'User-Agent': f'pyserini_tct/{pyserini_tct.__version__}', 'Accept-Encoding': 'identity'}
    if have:
        headers['Range'] = f'bytes={have}-'
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http and https only
    with urllib.request.build_opener(_SafeRedirect).open(request, timeout=timeout) as response:
        if response.status != 206:
            have = 0
        elif not re.match(rf'bytes {have}-', response.headers.get('Content-Range', '')):
            raise _GivenUp(f'it sent {response.headers.get("Content-Range")} when asked for byte {have} and later')
        length = response.headers.get('Content-Length', '')
        total = have + int(length) if length.isdecimal() else size
        if size is not None and total != size:
            raise _GivenUp(_wrong_size(total, size))
        with (
            open(partial, 'ab' if have else 'wb') as out,
            tqdm(total=total, initial=have, unit='B', unit_scale=True, desc=label, disable=None) as progress,
        ):
            mark, since = have, time.monotonic()
            while chunk := response.read1(CHUNK):
                have += len(chunk)
                if total is not None and have > total:
                    raise _GivenUp(_wrong_size(have, total))
                out.write(chunk)
                progress.update(len(chunk))
                if have != total and (passed := time.monotonic() - since) >= timeout:
                    if have - mark < SLOWEST * passed:
                        raise _TooSlow
                    mark, since = have, time.monotonic()
    if total is not None and have < total:
        raise ConnectionError(f'{have:,} of {total:,} bytes arrived')


def _wrong_size(found: int | None, expected: int | None) -> str:
    return f'its file has {found:,} bytes, {expected:,} are expected' if expected else f'it ends at byte {found:,}'
