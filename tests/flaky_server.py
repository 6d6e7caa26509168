# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A server on 127.0.0.1 that offers files and fails in the ways that servers fail, and archives to offer."""

import contextlib
import hashlib
import io
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyserini_tct.prebuilt import Entry


class FlakyServer(ThreadingHTTPServer):
    """Files by path, and for each path what goes wrong; ``seen`` has each request's path and first byte asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, list[int]] = {}  # after how many bytes each of the next answers is cut
        self.codes: dict[str, list[int]] = {}  # HTTP codes of the next answers
        self.redirects: dict[str, str] = {}
        self.before_gate = 1  # bytes that come in any case
        self.gates: dict[str, threading.Event] = {}  # the rest comes when it is set, or after a minute
        self.drips: dict[str, float] = {}  # seconds before each byte of the body
        self.no_ranges: set[str] = set()
        self.no_lengths: set[str] = set()
        self.seen: list[tuple[str, int]] = []

    def url(self, path: str) -> str:
        return f'http://127.0.0.1:{self.server_address[1]}{path}'


class Handler(BaseHTTPRequestHandler):
    server: FlakyServer

    def do_GET(self) -> None:
        server, path = self.server, self.path
        asked = self.headers.get('Range', 'bytes=0-').removeprefix('bytes=').rstrip('-')
        first = 0 if path in server.no_ranges else int(asked)
        server.seen.append((path, int(asked)))
        if server.codes.get(path):
            return self.send_error(server.codes[path].pop(0))
        if path in server.redirects:
            self.send_response(302)
            self.send_header('Location', server.redirects[path])
            self.send_header('Content-Length', '0')
            return self.end_headers()
        content = server.files.get(path)
        if content is None:
            return self.send_error(404)
        if first and first >= len(content):
            self.send_response(416)
            self.send_header('Content-Range', f'bytes */{len(content)}')
            return self.end_headers()
        self.send_response(206 if first else 200)
        if first:
            self.send_header('Content-Range', f'bytes {first}-{len(content) - 1}/{len(content)}')
        if path not in server.no_lengths:
            self.send_header('Content-Length', str(len(content) - first))
        self.end_headers()
        body = content[first:]
        if server.cuts.get(path):
            body = body[: server.cuts[path].pop(0)]
        with contextlib.suppress(OSError):  # a client that has given up
            while path in server.drips and body:
                self.wfile.write(body[:1])
                body = body[1:]
                time.sleep(server.drips.get(path, 0))
            if path in server.gates:
                self.wfile.write(body[: server.before_gate])
                server.gates[path].wait(60)
                body = body[server.before_gate :]
            self.wfile.write(body)
        return None

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@contextlib.contextmanager
def serving():
    """Run a server while the block runs."""
    server = FlakyServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        for gate in server.gates.values():
            gate.set()
        server.shutdown()
        server.server_close()


INDEX = {'faiss-lab/': b'', 'faiss-lab/index': b'vectors' * 5000, 'faiss-lab/docid': b'd1\nd2\n'}


def tar(members: dict[str, bytes], packed: bool = True, change=None) -> bytes:
    """Return an archive; ``change`` may tamper with each member's header."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz' if packed else 'w') as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = tarfile.DIRTYPE if name.endswith('/') else tarfile.REGTYPE
            if change:
                change(member)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def entry(server: FlakyServer, content: bytes, path: str = '/faiss-lab.tar.gz', **fields) -> Entry:
    """Offer an archive and return its entry."""
    server.files.setdefault(path, content)
    md5 = hashlib.md5(content).hexdigest()
    defaults = {'name': 'lab', 'kind': 'faiss', 'urls': (server.url(path),), 'md5': md5, 'bytes': len(content)}
    return Entry(**{**defaults, **fields, 'added': True})
