# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Triples from every kind of source, and what a bad one gets: the file, the line and the remedy."""

import gzip
import json
import sys
from types import SimpleNamespace

import pytest
from conftest import refusal
from tiny_triples import IDS, TRIPLES, write_ids, write_tsv

from pyserini_tct.train import TrainConfig
from pyserini_tct.train._data import load_data
from pyserini_tct.train._triples import open_triples

TABLE = [dict(zip(('anchor', 'positive', 'negative'), triple, strict=True)) for triple in TRIPLES]


def write_source(path):
    """Write the four triples in the format that the name says."""
    if path.name == 'plain.tsv':
        return write_tsv(path)
    if path.name == 'packed.tsv.gz':
        path.write_bytes(gzip.compress(write_tsv(path.with_name('t')).read_bytes()))
    elif path.name == 'table.parquet':
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(TABLE), path, row_group_size=3)
    else:
        text = ''.join(json.dumps({'other': 1, **row}) + '\n' for row in TABLE)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == '.gz' else text.encode())
    return path


@pytest.mark.parametrize('name', ['plain.tsv', 'packed.tsv.gz', 'lines.jsonl', 'lines.jsonl.gz', 'table.parquet'])
def test_every_format_gives_the_same_triples(tmp_path, name):
    """From any triple on: a run that goes on in the middle of an epoch must not start over."""
    source = open_triples(write_source(tmp_path / name))
    for start in range(5):
        records = list(source.records(start))
        assert [record.columns for record in records] == TRIPLES[start:]
        assert [record.number for record in records] == [1, 2, 3, 4][start:]
    if hasattr(source, 'at'):
        offsets = [record.offset for record in source.records()]
        assert [source.at(offset) for offset in reversed(offsets)] == TRIPLES[::-1]


def test_a_byte_order_mark_and_blank_lines_are_no_text(tmp_path):
    (tmp_path / 't').write_bytes(b'\xef\xbb\xbf' + b'q\tgood\tbad\r\n\r\n r \tfine\tpoor\n')
    source = open_triples(tmp_path / 't')
    assert [(r.number, r.columns) for r in source.records()] == [(1, ('q', 'good', 'bad')), (3, ('r', 'fine', 'poor'))]
    assert [source.at(record.offset)[0] for record in source.records()] == ['q', 'r']


