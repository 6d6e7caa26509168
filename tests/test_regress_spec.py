# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The grammar of regressions: a mistake is one sentence with its line, and what a name may stand for."""

import re

import pytest
from tiny_regression import edit, outcome

from pyserini_tct._errors import TctError
from pyserini_tct.regress import load_spec


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        ('requires: [json]', 'require: [json]', 2, "the key 'require' is unknown: use one of collection, topics"),
        ('    display:', '    dispaly:', 18, "condition tiny: the key 'dispaly' is unknown"),
        ('    command: python $search', '    display: x', 20, "the key 'display' stands here twice"),
        ('  - name: tiny\n    disp', '  - disp', 17, "condition without a name: the key 'name' is missing"),
        ('collection: tiny\n', '', 1, "the key 'collection' is missing"),
        ('requires: [json]', 'requires: json', 2, 'requires: a list is needed'),
        ("'computed by hand, 2026'", '2026', 3, 'source: 2026 is no text'),
        ("'computed by hand, 2026'", '" "', 3, 'source: the text is blank'),
        ("'computed by hand, 2026'", '[a', 4, 'is not valid YAML'),
        ("'computed by hand, 2026'", '!!python/name:os.system a', 3, 'is not a plain value'),
        ('  corpus: corpus', '  my-corpus: corpus', 5, "'my-corpus' cannot stand after a `$`"),
        ('  corpus: corpus', '  output: corpus', 5, 'the name output is taken'),
        ('name: tiny_index', 'name: corpus', 12, 'the name corpus is taken'),
        ('name: never_used', 'name: tiny_index', 14, 'the name tiny_index is taken'),
        ('name: tiny\n', 'name: a/b\n', 17, "'a/b' becomes part of file names"),
        ('uses: [tiny_index]', 'uses: [tiny_idx]', 19, 'condition tiny: uses: the artefact tiny_idx is unknown'),
        ('uses: [tiny_index]', 'uses: []', 20, 'condition tiny: command: the variable $tiny_index is unknown'),
        ('python $build', 'python $bild', 13, 'artefact tiny_index: command: the variable $bild is unknown'),
        ('python $build $corpus $output', 'python $build $topics $output', 13, 'the variable $topics is unknown'),
        ('python $build $corpus $output', 'python $build $corpus', 13, 'the command never names $output'),
        ('python $build $corpus', "python '$build $corpus", 13, 'cannot be split into words'),
        ('python $build $corpus', 'python $5 $corpus', 13, "'$5' has a `$` without a name"),
        ('topic_key: tiny-test', 'topic_key: test', 22, 'the topic_key test is unknown: use one of tiny-test'),
        ('eval_key: tiny-test', 'eval_key: test', 23, 'the eval_key test is unknown'),
        ('RR@10: 0.75', 'RR@10: high', 25, "RR@10: 'high' is no number"),
        ('RR@10: 0.75', 'R@1K: 0.75', 25, "the measure 'R@1K' is malformed"),
        ('R@100: 1.0', 'MRR@10: 1.0', 26, 'the measure RR@10 is pinned twice'),
        ('{RR@10: 0.0}', '{RR@10: -0.1}', 27, 'tolerance: RR@10: -0.1 is below 0'),
        ('near_tie: 1.0e-3', 'near_tie: 1e-3', 29, "'1e-3' is no number: write it like 0.5 or 1.0e-3"),
        ('ranks: expected', 'ranks: unexpected', 28, 'unexpected.trec does not exist'),
        ('ranks: expected.trec', 'depth: 3', 29, '`near_tie` says how closely `ranks` are met'),
        ('near_tie: 1.0e-3', 'depth: 0', 29, 'a whole number of at least 1'),
        ("source: 'computed by hand, 2026'\n", '', 24, 'RR@10: a pinned score needs a `source`'),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(place, old, new, line, message):
    """Guards against a mistyped key that leaves a check out in silence."""
    edit(place, old, new)
    with pytest.raises(TctError) as caught:
        load_spec(place / 'spec.yaml')
    assert message in str(caught.value)
    assert re.match(re.escape(f'{place / "spec.yaml"}: line {line}') + r'\b', str(caught.value))
    assert '\n' not in str(caught.value)


def test_what_is_nested_without_end_is_refused(tmp_path):
    (tmp_path / 'deep.yaml').write_text('[' * 1000)
    with pytest.raises(TctError, match='nested too deeply'):
        load_spec(tmp_path / 'deep.yaml')


def test_names_may_not_stand_twice(place):
    text = (place / 'spec.yaml').read_text()
    condition = text[text.index('  - name: tiny\n') :]
    (place / 'spec.yaml').write_text(text + condition)
    with pytest.raises(TctError, match='line 30: conditions: the condition tiny occurred before'):
        load_spec(place / 'spec.yaml')
    (place / 'spec.yaml').write_text(text + condition[condition.index('      - topic_key') :])
    with pytest.raises(TctError, match='line 30: condition tiny: topics: the topic_key tiny-test occurred before'):
        load_spec(place / 'spec.yaml')


def test_two_runs_may_not_share_a_file(place):
    """Guards against a condition that is judged by the run of another: both would write `a.b.c`."""
    edit(
        place,
        'topics:\n',
        'topics:\n  c: {topics: topics.tsv, qrels: qrels.txt}\n  b.c: {topics: topics.tsv, qrels: qrels.txt}\n',
    )
    both = '  - {name: a, command: x $output, topics: [{topic_key: b.c, scores: [{RR@10: null}]}]}\n'
    edit(place, 'conditions:\n', f'conditions:\n{both}{both.replace("name: a", "name: a.b").replace("b.c", "c")}')
    with pytest.raises(
        TctError, match=r'line 20: conditions: its run would be called a\.b\.c, as that of an earlier condition'
    ):
        load_spec(place / 'spec.yaml')


def test_an_artefact_may_use_an_earlier_one_which_is_then_built(place):
    edit(
        place,
        '  - name: never_used\n    command: python -c \'raise SystemExit("never built")\' $output',
        '  - name: copy\n    uses: [tiny_index]\n    command: python $build $tiny_index $output',
    )
    edit(
        place,
        'uses: [tiny_index]\n    command: python $search $tiny_index',
        'uses: [copy]\n    command: python $search $copy',
    )
    assert outcome(place)[1] == 0
    edit(place, 'uses: [tiny_index]', 'uses: [copy]')
    with pytest.raises(TctError, match='line 15: artefact copy: uses: the artefact copy is unknown'):
        load_spec(place / 'spec.yaml')


def test_prebuilt_and_ir_datasets_names(place):
    edit(place, 'corpus: corpus.jsonl', 'corpus: prebuilt:pocket/corpus.jsonl')
    edit(place, 'qrels: qrels.txt', 'qrels: irds:some/name')
    spec = load_spec(place / 'spec.yaml')
    assert spec.data['corpus'].endswith('prebuilt/pocket/corpus.jsonl')
    assert spec.topics['tiny-test'].qrels == 'irds:some/name'


def test_the_nearest_tolerance_and_source_count(place):
    edit(place, "source: 'computed", "tolerance: {RR@10: 0.5, R@100: 0.2}\nsource: 'computed")
    edit(place, 'ranks: expected.trec', "source: 'the topic'\n        ranks: expected.trec")
    pins = load_spec(place / 'spec.yaml').conditions[0].topics[0].pins
    assert [pin.measure for pin in pins] == ['RR@10', 'R@100']
    assert [pin.tolerance for pin in pins] == [0.0, 0.2]
    assert {pin.source for pin in pins} == {'the topic'}
