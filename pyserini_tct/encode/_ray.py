# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The shards of a corpus as Ray tasks, joined as ``encode.merge`` joins them.

There are no actors: a shard is one task, with one CPU and, where the cluster has GPUs, one GPU.

The nodes of a cluster need the corpus, the encoder and the output under the same paths. A task whose worker dies is
started again by Ray and goes on after its last complete block; so does the whole job when it is started again.
"""

import os
import socket
from pathlib import Path
from typing import Any

from pyserini_tct import _env, _files
from pyserini_tct._errors import TctError
from pyserini_tct._resume import resumed
from pyserini_tct.collection import IRDS, corpus_files
from pyserini_tct.encode.merge import merge
from pyserini_tct.models import _weights

RETRIES, LOCAL = 3, 'local'
CONNECT = 10  # seconds
CLIENT = 'ray://'
HELLO = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # RFC 9113, 3.4: and no settings


def encode_on_ray(
    corpus: str, output: Path, encoder: dict[str, Any], settings: dict[str, Any], address: str, shard_num: int
) -> int:
    """Encode a corpus by Ray tasks into a vector store.

    Args:
        corpus: see :func:`pyserini_tct.encode._writer.encode_corpus`.
        output: new folder.
        encoder: arguments of the document encoder; with ``device`` ``auto`` a task takes a GPU where the cluster has
            them.
        settings: further arguments of ``encode_corpus``, ``overwrite`` among them.
        address: of a running cluster, or ``local`` for one of this process.
        shard_num: tasks; 1: one for each GPU, or else for each CPU, of the cluster.

    Returns:
        Passages in all.

    Raises:
        TctError: Ray is missing or not there, a worker died too often, or what ``encode_corpus`` raises.
    """
    ray = _env.need('ray', 'ray', '--ray')
    if address.startswith(CLIENT):
        _env.need('grpc', 'ray', f'--ray with an address {CLIENT}HOST:PORT')
    if not ray.is_initialized():
        try:
            _reach(address)
            ray.init(None if address == LOCAL else address, log_to_driver=False, configure_logging=False)
        except Exception as error:  # a node that is not up in time is no more than an ``Exception``
            cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if address == LOCAL:
                raise TctError(
                    f'Ray does not start on this machine ({cause}): try again, or encode without --ray'
                ) from error
            raise TctError(f'no Ray cluster at {address} ({cause}): start one') from error
    found = ray.cluster_resources()
    gpus = int(found.get('GPU', 0)) if encoder['device'] != 'cpu' else 0
    encoder = {**encoder, 'device': 'cuda:0' if gpus else 'cpu'}
    for key in ('model_name', 'tokenizer_name'):  # workers have a working folder of their own
        if encoder[key] and Path(encoder[key]).exists():
            encoder[key] = str(Path(encoder[key]).resolve())
    inputs = [] if corpus.startswith(IRDS) else corpus_files(Path(corpus))
    number = shard_num if shard_num > 1 else gpus or int(found['CPU'])
    if inputs:
        passages = sum(1 for file in inputs for _ in _files.numbered_lines(file))
        number = max(1, min(number, -(-passages // settings['shard_size'])))
    plan = {
        **{key: value for key, value in {**settings, **encoder}.items() if key not in ('overwrite', 'device')},
        'weights': _weights.digest(_weights.find(_weights.resolve(encoder['model_name']))),
        'corpus': [_files.sha256(file) for file in inputs] or corpus,
        'ray_shards': number,
    }
    options = {'max_retries': RETRIES, 'num_cpus': 1, 'num_gpus': 1 if gpus else 0}
    task = ray.remote(**options)(_encode_shard)
    with resumed(output, plan, settings['overwrite']) as partial:
        where = Path(corpus).resolve() if inputs else corpus
        folders = [partial.resolve() / str(shard_id) for shard_id in range(number)]
        running = [task.remote(where, folder, encoder, settings, i, number) for i, folder in enumerate(folders)]
        try:
            ray.get(running)
        except ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, TctError) else error) from error
        except ray.exceptions.RayError as error:
            raise TctError(f'Ray lost a shard ({type(error).__name__}): start again, it goes on') from error
        return merge(folders, output, settings['overwrite'])


def _reach(address: str) -> None:
    """Raise ``OSError`` where no gRPC answers at ``HOST:PORT`` or ``ray://HOST:PORT``: Ray would try for minutes."""
    host, _, port = address.removeprefix(CLIENT).rpartition(':')
    if not host or not port.isdecimal():
        return
    with socket.create_connection((host.strip('[]'), int(port)), CONNECT) as server, server.makefile('rb') as answer:
        if os.environ.get('RAY_USE_TLS', '').lower() in ('1', 'true'):
            return  # it says nothing before a handshake
        server.sendall(HELLO)
        if answer.read(9)[3:4] != b'\x04':  # HTTP/2, and so gRPC, begins with a frame of settings
            raise OSError('what listens there is not Ray')


def _encode_shard(
    corpus: str | Path, folder: Path, encoder: dict[str, Any], settings: dict[str, Any], shard_id: int, shard_num: int
) -> None:
    """Encode one shard, in a worker, unless it is there."""
    if folder.exists():
        return
    from pyserini_tct.encode import TctColBertDocumentEncoder
    from pyserini_tct.encode._writer import encode_corpus

    part: dict[str, Any] = {'shard_id': shard_id, 'shard_num': shard_num}
    encode_corpus(corpus, folder, TctColBertDocumentEncoder(**encoder), **settings, **part)
