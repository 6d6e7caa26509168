# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Backends: torch's vectors or a refusal, exported once, named in the manifest."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from conftest import TEXTS, fails, refusal
from test_encode import words

from pyserini_tct import _env, _files
from pyserini_tct._manifest import read_manifest
from pyserini_tct.encode import TctColBertDocumentEncoder, TctColBertQueryEncoder
from pyserini_tct.encode.__main__ import main
from pyserini_tct.index.faiss import build_flat
from pyserini_tct.models import backends, student
from pyserini_tct.search.faiss.__main__ import main as search


def installed(backend):
    """Skip where a backend cannot be exported or run."""
    for module in {'onnx': ('onnx', 'onnxruntime'), 'openvino': ('onnx', 'openvino')}[backend]:
        pytest.importorskip(module, reason=f'the extra `{backend}` is not installed')


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSERINI_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'tct-onnx'


@pytest.mark.parametrize('backend', ['onnx', 'openvino'])
def test_a_backend_gives_torchs_vectors_and_is_exported_once(
    corpus, tmp_path, tiny_student, cache, monkeypatch, capsys, backend
):
    installed(backend)
    main(words(corpus, tmp_path / 'v', tiny_student, '--backend', backend))
    assert 'exporting the model' in capsys.readouterr().err
    content = read_manifest(tmp_path / 'v')
    assert (content['backend'], content['precision']) == (backend, 'fp32')
    assert build_flat(tmp_path / 'v', tmp_path / 'index') == 6
    assert read_manifest(tmp_path / 'index')['backend'] == backend
    monkeypatch.setattr(backends, '_export', None)  # what is in the cache is used
    texts = [*TEXTS.values(), 'ice ' * 500, '']
    for kind, options in ((TctColBertDocumentEncoder, {'device': 'cpu'}), (TctColBertQueryEncoder, {})):
        there, here = kind(tiny_student, backend=backend, **options), kind(tiny_student, **options)
        encode = [getattr(e, 'encode_batch', e.encode) for e in (there, here)]
        np.testing.assert_allclose(encode[0](texts), encode[1](texts), atol=1e-5)
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    (folder / 'model.onnx').write_bytes(b'\x08')
    (folder / 'model.onnx.sha256').write_text(_files.sha256(folder / 'model.onnx'))
    sentence = refusal(TctColBertDocumentEncoder, tiny_student, device='cpu', backend=backend)
    assert f'{folder}/model.onnx cannot be loaded' in sentence
    assert 'exported again' in sentence


def test_other_vectors_are_refused_with_both_numbers(tiny_student, monkeypatch):
    """A backend that drops the mask, say, would still give plausible vectors."""

    def unmasked(backend, student, precision):
        import torch

        return lambda ids, mask: student(torch.from_numpy(ids), torch.ones(ids.shape)).detach().numpy()

    monkeypatch.setitem(backends._RUNTIMES, 'onnx', unmasked)
    sentence = refusal(TctColBertDocumentEncoder, tiny_student, device='cpu', backend='onnx')
    assert 'the least cosine is 0.' in sentence
    assert '0.9999 is needed' in sentence


def test_vectors_of_another_length_are_refused(tiny_student, monkeypatch):
    """Scores are dot products: three times a vector has the same cosines and other rankings."""

    def longer(backend, student, precision):
        import torch

        return lambda ids, mask: 3 * student(torch.from_numpy(ids), torch.from_numpy(mask)).detach().numpy()

    monkeypatch.setitem(backends._RUNTIMES, 'onnx', longer)
    sentence = refusal(TctColBertDocumentEncoder, tiny_student, device='cpu', backend='onnx')
    assert 'they differ by up to 2 of their length, 0.015 is allowed; use the backend torch' in sentence


