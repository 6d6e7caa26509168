# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Ten systems on six passages: every row is what the commands give, and only what changed is made again."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import TEXTS, TOPICS, clean_environment, fails, write_corpus

from pyserini_tct.collection import Passage
from pyserini_tct.compare import _collection, _ledger, _plan, _report
from pyserini_tct.compare.__main__ import main
from pyserini_tct.eval import evaluate
from pyserini_tct.models import colbert, cross
from pyserini_tct.runs import read_run
from pyserini_tct.search.faiss import FaissSearcher
from pyserini_tct.topics import read_qrels

RELEVANT = {'007': 'd1', '8': 'd2', '9': 'd6'}
DEV = {'21': 'sea snow', '22': 'move rock'}
FLAGS = ('--collection', 'tiny', '--split', 'test', '--output', 'table', '--latency-queries', '2', '--depth', '3')
MODELS = ('--student', 'tct_colbert', '--teacher', 'colbert', '--cross', 'cross', '--tune-split', 'dev')


@pytest.fixture(scope='module')
def folder(tiny_bert, tiny_student, tmp_path_factory):
    """A collection with two splits and predicted queries, and a model of each kind."""
    place = tmp_path_factory.mktemp('compare')
    tiny = place / 'tiny'
    tiny.mkdir()
    write_corpus(tiny / 'corpus.jsonl', TEXTS)
    predicted = [{'id': docid, 'predicted_queries': ['slow ice' if docid == 'd1' else 'how']} for docid in TEXTS]
    (tiny / 'expansions.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in predicted))
    for split, topics, relevant in (('test', TOPICS, RELEVANT), ('dev', DEV, {'21': 'd4', '22': 'd5'})):
        (tiny / f'queries.{split}.tsv').write_text(''.join(f'{qid}\t{text}\n' for qid, text in topics.items()))
        (tiny / f'qrels.{split}.txt').write_text(''.join(f'{qid} 0 {docid} 1\n' for qid, docid in relevant.items()))
    torch.manual_seed(3)
    colbert.new(tiny_bert, dimension=8).save(place / 'colbert')
    cross.new(tiny_bert, cross.Settings(length=64)).save(place / 'cross')
    (place / 'tct_colbert').symlink_to(tiny_student)
    return place


@pytest.fixture(scope='module')
def compared(folder):
    """The JSON of a comparison, which is then made again with other predicted queries; BM25's own line is run anew."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name('compare_twice.py'), *FLAGS, *MODELS],
        cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / 'first.compare.json').read_text())


def test_every_system_is_a_row(folder, compared):
    found, printed = compared, (folder / 'first.out').read_text()
    assert [row['name'] for row in found['systems']] == list(_plan.SYSTEMS)
    assert (found['queries'], found['passages'], found['left_out']) == (3, 6, {})
    for row in found['systems']:
        assert re.search(rf'^{re.escape(row["display"])} +\d\.\d{{4}}', printed, re.MULTILINE)
        assert row['index_bytes'] > 0 < row['build_seconds']
    stages = {row['name']: list(row['latency']['stages']) for row in found['systems']}
    assert stages['bm25'] == ['search']
    assert stages['dense-hnsw'] == ['encode query', 'search']
    assert stages['bm25-cross'] == stages['colbert'] == ['search', 're-rank']
    assert stages['colbert-e2e'] == ['encode query', 'search', 're-rank']
    assert stages['hybrid-maxsim'] == ['encode query', 'search', 'fuse', 're-rank']
    for line in {line for row in found['systems'] for line in row['commands']}:  # every model computes alike
        assert ('--precision fp32' in line) == any(flag in line for flag in ('--encoder', '--maxsim', '--cross'))


def test_bm25_is_what_the_commands_give(folder, compared):
    """The row's own line, typed by a user, gives the same bytes; eval gives the row's figures."""
    row = compared['systems'][0]
    assert row['commands'][-1].startswith('python -m pyserini_tct.search.lucene --index table/build/bm25 ')
    assert (folder / 'again.trec').read_bytes() == (folder / row['run']).read_bytes()
    scores = evaluate(read_qrels(folder / 'tiny' / 'qrels.test.txt'), read_run(folder / 'again.trec'), row['scores'])
    assert (scores.mean, scores.per_query) == (row['scores'], row['per_query'])


def test_a_data_set_of_ir_datasets(folder, compared):
    """Its own topics and judgments, or those of a split."""
    own, other = (json.loads((folder / name / 'compare.json').read_text()) for name in ('irds0', 'irds2'))
    assert own['systems'][0]['per_query'] == compared['systems'][0]['per_query']
    assert (own['split'], other['split'], other['topics']) == ('all', 'other', DEV)
    assert '--corpus irds:tiny/main --index irds0/build/bm25' in own['systems'][0]['commands'][0]
    assert '--topics irds:tiny/main/other ' in other['systems'][0]['commands'][-1]


def test_rows_of_models_are_the_models(folder, compared, tiny_student):
    runs = {row['name']: read_run(folder / row['run']) for row in compared['systems']}
    searcher = FaissSearcher(folder / 'table' / 'build' / 'flat', tiny_student)
    passages = [Passage(docid, text) for docid, text in TEXTS.items()]
    models = {'colbert': colbert.load(folder / 'colbert'), 'bm25-cross': cross.load(folder / 'cross')}
    alpha = compared['alphas']['hybrid']['alpha']
    for qid, query in TOPICS.items():
        dense = {hit.docid: hit.score for hit in searcher.search(query, 6)}
        for name in ('dense', 'dense-hnsw'):
            assert runs[name][qid] == pytest.approx(dense, abs=1e-5)
        lexical = runs['bm25'][qid]
        fused = {docid: score + alpha * lexical.get(docid, min(lexical.values())) for docid, score in dense.items()}
        assert runs['hybrid'][qid] == pytest.approx(fused, abs=1e-3)
        for name, model in models.items():
            with torch.no_grad():
                scores = dict(zip(TEXTS, model([query], passages)[0].tolist(), strict=True))
            expected = {docid: scores[docid] for docid in runs['bm25'][qid]}
            assert runs[name][qid] == pytest.approx(expected, rel=1e-3)  # stored in fp16
        with torch.no_grad():
            late = dict(zip(TEXTS, models['colbert']([query], passages)[0].tolist(), strict=True))
        assert runs['colbert-e2e'][qid] == pytest.approx(late, rel=1e-3)  # every passage has a token that is near
        assert set(runs['hybrid-maxsim'][qid]) == set(TEXTS)


def test_files(folder, compared):
    table = folder / 'table'
    page = (table / 'compare.html').read_text()
    assert page.count('<svg') == 3 + 9  # costs, alphas, and the gains of all but the baseline
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert page.count('<tr class="row"') == 10 + 9  # systems open to their commands, comparisons to their queries
    rows = page.split('<tr class="row"')
    assert 'index.lucene --corpus tiny/corpus.jsonl --index table/build/bm25' in rows[1]
    assert '--cross cross --run table/runs/bm25.test.trec' in rows[10]
    latex = (table / 'compare.tex').read_text()
    assert latex.count(r'\begin{tabular}') == 2
    assert latex.count('\n% BM25: python -m pyserini_tct.') == 2
    assert (table / 'compare.md').read_text().count('\n## ') == 10
    lines = (table / 'commands.txt').read_text().splitlines()
    assert len(lines) == len(set(lines)) == (folder / 'first.err').read_text().count(' s (table/')


def test_only_what_changed_is_made_again(folder, compared):
    """Other predicted queries: their index, its runs and its alpha are made again, and nothing else."""
    told = (folder / 'second.err').read_text()
    made = set(re.findall(r'^\[\d+/\d+\] (\S+): \d', told, re.MULTILINE))
    runs = {f'{name}.test' for name in ('doc2query', 'hybrid-doc2query')}
    assert made == {'expanded', 'doc2query', 'doc2query.dev', 'alpha.hybrid-doc2query', *runs}
    assert set(re.findall(r'timing (\S+)', told)) == {'doc2query', 'hybrid-doc2query'}
    before, after = (json.loads((folder / f'{name}.made.json').read_text()) for name in ('first', 'second'))
    assert {name for name in after if after[name] != before[name]} == {
        *made, 'latency.doc2query', 'latency.hybrid-doc2query'
    }  # fmt: skip


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (['--systems', 'bm25,colbert'], 'the system colbert needs --teacher PATH'),
        (['--systems', 'hybrid', '--student', 'tct_colbert'], 'needs --alpha NUMBER or --tune-split SPLIT'),
        (['--systems', 'bm25,bm52'], "the system 'bm52' is unknown: choose from bm25, doc2query"),
        (['--systems', 'bm25,bm25'], 'the system bm25 is named twice'),
        (['--baseline', 'dense'], 'the baseline dense is none of the systems bm25, doc2query'),
        (['--tune-split', 'test'], '--tune-split test is the split that is reported'),
        (['--tune-split', 'same'], 'the splits test and same share 3 queries, such as 007'),
        (['--tune-split', 'dev', '--alpha', '1'], '--alpha and --tune-split exclude each other'),
        (['--split', 'strange'], 'qrels.strange.txt judges none of the topics in tiny/queries.strange.tsv'),
        (
            ['--split', 'train'],
            'queries.train.tsv does not exist: the splits with queries are dev, same, strange, test',
        ),
        (['--collection', 'colbert'], '--collection colbert has no corpus.jsonl'),
        (['--predictions', 'none.jsonl'], '--predictions none.jsonl does not exist'),
        (['--teacher', 'cross'], '--teacher cross is a cross-encoder: a ColBERT is needed'),
        (['--student', 'cross'], '--student cross is a cross-encoder: a student is needed'),
        (['--measures', 'RR10'], "the measure 'RR10' is unknown"),
        (['--teacher', 'colbert', '--output', '.'], '--collection tiny lies in the output .: choose another'),
        (['--output', 'tiny', '--collection', 'copy'], 'tiny is not empty and no earlier comparison'),
    ],
)
def test_what_cannot_be_compared(folder, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(folder)
    for name, suffix in (('queries', 'tsv'), ('qrels', 'txt')):
        (folder / 'tiny' / f'{name}.same.{suffix}').write_bytes(
            (folder / 'tiny' / f'{name}.test.{suffix}').read_bytes()
        )
    (folder / 'tiny' / 'queries.strange.tsv').write_text('1\tice\n')
    (folder / 'tiny' / 'qrels.strange.txt').write_text('2 0 d1 1\n')
    shutil.copytree(folder / 'tiny', folder / 'copy', dirs_exist_ok=True)
    before = sorted(folder.rglob('*'))
    given = {'--output': 'new', **dict(zip(words[::2], words[1::2], strict=True))}
    flags = {**dict(zip(FLAGS[::2], FLAGS[1::2], strict=True)), **given}
    assert sentence in fails(main, *(word for pair in flags.items() for word in pair), capsys=capsys)
    assert sorted(folder.rglob('*')) == before


def plan_of(folder, output, **changed):
    settings = _plan.Settings('test', str(folder / 'tct_colbert'), None, None, 0.5, None, 'RR@10', 10, 5, 'cpu', 'fp32')
    collection = _collection.open_collection(str(folder / 'tiny'))
    plan = _plan.Plan(collection, settings._replace(**changed), output)
    for name in ('bm25', 'hybrid'):
        plan.run(name)
    return plan


def test_a_key_is_of_contents_not_of_places(folder, tmp_path):
    """A folder that was moved is as good as before; another alpha or number of hits is another result."""
    keys = _ledger.keys_of(plan_of(folder, tmp_path / 'a'))
    assert _ledger.keys_of(plan_of(folder, tmp_path / 'b')) == keys
    other = _ledger.keys_of(plan_of(folder, tmp_path / 'a', alpha=0.25))
    assert {name for name in keys if keys[name] != other[name]} == {'hybrid.test'}
    other = _ledger.keys_of(plan_of(folder, tmp_path / 'a', hits=20))
    assert {name for name in keys if keys[name] != other[name]} == {'bm25.test', 'hybrid.test'}
    other = _ledger.keys_of(plan_of(folder, tmp_path / 'a', precision='bf16'))
    assert {name for name in keys if keys[name] != other[name]} == {'vectors', 'flat', 'hybrid.test'}


def test_cells_by_hand(compared):
    """Marks stand at the figures they belong to; bytes a passage are those of the index over six passages."""
    found = json.loads(json.dumps(compared))
    row = found['systems'][1]
    row['scores'] = {'RR@10': 0.5, 'nDCG@10': 0.25, 'R@1000': 1.0}
    row['comparison']['nDCG@10']['mark'], row['comparison']['RR@10']['mark'] = '-', ''
    row['comparison']['R@1000']['mark'] = '+'
    row |= {'index_bytes': 6144, 'build_seconds': 2.0}
    row['latency'] |= {'mean': 1.25, 'p50': 1.0, 'p99': 3.0, 'stages': {'search': 1.5}}
    assert _report.cells(found)[2] == [
        'BM25 + doc2query', '0.5000 ', '0.2500-', '1.0000+', '1.2', '1.0', '3.0', '6', '1,024', '2.0'
    ]  # fmt: skip
    assert _report.stage_cells(found)[2] == ['BM25 + doc2query', '', '1.5', '', '']
