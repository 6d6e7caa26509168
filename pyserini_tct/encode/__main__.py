# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.encode input ... output ... encoder ...``: a corpus to a vector store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyserini_tct import _atomic, _cli
from pyserini_tct._errors import TctError


def main(argv: Sequence[str]) -> None:
    """Parse Pyserini's three groups and encode."""
    groups = {
        name: _cli.Parser(name, about, debug=False)
        for name, about in (('input', 'The corpus.'), ('output', 'The vector store.'), ('encoder', 'The student.'))
    }
    add = groups['input'].add_argument
    add('--corpus', required=True, help='JSONL file (.gz too), folder of them, or irds:NAME')
    add('--fields', nargs='+', help='fields of a passage: title, text (left out: what the corpus has)')
    add('--docid-field', help='key of the docid, if it is none of id, _id, docid')
    add('--shard-id', type=int, default=0, help='which shard, counted from 0')
    add('--shard-num', type=_cli.positive, default=1, help='shards in all; encode.merge joins them')
    add('--delimiter', default='\\n', help='what separates the fields inside `contents`')
    add = groups['output'].add_argument
    add('--embeddings', required=True, type=Path, help='new folder; a killed job started again goes on')
    add('--shard-size', type=_cli.positive, default=10_000, help='passages a block, the unit of going on')
    groups['output'].add_overwrite()
    add = groups['encoder'].add_argument
    add('--encoder', required=True, help='folder or hub name')
    add('--encoder-class', choices=['tct_colbert'], default='tct_colbert', help="as in Pyserini's commands")
    add('--fields', nargs='+', dest='encoder_fields', help='as in input')
    add('--tokenizer', help='folder or hub name of another vocabulary')
    add('--batch-size', type=_cli.positive, default=64, help='passages a forward pass')
    add('--max-length', type=_cli.positive, help="most ids of a passage, prefix included (the checkpoint's, else 154)")
    add('--device', default='auto', help='cpu, cuda:0, ... or auto')
    _cli.add_backend(groups['encoder'])
    add('--fp16', action='store_true', help='half precision, on a GPU only')
    text = 'encode shards on Ray, on its GPUs if it has some: of the cluster at ADDRESS, or of this machine'
    add('--ray', nargs='?', const='local', metavar='ADDRESS', help=text)
    args = _cli.parse_groups('python -m pyserini_tct.encode', 'Encode a corpus into a vector store.', groups, argv)
    source, target, model = args['input'], args['output'], args['encoder']

    _atomic.check_free(target.embeddings, target.overwrite, 'vectors', [source.corpus, model.encoder])
    settings: dict[str, Any] = {
        'fields': model.encoder_fields or source.fields,
        'docid_field': source.docid_field,
        'delimiter': source.delimiter.replace('\\n', '\n').replace('\\t', '\t'),
        'max_length': model.max_length,
        'shard_size': target.shard_size,
        'fp16': model.fp16,
        'overwrite': target.overwrite,
    }
    made: dict[str, Any] = {
        'model_name': model.encoder,
        'tokenizer_name': model.tokenizer,
        'device': model.device,
        'batch_size': model.batch_size,
        'backend': model.backend,
        'precision': model.precision,
    }
    if model.ray:
        from pyserini_tct.encode._ray import encode_on_ray

        if source.shard_id:
            raise TctError('--ray encodes every shard: leave out --shard-id')
        count = encode_on_ray(source.corpus, target.embeddings, made, settings, model.ray, source.shard_num)
        print(f'{target.embeddings}: {count} passages')
        return
    from pyserini_tct.encode import TctColBertDocumentEncoder
    from pyserini_tct.encode._writer import encode_corpus

    encoder = TctColBertDocumentEncoder(**made)
    shard: dict[str, Any] = {'shard_id': source.shard_id, 'shard_num': source.shard_num}
    done = encode_corpus(source.corpus, target.embeddings, encoder, **settings, **shard)
    new = done.passages - done.reused
    print(
        f'{target.embeddings}: {done.passages} passages, {encoder.student.dimension} dimensions, '
        f'{done.seconds:.1f} s ({new / max(done.seconds, 1e-9):.0f} passages/s)'
    )
    if done.empty:
        _cli.note(f'note: {done.empty} passages have no text; their vectors are zero')
    if done.truncated:
        _cli.note(f'note: {done.truncated} passages were cut at the passage length')


if __name__ == '__main__':
    _cli.run(main)
