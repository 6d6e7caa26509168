# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What test_compare runs in a process of its own: a comparison, the same with other predicted queries, a data set."""

import contextlib
import json
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from pyserini_tct.collection import read_corpus
from pyserini_tct.compare.__main__ import main
from pyserini_tct.search.lucene.__main__ import main as search
from pyserini_tct.topics import read_qrels, read_topics


class Irds:  # a data set as ir_datasets has it
    def __init__(self, split):
        self.split = split

    def docs_iter(self):
        return (SimpleNamespace(doc_id=p.docid, text=p.text) for p in read_corpus('tiny/corpus.jsonl'))

    def queries_iter(self):
        topics = read_topics(f'tiny/queries.{self.split}.tsv')
        return (SimpleNamespace(query_id=qid, text=text) for qid, text in topics.items())

    def qrels_iter(self):
        judged = read_qrels(f'tiny/qrels.{self.split}.txt')
        return (SimpleNamespace(query_id=q, doc_id=d, relevance=g) for q, ds in judged.items() for d, g in ds.items())

    has_docs = has_queries = has_qrels = lambda self: True


if __name__ == '__main__':
    for name, old, new in (('first', 'how', 'how'), ('second', 'how', 'what')):
        file = Path('tiny', 'expansions.jsonl')
        file.write_text(file.read_text().replace(old, new))
        with open(f'{name}.out', 'w') as out, open(f'{name}.err', 'w') as err:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main(sys.argv[1:])
        for kept in ('compare', 'made'):
            shutil.copyfile(f'table/{kept}.json', f'{name}.{kept}.json')
    words = shlex.split(json.loads(Path('table', 'compare.json').read_text())['systems'][0]['commands'][-1])
    words[words.index('--output') + 1] = 'again.trec'
    search(words[3:])

    data = {'tiny/main': Irds('test'), 'tiny/main/other': Irds('dev')}
    sys.modules['ir_datasets'] = SimpleNamespace(load=data.__getitem__)
    for words in ([], ['--split', 'other']):
        main(['--collection', 'irds:tiny/main', '--output', f'irds{len(words)}', '--systems', 'bm25', *words])
