# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The command search.faiss: what it writes, takes and refuses."""

import copy

import faiss
import numpy as np
import pytest
from conftest import TOPICS, fails, refusal
from test_search_faiss import make_index, pairs

from pyserini_tct.encode import TctColBertQueryEncoder
from pyserini_tct.encode import query as encode_query
from pyserini_tct.runs import read_run
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.search.faiss.__main__ import main


@pytest.fixture(scope='module')
def encoder(tiny_student):
    return TctColBertQueryEncoder(tiny_student)


def words(index, model, topics, output, *more):
    made = ['--index', index, '--encoder', model, '--topics', topics, '--output', output, '--hits', 3, *more]
    return [str(word) for word in made]


def test_the_command_writes_the_run_of_the_searcher(tiny_index, tiny_student, topics, tmp_path, encoder, capsys):
    main(words(tiny_index, tiny_student, topics, tmp_path / 'run', '--batch-size', 2))
    assert 'run: 3 queries, 9 hits' in capsys.readouterr().out
    run, searcher = read_run(tmp_path / 'run'), FaissSearcher(tiny_index, encoder)
    assert list(run) == list(TOPICS)
    for qid, query in TOPICS.items():
        assert run[qid] == pytest.approx(dict(pairs(searcher.search(query, 3))), abs=2e-6)
    assert (tmp_path / 'run').read_text().splitlines()[0].split()[::5] == ['007', 'tct_colbert']


def test_the_msmarco_format(tiny_index, tiny_student, topics, tmp_path, encoder):
    main(words(tiny_index, tiny_student, topics, tmp_path / 'run', '--output-format', 'msmarco'))
    lines = [line.split('\t') for line in (tmp_path / 'run').read_text().splitlines()]
    best = FaissSearcher(tiny_index, encoder).search(TOPICS['007'], 3)
    assert lines[:3] == [['007', hit.docid, str(rank)] for rank, hit in enumerate(best, 1)]


def test_a_stock_index_folder_needs_no_manifest(tmp_path, tiny_student, topics):
    folder = make_index(tmp_path / 'stock', np.eye(3, 32), 'abc')
    main(words(folder, tiny_student, topics, tmp_path / 'run'))
    assert set(read_run(tmp_path / 'run')['8']) == {'a', 'b', 'c'}


def test_encoded_queries_need_no_encoder(tiny_index, topics, tmp_path, encoder):
    np.save(tmp_path / 'topics.npy', encoder.encode_batch(list(TOPICS.values())))
    main(['--index', str(tiny_index), '--encoded-queries', str(tmp_path / 'topics'), '--topics', str(topics),
          '--output', str(tmp_path / 'run'), '--hits', '1'])  # fmt: skip
    best = {qid: [hit.docid for hit in FaissSearcher(tiny_index, encoder).search(q, 1)] for qid, q in TOPICS.items()}
    assert {qid: list(hits) for qid, hits in read_run(tmp_path / 'run').items()} == best


def test_encoded_queries_of_another_encoder_are_refused(tiny_index, other_students, topics, tmp_path, capsys):
    """Of the same dimension: only the manifest beside them tells."""
    other = str(other_students / 'tct_colbert-weights')
    encode_query.main(['--topics', str(topics), '--encoder', other, '--output', str(tmp_path / 'q')])
    given = ['--index', tiny_index, '--encoded-queries', tmp_path / 'q', '--topics', topics, '--output', tmp_path / 'r']
    assert 'was made with another encoder (encoder_sha256' in fails(main, *given, capsys=capsys)
    main([*map(str, given), '--any-encoder'])


def test_queries_of_another_backend_are_refused(tiny_index, encoder):
    other = copy.copy(encoder)
    other.backend = 'onnx'
    found = refusal(FaissSearcher, tiny_index, other)
    assert 'was made with another backend (backend torch, this one has onnx): use --backend torch' in found
    assert FaissSearcher(tiny_index, other, check_encoder=False).search('ice', 1)


