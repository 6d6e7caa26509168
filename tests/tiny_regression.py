# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny regression that passes, as files to change, and what comes out of it."""

from pyserini_tct.regress import exit_code, load_spec, run_spec, work_folder

# The stand-ins for encode, index and search: `build` copies the corpus, `search` writes the run that it was given.
BUILD = 'import pathlib, sys\npathlib.Path(sys.argv[2]).write_text(pathlib.Path(sys.argv[1]).read_text() + "built")\n'
SEARCH = """import pathlib, sys
index, topics, run, output = map(pathlib.Path, sys.argv[1:])
assert index.read_text().endswith('built') and topics.exists()
output.write_text(run.read_text())
"""
RUN = '1 Q0 b 1 2.000000 t\n1 Q0 a 2 1.000000 t\n2 Q0 a 1 3.000000 t\n'  # RR@10: (1/2 + 1) / 2 = 0.75; R@100: 1
SPEC = """\
collection: tiny
requires: [json]
source: 'computed by hand, 2026'
data:
  corpus: corpus.jsonl
  build: build.py
  search: search.py
  found: found.trec
topics:
  tiny-test: {topics: topics.tsv, qrels: qrels.txt}
artefacts:
  - name: tiny_index
    command: python $build $corpus $output
  - name: never_used
    command: python -c 'raise SystemExit("never built")' $output
conditions:
  - name: tiny
    display: Tiny (k1=0.9)
    uses: [tiny_index]
    command: python $search $tiny_index $topics $found $output
    topics:
      - topic_key: tiny-test
        eval_key: tiny-test
        scores:
          - RR@10: 0.75
            R@100: 1.0
        tolerance: {RR@10: 0.0}
        ranks: expected.trec
        near_tie: 1.0e-3
"""

FILES = {
    'corpus.jsonl': '{}',
    'build.py': BUILD,
    'search.py': SEARCH,
    'found.trec': RUN,
    'expected.trec': RUN,
    'topics.tsv': '1\tone\n2\ttwo\n',
    'qrels.txt': '1 0 a 1\n2 0 a 1\n',
    'spec.yaml': SPEC,
}


def edit(place, old, new):
    text = (place / 'spec.yaml').read_text()
    assert old in text
    (place / 'spec.yaml').write_text(text.replace(old, new, 1))


def outcome(place, **options):
    with work_folder(None) as work:
        rows = run_spec(load_spec(place / 'spec.yaml'), work, **options)
    return {row.measure: row.status for row in rows}, exit_code(rows), rows