@pytest.mark.parametrize('damage', ['model', 'checksum', 'none'])
def test_a_damaged_export_is_exported_again(tiny_student, cache, monkeypatch, capsys, damage):
    """It may load, and give the vectors of no model."""
    monkeypatch.setattr(_env, 'need', lambda *_: None)
    exports = []

    def export(student, file, backend):
        exports.append(file)
        file.write_bytes(b'a model')

    monkeypatch.setattr(backends, '_export', export)
    model = student.load(tiny_student)
    file = backends.exported(model, 'onnx')
    assert backends.exported(model, 'onnx') == file
    capsys.readouterr()
    if damage == 'model':
        file.write_bytes(b'a mode1')
    if damage == 'checksum':
        file.with_name('model.onnx.sha256').unlink()
    assert backends.exported(model, 'onnx').read_bytes() == b'a model'
    assert ('has no checksum beside it, or another one: it is exported again' in capsys.readouterr().err) == (
        damage != 'none'
    )
    assert len(exports) == (1 if damage == 'none' else 2)


def test_a_search_compares_the_backend_before_it_exports(
    tiny_index, tiny_student, topics, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(backends, 'use', lambda *_: pytest.fail('exported'))
    words = ['--index', tiny_index, '--encoder', tiny_student, '--topics', topics, '--output', tmp_path / 'run']
    found = fails(search, *words, '--backend', 'onnx', capsys=capsys)
    assert 'was made with another backend (backend torch, this one has onnx): use --backend torch' in found


def test_bf16_is_near_fp32_and_named(corpus, tmp_path, tiny_student):
    main(words(corpus, tmp_path / 'v', tiny_student, '--precision', 'bf16'))
    assert read_manifest(tmp_path / 'v')['precision'] == 'bf16'
    exact = TctColBertDocumentEncoder(tiny_student, device='cpu').encode(list(TEXTS.values()))
    near = np.load(tmp_path / 'v' / '00000.npy')
    cosine = (near * exact[:2]).sum(1) / np.linalg.norm(near, axis=1) / np.linalg.norm(exact[:2], axis=1)
    assert cosine.min() > 0.999
    assert np.abs(near - exact[:2]).max() > 0


@pytest.mark.parametrize('has', [True, False])
def test_auto_takes_bf16_where_it_is(tiny_student, monkeypatch, has):
    monkeypatch.setattr(_env, 'has_bf16', lambda device: has)
    if not has:
        sentence = refusal(TctColBertQueryEncoder, tiny_student, backend='openvino', precision='bf16')
        assert 'this CPU has no bf16' in sentence
    encoder = TctColBertDocumentEncoder(tiny_student, device='cpu', precision='auto')
    assert encoder.precision == ('bf16' if has else 'fp32')


def test_what_cannot_be_is_refused(corpus, tmp_path, tiny_student, cache, monkeypatch, capsys):
    output = tmp_path / 'v'
    sentence = fails(
        main, *words(corpus, output, tiny_student, '--backend', 'onnx', '--precision', 'bf16'), capsys=capsys
    )
    assert 'the backend onnx computes in fp32' in sentence
    assert "backend 'tpu'" in refusal(TctColBertQueryEncoder, tiny_student, backend='tpu')
    for backend, module in (('onnx', 'onnx'), ('openvino', 'openvino')):
        if importlib.util.find_spec(module) is None:
            sentence = fails(main, *words(corpus, output, tiny_student, '--backend', backend), capsys=capsys)
            assert (
                f"needs the package {module}, which is not installed: pip install 'pyserini-tct[{backend}]'" in sentence
            )
    assert not output.exists()


def test_a_failed_export_is_one_sentence_and_leaves_no_model(
    corpus, tmp_path, tiny_student, cache, monkeypatch, capsys
):
    """A model that was exported in part would be taken by the next command."""
    installed('onnx')
    import torch

    def unsupported(*words, **options):
        Path(words[2]).write_bytes(b'half')
        raise RuntimeError('Unsupported: ONNX export of operator foo\nand a page of hints')

    monkeypatch.setattr(torch.onnx, 'export', unsupported)
    sentence = fails(main, *words(corpus, tmp_path / 'v', tiny_student, '--backend', 'onnx'), capsys=capsys)
    assert 'the student cannot be exported for onnx (Unsupported: ONNX export of operator foo)' in sentence
    assert 'use the backend torch' in sentence
    assert not list(cache.glob('**/*.onnx'))
    assert not list(tmp_path.glob('v*'))
