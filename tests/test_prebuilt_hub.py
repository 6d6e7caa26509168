# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Models come through the hub's own client, from a hub on 127.0.0.1 that speaks the part of its protocol it needs."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import command

MODEL = 'castorini/tct_colbert-v2-msmarco'
COMMIT = 'c' * 40
FILES = {'config.json': b'{"model_type": "bert"}', 'pytorch_model.bin': b'w' * 5000, 'vocab.txt': b'[PAD]\n'}


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if '/tree/' in self.path:
            tree = [{'type': 'file', 'path': name, 'size': len(c), 'oid': COMMIT} for name, c in FILES.items()]
            content, extra = json.dumps(tree).encode(), {}
        elif self.path.startswith('/api/models/'):
            siblings = [{'rfilename': name} for name in [*FILES, 'tf_model.h5']]
            content, extra = json.dumps({'id': MODEL, 'sha': COMMIT, 'siblings': siblings}).encode(), {}
        else:
            content = FILES.get(self.path.rsplit('/', 1)[-1], b'')
            extra = {'ETag': f'"{hashlib.sha1(content).hexdigest()}"', 'X-Repo-Commit': COMMIT}
        self.server.asked.append(self.path)
        self.send_response(200 if content else 404)
        for name, value in {**extra, 'Content-Length': str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def hub(tmp_path, prebuilt_folders):
    """The variables of a user of that hub."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        'HF_ENDPOINT': f'http://127.0.0.1:{server.server_address[1]}',
        'HF_HOME': str(tmp_path / 'hub'),
        'HF_HUB_DISABLE_XET': '1',
        **prebuilt_folders,
    }
    server.shutdown()
    server.server_close()


def test_model_is_fetched_recorded_verified_and_removed(hub, tmp_path):
    def run(*words, code=0, **changes):
        done = command('pyserini_tct.prebuilt', *words, **{**hub, **changes})
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert 'no network' in run('fetch', MODEL, code=2, HF_HUB_OFFLINE='1')
    folder = run('fetch', MODEL).splitlines()[0].removeprefix(f'{MODEL}: ')
    assert COMMIT in folder
    assert folder.startswith(str(tmp_path / 'hub'))
    assert 'as fetched' in run('verify', MODEL, HF_HUB_OFFLINE='1')
    (tmp_path / 'hub').joinpath(folder, 'vocab.txt').write_bytes(b'[UNK]\n')
    assert 'vocab.txt changed' in run('verify', code=1)
    assert 'freed' in run('remove', MODEL)
    assert 'not on this machine' in run('verify', MODEL, code=1)
