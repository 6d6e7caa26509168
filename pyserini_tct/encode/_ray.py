# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The shards of a corpus on Ray, joined as ``encode.merge`` joins them: as tasks, or by actors where there are GPUs.

An actor has a GPU for itself and loads the encoder once for all its shards. The nodes of a cluster need the corpus, the
encoder and the output under the same paths. A shard whose worker dies is started again by Ray and goes on after its
last complete block; so does the whole job when it is started again, with as many shards.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pyserini_tct import _env, _files
from pyserini_tct._errors import TctError
from pyserini_tct._resume import resumed
from pyserini_tct.collection import IRDS, corpus_files
from pyserini_tct.encode._encoders import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
from pyserini_tct.encode.merge import merge
from pyserini_tct.models import _weights

Job = tuple[dict[str, Any], str | Path, Path, dict[str, Any]]  # encoder, corpus, folder of the shard, its settings

RETRIES, LOCAL = 3, 'local'
GPU = 'cuda:0'  # a worker sees its own GPU alone
CONNECT = 10  # seconds
CLIENT = 'ray://'
HELLO = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # RFC 9113, 3.4: and no settings


def encode_on_ray(
    corpus: str, output: Path, encoder: dict[str, Any], settings: dict[str, Any], address: str, shard_num: int
) -> int:
    """Encode a corpus on Ray into a vector store.

    Args:
        corpus: see :func:`pyserini_tct.encode._writer.encode_corpus`.
        output: new folder.
        encoder: arguments of the document encoder; with another ``device`` than ``cpu``, shards go to GPUs where the
            cluster has them.
        settings: further arguments of ``encode_corpus``, ``overwrite`` among them.
        address: of a running cluster, or ``local`` for one of this process.
        shard_num: shards; 1: one for each GPU, or else for each CPU, of the cluster.

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
    encoder = {**encoder, 'device': GPU if gpus else 'cpu'}
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
    with resumed(output, plan, settings['overwrite']) as partial:
        where = Path(corpus).resolve() if inputs else corpus
        folders = [partial.resolve() / str(shard_id) for shard_id in range(number)]
        parts = [{'shard_id': shard_id, 'shard_num': number, **settings} for shard_id in range(number)]
        jobs = [(encoder, where, folder, part) for folder, part in zip(folders, parts, strict=True)]
        try:
            if gpus:
                _on_gpus(ray, jobs, min(gpus, number))
            else:
                _on_cpus(ray, jobs)
        except ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, TctError) else error) from error
        except ray.exceptions.RayError as error:
            raise TctError(
                f'Ray lost a shard ({type(error).__name__}): start again with --shard-num {number}, it goes on'
            ) from error
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


def _on_cpus(ray: ModuleType, jobs: Sequence[Job]) -> None:
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(_encode_shard)
    ray.get([task.remote(*job) for job in jobs])


def _on_gpus(ray: ModuleType, jobs: Sequence[Job], gpus: int) -> None:
    from ray.util import ActorPool

    actor = ray.remote(num_cpus=1, num_gpus=1, max_restarts=-1, max_task_retries=RETRIES)(_Worker)
    pool = ActorPool([actor.remote() for _ in range(gpus)])  # which gives an actor one shard at a time
    list(pool.map_unordered(lambda worker, job: worker.encode_shard.remote(*job), jobs))  # until all are done


class _Worker:
    """Encodes shards, one after the other, with an encoder that is loaded for the first one."""

    def __init__(self) -> None:
        self.encoder: TctColBertDocumentEncoder | None = None

    def encode_shard(self, encoder: dict[str, Any], corpus: str | Path, folder: Path, part: dict[str, Any]) -> None:
        if not folder.exists():
            self.encoder = self.encoder or TctColBertDocumentEncoder(**encoder)
            encode_corpus(corpus, folder, self.encoder, **part)


def _encode_shard(encoder: dict[str, Any], corpus: str | Path, folder: Path, part: dict[str, Any]) -> None:
    _Worker().encode_shard(encoder, corpus, folder, part)