def test_a_graph_that_finds_too_few_says_so(tmp_path, tiny_student, topics, capsys):
    """Two groups of passages without a link between them."""
    folder = make_index(tmp_path / 'index', np.eye(40, 32), [f'p{row}' for row in range(40)])
    index = faiss.index_factory(32, 'IVF2,Flat', faiss.METRIC_INNER_PRODUCT)
    vectors = np.repeat(np.eye(2, 32, dtype=np.float32), 20, axis=0)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(folder / 'index'))
    main(words(folder, tiny_student, topics, tmp_path / 'run', '--hits', '30'))
    assert 'the index found fewer hits than asked for 3 queries: see --ef-search' in capsys.readouterr().err
    main(words(folder, tiny_student, topics, tmp_path / 'all', '--hits', '99', '--nprobe', '2'))
    assert 'fewer hits' not in capsys.readouterr().err


@pytest.mark.parametrize('factory', ['SQfp16', 'PCAR32,SQfp16', 'IVF2,Flat', 'IVF2,PQ8x4'])
def test_what_is_lost_to_scores_that_are_not_finite_is_no_matter_of_flags(monkeypatch, tmp_path, encoder, factory):
    """An index too large to be looked through when it is opened; each of its cells is visited."""
    folder = make_index(tmp_path / 'index', np.eye(40, 32), [f'p{row}' for row in range(40)])
    index = faiss.index_factory(32, factory, faiss.METRIC_INNER_PRODUCT)
    vectors = np.random.default_rng(0).standard_normal((40, 32)).astype(np.float32)
    index.train(vectors)
    vectors[7, 3] = np.nan
    index.add(vectors)
    if factory.startswith('IVF'):
        index.nprobe = 2
    faiss.write_index(index, str(folder / 'index'))
    monkeypatch.setattr('pyserini_tct.index._open.not_finite', lambda index, most: None)
    searcher = FaissSearcher(folder, encoder)
    assert 'the vector in row 7 gives a score that is not finite' in refusal(searcher.search, 'ice', 40)


def test_the_command_refuses(tiny_index, tiny_student, other_students, topics, tmp_path, capsys):
    """None of these may leave a run behind, or touch one that is there."""
    output = tmp_path / 'run'
    (tmp_path / 'bad.tsv').write_text('1\tice\n2\n')
    other = other_students / 'tct_colbert-weights'
    for command, message in (
        (
            ['--index', tiny_index, '--topics', topics, '--output', output],
            '--encoder (or --encoded-queries) is missing',
        ),
        (words(tiny_index, tiny_student, tmp_path / 'bad.tsv', output), 'bad.tsv: line 2'),
        (words(tiny_index, tiny_student, topics, output, '--tag', 'a b'), "the tag 'a b' is blank or holds"),
        (words(tiny_index, other, topics, output), 'was made with another encoder'),
    ):
        assert message in fails(main, *command, capsys=capsys)
        assert not output.exists()
    main(words(tiny_index, other, topics, output, '--any-encoder'))
    before = output.read_bytes()
    found = fails(main, *words(tiny_index, tiny_student, topics, output), capsys=capsys)
    assert 'run exists: choose another output or add --overwrite' in found
    assert output.read_bytes() == before
    main(words(tiny_index, tiny_student, topics, output, '--overwrite'))
    assert output.read_bytes() != before


@pytest.mark.parametrize('missing', ['--topics', '--index', '--output'])
def test_missing_flags_are_named(tiny_index, tiny_student, topics, tmp_path, capsys, missing):
    given = words(tiny_index, tiny_student, topics, tmp_path / 'run')
    position = given.index(missing)
    with pytest.raises(SystemExit) as exit_info:
        main(given[:position] + given[position + 2 :])
    assert exit_info.value.code == 2
    assert f'the following arguments are required: {missing}' in capsys.readouterr().err
