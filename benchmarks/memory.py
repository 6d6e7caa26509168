# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The most memory that encoding takes, for corpora of 10,000 to 200,000 passages: it should not grow with them (Linux).

It is VmHWM: the kernel's other count, ru_maxrss, begins with what the parent had when it started the process.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (10_000, 50_000, 200_000)
CHILD = """
import sys
from pathlib import Path
from pyserini_tct.encode import TctColBertDocumentEncoder
from pyserini_tct.encode._writer import encode_corpus
corpus, output, model = sys.argv[1:]
encoder = TctColBertDocumentEncoder(model, device='cpu')
done = encode_corpus(corpus, Path(output), encoder, shard_size=2_000)
peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(done.passages, done.seconds, peak)
"""


def main() -> None:
    """Encode corpora of several sizes with a tiny BERT, each in a process of its own, and print the table."""
    with tempfile.TemporaryDirectory() as work:
        model = _tiny_student(Path(work))
        first = 0
        for size in SIZES:
            corpus = Path(work, f'{size}.jsonl')
            with open(corpus, 'w', encoding='utf-8') as out:
                for i in range(size):
                    text = ' '.join(f'{(i * word) % 9973:x}' for word in range(1, 6 + i % 13))
                    out.write(json.dumps({'id': f'passage-{i}', 'contents': text}) + '\n')
            words = [sys.executable, '-c', CHILD, str(corpus), str(Path(work, f'v{size}')), str(model)]
            done = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE)
            passages, seconds, kib = done.stdout.split()
            first = first or int(kib)
            print(
                f'{int(passages):>8} passages {int(kib) / 1024:>8.1f} MiB at most {int(kib) / first:>6.2f}x '
                f'{int(passages) / float(seconds):>8.0f} passages/s'
            )


def _tiny_student(work: Path) -> Path:
    """Write a random BERT of one layer and 32 dimensions that knows hexadecimal digits."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from pyserini_tct.models import student

    digits = '0123456789abcdef'
    tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '[', ']', 'q', 'd', *digits, *(f'##{d}' for d in digits)]
    tokens = list(dict.fromkeys(tokens))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=192,
    )
    BertModel(config).save_pretrained(work / 'tiny')
    BertTokenizerFast(vocab={token: i for i, token in enumerate(tokens)}, do_lower_case=True).save_pretrained(
        work / 'tiny'
    )
    student.load(work / 'tiny').save(work / 'tct_colbert-tiny')
    return work / 'tct_colbert-tiny'
