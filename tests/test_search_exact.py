# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Exact search by matrix product: the hits of a full sort, whatever the batch, the threads or the precision."""

import gc
import shutil

import faiss
import numpy as np
import pytest
import torch
from conftest import TOPICS, fails, refusal
from test_index_kinds import build, make_store
from test_search_faiss import make_index

from pyserini_tct import _env
from pyserini_tct._errors import TctError
from pyserini_tct.runs import Hit, Ranking, read_run, write_run
from pyserini_tct.search.faiss import FaissSearcher, _exact
from pyserini_tct.search.faiss.__main__ import main


@pytest.fixture(scope='module')
def vectors():
    """Passages whose scores are large and close, as TCT-ColBERT's: a common part, and little that tells them apart."""
    chance = np.random.default_rng(1)
    return (chance.standard_normal((3000, 24)) + 4).astype(np.float32)


@pytest.fixture
def small(monkeypatch):
    """Blocks, chunks and copies that three thousand passages fill."""
    monkeypatch.setattr(_exact, 'BLOCK', 64)
    monkeypatch.setattr(_exact, 'PRODUCTS', 1 << 12)
    monkeypatch.setattr(_exact, 'REPAYS', 3)


@pytest.mark.parametrize('precision', ['fp32', 'bf16'])
@pytest.mark.parametrize('k', [1, 10, 300, 2990, 5000])
@pytest.mark.parametrize('count', [1, 2, 3, 40])
def test_the_best_are_found(vectors, small, precision, k, count):
    """The bf16 product alone finds about nine in ten: its error says when more candidates are needed."""
    queries = vectors[5 : 5 + count] - 3.7
    scan = _exact.ExactScan(vectors, precision)
    for threads in (1, 2, 1):
        found = list(scan.nearest(queries, k, threads))
        for (scores, rows), query in zip(found, queries, strict=True):
            exact = vectors.astype(np.float64) @ query
            best = np.sort(exact)[::-1][:k]
            np.testing.assert_allclose(exact[rows[:k]], best, atol=1e-4)  # the same passages, but for near-ties
            np.testing.assert_allclose(scores[:k], best, atol=1e-4)
            assert len(set(rows.tolist())) == len(rows)
            assert (np.diff(scores) <= 0).all()


def test_a_score_does_not_depend_on_the_batch(vectors, small):
    """Two passages with the same text tie exactly, wherever they lie and however they are searched."""
    doubled = np.concatenate([vectors, vectors[::-1]])
    scan, queries = _exact.ExactScan(doubled), vectors[:9] - 3.7
    together = list(scan.nearest(queries, 20))
    for query, (scores, rows) in zip(queries, together, strict=True):
        single = next(scan.nearest(query[None], 20))
        np.testing.assert_array_equal(single[0], scores)
        assert set(rows.tolist()) == set(single[1].tolist()) == {2 * len(vectors) - 1 - row for row in rows.tolist()}


def test_scores_are_those_of_faiss(vectors):
    index, queries = faiss.IndexFlatIP(24), vectors[:5] - 3.7
    index.add(vectors)
    for line, (scores, _) in zip(
        index.search(queries, 10)[0], _exact.ExactScan(vectors).nearest(queries, 10), strict=True
    ):
        np.testing.assert_array_equal(scores[:10], line)


def test_ties_at_the_cut_are_all_found(small):
    """400 equal passages behind 3 better ones: all can be the fourth."""
    vectors = np.ones((1000, 4), np.float32)
    vectors[400:] = 0
    vectors[[7, 500, 600]] = 2
    for count in (1, 5):
        for scores, rows in _exact.ExactScan(vectors).nearest(np.ones((count, 4), np.float32), 4):
            assert sorted(rows[3:].tolist()) == [row for row in range(400) if row != 7]
            assert scores[:4].tolist() == [8, 8, 8, 4]


def test_a_passage_that_rounding_hides_is_found(monkeypatch):
    """The scores of all others are the same in half precision: nothing that the candidates show tells of its error."""
    chance = np.random.default_rng(2)
    vectors = chance.integers(-8, 9, (2000, 2)).astype(np.float32)
    monkeypatch.setattr(_exact, 'REPAYS', 2)
    queries = np.ones((5, 2), np.float32)
    for hidden in ([1003.9, -980], [30007.9, -29984], [16777216.0, -16777192]):  # bf16 and fp16: below 16
        vectors[1111] = hidden
        for precision in ('fp32', 'bf16'):
            scan = _exact.ExactScan(vectors, precision)
            for part in (queries, queries[:1], queries[:1], queries[:1]):
                assert [rows[0] for _, rows in scan.nearest(part, 1)] == [1111] * len(part)