def load(path, folder, **options):
    (folder / 'partial').mkdir(exist_ok=True)
    return load_data(TrainConfig('student', 'tct_colbert-x', 'b', path, **options), folder / 'partial')


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('t', 'q\tgood\tbad\nq\tgood\n', 'line 2 has 2 columns'),
        ('t', 'q\tgood\tbad\textra\n', 'line 1 has 4 columns'),
        ('t', 'q\t \tbad\n', 'line 1 has an empty positive'),
        ('t', '\tgood\tbad\n', 'line 1 has an empty query'),
        ('t', '', 'is empty: at least one triple'),
        ('t', b'q\tgood\tbad\nq\tg\xff\tb\n', 'line 2 is not UTF-8'),
        ('t', 'q\tgood\tbad\n1\t20\t30\n', 'line 2 holds ids, not texts: add --corpus and --queries'),
        ('t.gz', gzip.compress(b'q\tgood\tbad\n' * 2000, mtime=0)[:-20], 'broken or truncated gzip data after line'),
        ('t.gz', b'q\tgood\tbad\n', 'broken or truncated gzip data after line 0'),
        (
            't.jsonl',
            '{"query": "q", "positive": "p"}\n',
            'line 1 has the columns positive, query: query (or anchor), po',
        ),
        ('t.jsonl', '{"query": "q", "positive": "", "negative": "n"}\n', 'line 1 has an empty positive'),
        ('t.jsonl', '{"query": "q", "positive": ["p"], "negative": "n"}\n', 'line 1: the positive is list, not text'),
        (
            't.jsonl',
            '{"query": "q", "positive": null, "negative": "n"}\n',
            'line 1: the positive is NoneType, not text',
        ),
        ('t.jsonl', '{"query": "q"\n', 'line 1 is not valid JSON'),
        ('t.parquet', 'PAR1', 'is damaged or no parquet file'),
    ],
)
def test_bad_triples_are_found_before_the_first_step(tmp_path, name, text, message):
    """At step 100,000 it would be late; and nothing of the index may be left behind."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert message in refusal(load, tmp_path / name, tmp_path)
    assert list((tmp_path / 'partial').iterdir()) == []


def test_a_name_that_is_nothing(tmp_path):
    assert 'triples are a TSV, JSONL or parquet file, irds:NAME or hf:' in refusal(load, tmp_path / 'x', tmp_path)
    assert 'hf:one is no data set' in refusal(load, 'hf:one', tmp_path)


def test_parquet_columns_and_empty_values(tmp_path):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([{'query': 'q', 'pos': 'p'}]), tmp_path / 'a.parquet')
    assert 'a.parquet has the columns pos, query' in refusal(load, tmp_path / 'a.parquet', tmp_path)
    parquet.write_table(pyarrow.Table.from_pylist([TABLE[0], {**TABLE[1], 'negative': None}]), tmp_path / 'b.parquet')
    assert 'b.parquet: row 2: the negative is NoneType' in refusal(load, tmp_path / 'b.parquet', tmp_path)


def test_ids(tmp_path):
    """Ids that queries or corpus lack are named with their line; a positive without text is no positive."""
    ids = write_ids(tmp_path)
    options = {'corpus': ids['corpus'], 'queries': ids['queries']}
    data = load(ids['triples'], tmp_path, **options)
    assert [data.draw(i).rows for i in range(4)] == [tuple(int(name[1:]) for name in triple) for triple in IDS]
    drawn = data.draw(2)
    assert (drawn.name, drawn.query, drawn.positive.text, drawn.negative.text) == ('q2', *TRIPLES[2])
    assert data.used_rows() == sorted({int(name[1:]) for _, *pair in IDS for name in pair})
    for bad, message in (
        (('q0', 'p77', 'p1'), 'line 2 names p77, which'),
        (('q9', 'p0', 'p1'), 'line 2 names q9, which'),
    ):
        path = write_tsv(tmp_path / f'bad-{bad[0]}', [IDS[0], bad])
        (tmp_path / 'partial' / 'triples.index').unlink(missing_ok=True)
        assert message in refusal(load, path, tmp_path, **options)
    with open(ids['corpus'], 'a') as out:
        out.write('{"id": "blank", "contents": " "}\n')
    path = write_tsv(tmp_path / 'blank', [('q0', 'blank', 'p1')])
    assert 'line 1 calls blank positive, but it has no text' in refusal(load, path, tmp_path, **options)
    (tmp_path / 'qrels').write_text('q9 0 p0 1\n')
    assert 'judges query q9' in refusal(load, ids['triples'], tmp_path, qrels=tmp_path / 'qrels', **options)


class FakeIrds:
    """A data set as ir_datasets has it (0.6)."""

    pairs = IDS

    def has_docs(self):
        return True

    has_queries = has_docs

    def has_docpairs(self):
        return bool(self.pairs)

    def docpairs_iter(self):
        return (SimpleNamespace(query_id=q, doc_id_a=a, doc_id_b=b) for q, a, b in self.pairs)

    def queries_iter(self):
        return (SimpleNamespace(query_id=f'q{i}', text=triple[0]) for i, triple in enumerate(TRIPLES))

    def docs_iter(self):
        from tiny_triples import PASSAGES

        return (SimpleNamespace(doc_id=f'p{i}', text=text) for i, text in enumerate(PASSAGES))


def test_ir_datasets_docpairs_bring_their_corpus_and_queries(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ir_datasets', SimpleNamespace(load=lambda name: {'tiny/train': FakeIrds()}[name]))
    data = load('irds:tiny/train', tmp_path)
    assert [(d.query, d.positive.text, d.negative.text) for d in map(data.draw, range(4))] == TRIPLES
    monkeypatch.setattr(FakeIrds, 'pairs', [('q0', 'p0', 'gone')])
    (tmp_path / 'partial' / 'triples.index').unlink()
    assert 'irds:tiny/train: pair 1 names gone' in refusal(load, 'irds:tiny/train', tmp_path)
    monkeypatch.setattr(FakeIrds, 'pairs', [])
    assert 'irds:tiny/train has no docpairs' in refusal(load, 'irds:tiny/train', tmp_path)
    assert "ir_datasets knows no dataset 'tiny'" in refusal(load, 'irds:tiny', tmp_path)


def test_a_data_set_of_the_hub(tmp_path, monkeypatch):
    datasets = pytest.importorskip('datasets', reason='the extra `datasets` brings it')
    table, asked = datasets.Dataset.from_list([{**row, 'label': 1} for row in TABLE]), []
    monkeypatch.setattr(datasets, 'load_dataset', lambda *names, split: (asked.append((*names, split)), table)[1])
    data = load('hf:owner/name/triplet', tmp_path)
    assert asked == [('owner/name', 'triplet', 'train')]
    assert [(d.query, d.positive.text, d.negative.text) for d in map(data.draw, range(4))] == TRIPLES
    assert next(open_triples('hf:owner/name').records(2)).columns == TRIPLES[2]

    def fail(*_, **__):
        raise ConnectionError('no route\nto the hub')

    monkeypatch.setattr(datasets, 'load_dataset', fail)
    assert 'hf:owner/name could not be had from the hub (no route)' in refusal(load, 'hf:owner/name', tmp_path)
    monkeypatch.setattr(datasets, 'load_dataset', lambda *_, split: datasets.Dataset.from_list([{'text': 'a'}]))
    assert 'hf:owner/name has the columns text' in refusal(load, 'hf:owner/name', tmp_path)


@pytest.mark.parametrize(
    ('source', 'package'), [('irds:a/b', 'ir_datasets'), ('hf:a/b', 'datasets'), ('t.parquet', 'pyarrow')]
)
def test_a_missing_extra_says_how_to_install_it(tmp_path, monkeypatch, source, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f'{package}.parquet', None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 't.parquet').write_bytes(b'PAR1')
    found = refusal(load, source, tmp_path)
    assert found.startswith(f'{source} needs the package {package}')
    assert found.endswith("which is not installed: pip install 'pyserini-tct[datasets]'")
