# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Doc2query: draws of a tiny random T5, jobs that were killed, and Doc2Query--'s filter over the collection."""

import json
from collections import Counter

import pytest
import torch
from conftest import TEXTS, WORDS, fails, refusal

from pyserini_tct.collection import Passage, read_corpus, read_predictions
from pyserini_tct.expand.__main__ import main
from pyserini_tct.expand._filter import kept_queries, threshold_of
from pyserini_tct.expand._predict import Predictor, Sampling, predict_queries
from pyserini_tct.models import cross, student

PASSAGES = [Passage(docid, text) for docid, text in TEXTS.items()]
SOME = Sampling(samples=3, top_k=5, max_new_tokens=6)


@pytest.fixture(scope='module')
def t5(tmp_path_factory):
    """A random T5 of 16 dimensions with a vocabulary of a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp('t5') / 't5'
    tokens = ['<pad>', '</s>', '<unk>', *dict.fromkeys([*WORDS, *'bcdefgh'])]
    words = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token='<unk>'))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token='<pad>', eos_token='</s>', unk_token='<unk>'
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokens), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0,
        initializer_factor=3.0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def predictor(t5):
    return Predictor(t5)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_draws_do_not_depend_on_the_batch(predictor):
    """A batch of another size, another order, and a passage alone; another seed or docid is another draw."""
    together = predictor.predict(PASSAGES, SOME)
    assert all(together), 'each passage has queries'
    assert predictor.predict(PASSAGES[::-1], SOME) == together[::-1]
    assert [predictor.predict([passage], SOME)[0] for passage in PASSAGES] == together
    assert predictor.predict(PASSAGES, Sampling(3, 5, 6, seed=1)) != together
    assert predictor.predict([PASSAGES[0]._replace(docid='other')], SOME)[0] != together[0]


def test_draws_follow_the_softmax_of_the_best_k(predictor):
    """4,000 first words of one passage against the model's own probabilities."""
    text = predictor.tokenizer([PASSAGES[1].contents], return_tensors='pt')
    with torch.no_grad():
        logits = predictor.model(**text, decoder_input_ids=torch.tensor([[0]])).logits[0, -1]
    best, ids = logits.topk(4)
    expected = dict(zip(predictor.tokenizer.convert_ids_to_tokens(ids.tolist()), best.softmax(0).tolist(), strict=True))
    expected = {token: chance for token, chance in expected.items() if not token.startswith('<')}
    (found,) = predictor.predict([PASSAGES[1]], Sampling(4000, 4, 1))
    assert max(expected.values()) - min(expected.values()) > 0.05, 'words differ in their chances'
    counted = Counter(found)
    assert counted.keys() <= expected.keys()
    for token, chance in expected.items():
        assert counted[token] / 4000 == pytest.approx(chance, abs=0.03)


def test_a_killed_job_goes_on_to_the_same_bytes(predictor, corpus, tmp_path, monkeypatch):
    predict_queries(corpus, tmp_path / 'whole.jsonl', predictor, SOME, 2)
    real, calls = predictor.predict, []

    def killed(passages, sampling):
        calls.append(len(passages))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(passages, sampling)

    output, partial = tmp_path / 'p.jsonl', tmp_path / 'p.jsonl.partial' / 'lines.jsonl'
    monkeypatch.setattr(predictor, 'predict', killed)
    with pytest.raises(KeyboardInterrupt):
        predict_queries(corpus, output, predictor, SOME, 2)
    assert not output.exists()
    partial.write_bytes(partial.read_bytes() + b'{"id": "d5", "predicted_queries": []}\n{"id"')
    assert 'other inputs or settings' in refusal(predict_queries, corpus, output, predictor, Sampling(2), 2)
    assert predict_queries(corpus, output, predictor, SOME, 2) == (6, 4)
    assert output.read_bytes() == (tmp_path / 'whole.jsonl').read_bytes()
    assert predict_queries(corpus, output, predictor, SOME, 2) == (6, 6), 'a finished file is taken as it is'
    assert len(calls) == 4
    assert 'p.jsonl exists' in refusal(predict_queries, corpus, output, predictor, Sampling(2), 2)
    assert [path.name for path in tmp_path.glob('*.partial*')] == []


def test_the_command_predicts_and_expands(t5, corpus, tmp_path, capsys):
    words = ['--corpus', str(corpus), '--predictions', 'p.jsonl', '--model', str(t5), '--samples', '2', '--seed', '7']
    main([*words, '--max-new-tokens', '5'])
    assert capsys.readouterr().out == 'p.jsonl: 6 passages, 0 of them from before\n'
    main([*words, '--max-new-tokens', '5', '--output', 'e.jsonl'])
    assert capsys.readouterr().out.splitlines()[0] == 'p.jsonl: 6 passages, 6 of them from before'
    predicted = read_predictions(tmp_path / 'p.jsonl')
    for passage, (docid, text) in zip(read_corpus('e.jsonl'), TEXTS.items(), strict=True):
        assert passage.docid == docid
        assert passage.text == '\n'.join([text, *predicted[docid]])