@pytest.mark.parametrize('precision', ['fp32', 'bf16'])
def test_all_that_a_full_sort_finds(small, precision):
    """Norms and means of all sizes, repeated passages, equal scores, any number of hits."""
    chance = np.random.default_rng(3)
    for _ in range(150):
        count, dimension = int(chance.integers(2, 500)), int(chance.choice([1, 2, 8, 24]))
        vectors = chance.standard_normal((count, dimension)) * 10 ** chance.uniform(-2, 4, (count, 1))
        if chance.random() < 0.5:
            vectors = np.round(chance.standard_normal((count, dimension))) + chance.choice([0, 50])
        vectors = vectors[chance.integers(0, count, count)].astype(np.float32)
        queries = chance.standard_normal((int(chance.choice([1, 4])), dimension)).astype(np.float32)
        k, scan = int(chance.integers(1, count + 1)), _exact.ExactScan(vectors, precision)
        every = scan._scores(queries, np.tile(np.arange(count), (len(queries), 1)))
        for _ in range(4 if len(queries) == 1 else 1):  # the last of them with a copy in half precision
            for line, (scores, rows) in zip(every, scan.nearest(queries, k), strict=True):
                wanted = np.flatnonzero(line >= np.sort(line)[-k].astype(np.float64) - 1e-6)
                assert set(wanted.tolist()) <= set(rows.tolist())
                assert len(set(rows.tolist())) == len(rows) >= k
                np.testing.assert_array_equal(scores, line[rows])


def test_a_passage_that_is_not_finite_is_named(vectors, small):
    for value in (np.nan, np.inf):
        broken = vectors.copy()
        broken[1234] = value
        for count in (1, 5):
            found = refusal(lambda: list(_exact.ExactScan(broken).nearest(vectors[:count], 10)))  # noqa: B023
            assert 'the vector in row 1234 gives a score that is not finite' in found


def test_threads_are_given_back(vectors):
    import torch

    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    with _env.threads(before[0] + 1):
        assert torch.get_num_threads() == before[0] + 1
    list(_exact.ExactScan(vectors).nearest(vectors[:3], 5, before[0] + 1))
    assert (torch.get_num_threads(), faiss.omp_get_max_threads()) == before


def test_shards_are_searched_as_one(tmp_path, vectors):
    """A flat shard and an inverted file; ties between them go by docid."""
    whole = FaissSearcher(make_index(tmp_path / 'whole', vectors[:300], [f'p{row:03}' for row in range(300)]), None)
    first = make_index(tmp_path / 'a', vectors[:100], [f'p{row:03}' for row in range(100)])
    second = make_index(tmp_path / 'b', vectors[100:300], [f'p{row:03}' for row in range(100, 300)])
    inverted = faiss.index_factory(24, 'IVF1,Flat', faiss.METRIC_INNER_PRODUCT)
    inverted.train(vectors[100:300])
    inverted.add(vectors[100:300])
    faiss.write_index(inverted, str(second / 'index'))
    searcher, queries = FaissSearcher([first, second], None), vectors[:5] - 3.7
    found, wanted = (s.batch_search(queries, 'abcde', 20) for s in (searcher, whole))
    for qid, hits in wanted.items():
        assert [hit.docid for hit in found[qid]] == [hit.docid for hit in hits]
    _, hits = searcher.search(queries[0], 20, return_vector=True)
    for hit in hits:
        np.testing.assert_array_equal(hit.vectors, vectors[int(hit.docid[1:])])
    twice = FaissSearcher([first, first], None).search(queries[0], 4)
    assert [hit.docid for hit in twice[::2]] == [hit.docid for hit in twice[1::2]]


def test_shards_that_do_not_belong_together(tmp_path, vectors):
    first = make_index(tmp_path / 'a', vectors[:9], 'abcdefghi')
    other = make_index(tmp_path / 'b', vectors[:9, :8].copy(), 'abcdefghi')
    assert 'a has dimension 24, ' in refusal(FaissSearcher, [first, other], None)
    for name, encoder in (('c', 'e'), ('d', 'another')):
        build(make_store(tmp_path / f'{name}-vectors', vectors[:9], encoder_sha256=encoder), tmp_path / name)
    found = refusal(FaissSearcher, [tmp_path / 'c', tmp_path / 'd'], None)
    assert 'were made by different encoders (encoder_sha256): search them apart' in found