def scored(path, scores):
    lines = [{'id': d, 'predicted_queries': [f'{d}{i}' for i in range(len(s))], 'scores': s} for d, s in scores.items()]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return path


def test_the_best_share_of_the_whole_collection(tmp_path):
    """Not of each passage: one may keep all of its queries, another none."""
    path = scored(tmp_path / 's', {'a': [9.0, 8.0, 7.0], 'b': [1.0, 0.5], 'c': [], 'd': [7.0]})
    assert threshold_of(path, 0.5) == 7.0
    assert kept_queries(path, 7.0) == {'a': ['a0', 'a1', 'a2'], 'b': [], 'c': [], 'd': ['d0']}, 'ties are kept'
    assert threshold_of(path, 1 / 3) == 8.0
    assert threshold_of(path, 1) == 0.5
    assert threshold_of(path, 0.01) == 9.0
    for keep in (0, 1.5, float('nan')):
        assert 'is no share' in refusal(threshold_of, path, keep)


@pytest.mark.parametrize('kind', ['cross', 'student'])
def test_filter_by_a_model(kind, tiny_bert, tiny_student, corpus, tmp_path, capsys):
    """Each query is scored with its own passage, whatever stands beside it in the batch."""
    if kind == 'cross':
        torch.manual_seed(3)
        cross.new(tiny_bert).eval().save(tmp_path / 'model')
    queries = {'d1': ['slow ice', 'lobster', 'sea'], 'd3': [], 'd5': ['how does rock move'], 'd6': ['quake', 'water']}
    lines = [{'id': docid, 'predicted_queries': found} for docid, found in queries.items()]
    (tmp_path / 'p').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    name = str(tmp_path / 'model' if kind == 'cross' else tiny_student)
    words = ['--corpus', str(corpus), '--predictions', 'p', '--filter-by', name, '--batch-size', '3']
    main([*words, '--keep', '0.5', '--output', 'e.jsonl'])
    assert '3 of 6 queries kept' in capsys.readouterr().out
    model = cross.load(name) if kind == 'cross' else student.load(name)
    expected = {}
    for docid, found in queries.items():
        for query in found:
            with torch.no_grad():
                if kind == 'cross':
                    score = float(model([query], [Passage(docid, TEXTS[docid])])[0, 0])
                else:
                    rows = model.tokenizer.queries([query]), model.tokenizer.passages([Passage(docid, TEXTS[docid])])
                    score = (model.embed(rows[0]) @ model.embed(rows[1]).T).item()
            expected[docid, query] = score
    for line in map(json.loads, (tmp_path / 'e.scores.jsonl').read_text().splitlines()):
        mine = dict(zip(line['predicted_queries'], line['scores'], strict=True))
        assert mine == pytest.approx({q: s for (d, q), s in expected.items() if d == line['id']}, abs=1e-4)
    best = sorted(expected, key=lambda pair: -expected[pair])[:3]
    for passage in read_corpus('e.jsonl'):
        kept = [query for query in queries.get(passage.docid, []) if (passage.docid, query) in best]
        assert passage.text == '\n'.join([TEXTS[passage.docid], *kept])
    (tmp_path / 'e.scores.jsonl').chmod(0o444)
    main([*words, '--threshold=-1e9', '--output', 'all.jsonl', '--scores', 'e.scores.jsonl'])
    assert '6 of 6 queries kept' in capsys.readouterr().out


def test_bad_words_are_refused(t5, tiny_bert, corpus, tmp_path, capsys):
    (tmp_path / 'p').write_text('{"id": "zzz", "predicted_queries": ["x"]}\n')
    words = ['--corpus', corpus, '--predictions', 'p']
    out = ['--output', 'e']
    for flags, sentence in (
        ([], '--output is missing'),
        ([*out, '--samples', '3'], '--samples has no effect without --model'),
        ([*out, '--keep', '0.5'], '--keep has no effect without --filter-by'),
        ([*out, '--filter-by', 'x'], 'needs either --keep FRACTION or --threshold SCORE'),
        ([*out, '--filter-by', 'x', '--keep', '2'], '--keep 2 is no share of the queries'),
        ([*out, '--filter-by', 'x', '--threshold', 'nan'], '--threshold nan is no score'),
        ([*out, '--filter-by', tiny_bert, '--keep', '0.5'], 'is no teacher'),
        (['--model', tiny_bert], 'is no sequence-to-sequence model'),
        (['--model', t5], 'p exists'),
        (out, "has queries for 'zzz'"),
    ):
        assert sentence in fails(main, *words, *flags, capsys=capsys)
    assert not (tmp_path / 'e').exists()