def test_rankings_are_written_as_hits_are(tmp_path):
    """Ties, repeated docids, per cent signs: the fast way writes the same bytes."""
    found = {
        '100%': (['b', 'a', 'c'], [2.0, 2.0, 1.0]),
        '2': (['a', 'b', 'a'], [3.5, 2.25, 1.125]),
        '3': (['x%d', 'y'], [70.123456789, -1.0]),
        '4': ([], []),
    }
    write_run(tmp_path / 'a', {q: Ranking(d, np.asarray(s, np.float32)) for q, (d, s) in found.items()}, '50%')
    lists = {
        q: [Hit(*pair) for pair in zip(d, np.asarray(s, np.float32).tolist(), strict=True)]
        for q, (d, s) in found.items()
    }
    write_run(tmp_path / 'b', lists, '50%')
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()
    assert (tmp_path / 'a').read_text().splitlines() == [
        '100% Q0 a 1 2.000000 50%', '100% Q0 b 2 1.999999 50%', '100% Q0 c 3 1.000000 50%',
        '2 Q0 a 1 3.500000 50%', '2 Q0 b 2 2.250000 50%', '3 Q0 x%d 1 70.123459 50%', '3 Q0 y 2 -1.000000 50%',
    ]  # fmt: skip
    write_run(tmp_path / 'c', {q: Ranking(d, np.asarray(s)) for q, (d, s) in found.items()}, output_format='msmarco')
    assert (tmp_path / 'c').read_text().splitlines()[:3] == ['100%\ta\t1', '100%\tb\t2', '100%\tc\t3']
    ranking = Ranking(['a', 'b'], np.array([1.5, 0.5], np.float32))
    assert (ranking[0], list(ranking[1:]), len(ranking)) == (Hit('a', 1.5), [Hit('b', 0.5)], 2)


def test_the_command_over_shards_with_a_profile(tiny_index, tiny_student, topics, tmp_path, capsys):
    words = ['--index', tiny_index, tiny_index, '--encoder', tiny_student, '--topics', topics, '--hits', 3, '--profile']
    main([str(word) for word in (*words, '--output', tmp_path / 'run')])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ['load', 'encode', 'search', 'write']
    assert [len(hits) for hits in read_run(tmp_path / 'run').values()] == [3, 3, 3]  # of each passage, the better copy
    assert 'run: 3 queries, 9 hits, ' in lines[-5]
    words += ['--output', tmp_path / 'other', '--ef-search', 9]
    assert '--ef-search has no effect on the index' in fails(main, *words, capsys=capsys)
    assert list(read_run(tmp_path / 'run')) == list(TOPICS)


def test_overlapping_shards_give_each_passage_once(tiny_index, tiny_student, topics, tmp_path, capsys):
    """As many hits are printed as written, and they are those of one copy; windows of a document are passages."""
    words = ['--encoder', tiny_student, '--topics', topics, '--hits', 99, '--index', tiny_index]
    main([str(word) for word in (*words, '--output', tmp_path / 'one')])
    for more, name in (([], 'all'), (['--prf-depth', 3], 'prf')):
        capsys.readouterr()
        main([str(word) for word in (*words, tiny_index, *more, '--output', tmp_path / name)])
        assert (found := capsys.readouterr()).out.startswith(f'{tmp_path / name}: 3 queries, 18 hits, ')
        assert 'fewer hits' not in found.err
    assert (tmp_path / 'all').read_bytes() == (tmp_path / 'one').read_bytes()
    assert [len(hits) for hits in read_run(tmp_path / 'prf').values()] == [6, 6, 6]
    windows = tmp_path / 'windows'
    shutil.copytree(tiny_index, windows)
    (windows / 'docid').write_text(''.join(f'd1#{window}\n' for window in range(6)))
    main([str(word) for word in (*words, windows, '--output', tmp_path / 'long')])
    assert [len(hits) for hits in read_run(tmp_path / 'long').values()] == [12, 12, 12]


def test_the_collector_rests_while_hits_are_made(tiny_index, monkeypatch):
    searcher, seen = FaissSearcher(tiny_index, None), []
    none = np.zeros((0, searcher.dimension), np.float32)
    monkeypatch.setattr(searcher, '_ranked', lambda *_: seen.append(gc.isenabled()) or iter([]))
    try:
        for on in (True, False):
            (gc.enable if on else gc.disable)()
            searcher.batch_search(none, [])
            assert gc.isenabled() is on
    finally:
        gc.enable()
    monkeypatch.undo()
    with pytest.raises(TctError):
        searcher.batch_search(none, [], 0)
    assert gc.isenabled()
    assert seen == [False, False]


def test_torch_keeps_its_threads(tiny_index, tiny_student):
    """Faiss sets OpenMP's threads for the whole process: queries after the first would be encoded on one core."""
    before = torch.get_num_threads()
    FaissSearcher(tiny_index, tiny_student).search('ice', 2, threads=before + 1)
    assert torch.get_num_threads() == before
