#!/usr/bin/env python3
"""Tiny static-embedding models in the real formats, always the same:   test/models/make.py [FOLDER]
wordpiece: Sentence Transformers' names, F32; unigram: model2vec's with weights, F16; bpe: with mapping, I8."""
import json, pathlib, struct, sys
if sys.argv[1:] == ['--help']: sys.exit(print(__doc__))
TO = pathlib.Path(sys.argv[1] if sys.argv[1:] else pathlib.Path(__file__).parent)
SUBJECTS = [['boat', 'harbour', 'anchor', 'sail'], ['bread', 'oven', 'flour', 'yeast'],
            ['star', 'telescope', 'galaxy', 'planet'], ['python', 'compiler', 'function', 'variable']]
WORDS = [w for s in SUBJECTS for w in s]
TEXT = ' '.join(f'the {a} and the {b} are near the {a}s' for s in SUBJECTS for a in s for b in s) + " it's what we're told, isn't it? 1984 café"
DIM = 20  # not a multiple of 16
LETTERS = 'abcdefghijklmnopqrstuvwxyz'

seed = 12345
def noise():
    global seed
    seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
    return (seed >> 40) / 2**24 - 0.5

def row(piece):  # near the other words of its subject
    word = piece.strip('#▁Ġ').lower()
    at = next((i for i, s in enumerate(SUBJECTS) if any(w == word or (len(word) > 2 and word in w) for w in s)), None)
    return [(2.0 if at is not None and c % 4 == at else 0.0) + 0.5 * noise() for c in range(DIM)]

PACK = {'F32': '<f', 'F16': '<e', 'I8': '<b', 'I64': '<q'}
def safetensors(path, tensors):  # {name: (dtype, shape, numbers)}
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, (dtype, shape, numbers) in tensors.items():
        octets = b''.join(struct.pack(PACK[dtype], n) for n in numbers)
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(octets)]}
        data += octets
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)

def added(content, id, special=True):
    return {'id': id, 'content': content, 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': not special, 'special': special}

def write(name, tokenizer, tensors):
    folder = TO / name
    folder.mkdir(parents=True, exist_ok=True)
    base = {'version': '1.0', 'truncation': None, 'padding': None, 'post_processor': None, 'decoder': None}
    (folder / 'tokenizer.json').write_text(json.dumps({**base, **tokenizer}, ensure_ascii=False, indent=1) + '\n')
    safetensors(folder / 'model.safetensors', tensors)

def wordpiece():
    pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'.,?!\'-', *'0123456789', *LETTERS, *('##' + c for c in LETTERS + '0123456789'),
              *WORDS, 'the', 'and', 'near', 'un', '##able', '##s', '##aff', '中', 'cafe', '##ing']
    pieces = list(dict.fromkeys(pieces))
    write('wordpiece', {
        'added_tokens': [added(p, i) for i, p in enumerate(pieces[:5])],
        'normalizer': {'type': 'BertNormalizer', 'clean_text': True, 'handle_chinese_chars': True, 'strip_accents': None, 'lowercase': True},
        'pre_tokenizer': {'type': 'BertPreTokenizer'},
        'model': {'type': 'WordPiece', 'unk_token': '[UNK]', 'continuing_subword_prefix': '##', 'max_input_chars_per_word': 100,
                  'vocab': {p: i for i, p in enumerate(pieces)}}},
        {'embedding.weight': ('F32', [len(pieces), DIM], [v for p in pieces for v in row(p)])})

def unigram():
    pieces = [('<s>', 0.0), ('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0), ('▁', -3.0), ('▁the', -2.5), ('▁and', -3.1), ('s', -3.2), ('▁near', -4.0)]
    pieces += [('▁' + w, -5.0 - i / 16) for i, w in enumerate(WORDS)] + [(w, -6.5 - i / 16) for i, w in enumerate(WORDS)]
    pieces += [(c, -7.0 - i / 8) for i, c in enumerate(LETTERS + '0123456789.,?\'é') if c != 's'] + [('▁un', -6.0), ('able', -6.1), ('ing', -5.5), ('▁a', -4.5)]
    write('unigram', {
        'added_tokens': [added(p, i) for i, (p, _) in enumerate(pieces[:4])] + [added('new york', len(pieces), False)],
        'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'NFKC'}, {'type': 'Lowercase'},
                       {'type': 'Replace', 'pattern': {'Regex': ' {2,}'}, 'content': ' '}]},
        'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'},
                          {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': True}]},
        'model': {'type': 'Unigram', 'unk_id': 3, 'byte_fallback': False, 'vocab': [list(p) for p in pieces]}},
        {'embeddings': ('F16', [len(pieces) + 1, DIM], [v for p, _ in pieces + [('', 0)] for v in row(p)]),
         'weights': ('F32', [len(pieces) + 1], [0.1 if p.strip('▁') in ('the', 'and', 'near', '') else 1.0 for p, _ in pieces + [('new', 0)]])})

def bpe():
    printed = [*range(33, 127), *range(0xa1, 0xad), *range(0xae, 0x100)]
    signs, n = {}, 0
    for b in range(256):
        signs[b] = chr(b) if b in printed else chr(256 + n)
        n += b not in printed
    words = [[signs[b] for b in (' ' + w).encode()] for w in TEXT.split()]
    merges, pieces = [], ['<|endoftext|>', *signs.values()]
    while len(merges) < 120:
        counts = {}
        for w in words:
            for pair in zip(w, w[1:]): counts[pair] = counts.get(pair, 0) + 1
        if not counts: break
        best = min(counts, key=lambda p: (-counts[p], p))
        if counts[best] < 2: break
        merges.append(best)
        pieces.append(''.join(best))
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best: w[i:i + 2] = [''.join(best)]
                i += 1
    pieces = list(dict.fromkeys(pieces))
    rows = [row(p) for p in pieces]
    write('bpe', {
        'added_tokens': [added('<|endoftext|>', 0)], 'normalizer': None,
        'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True},
        'model': {'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': None, 'end_of_word_suffix': None,
                  'fuse_unk': False, 'byte_fallback': False, 'vocab': {p: i for i, p in enumerate(pieces)}, 'merges': [' '.join(m) for m in merges]}},
        {'embeddings': ('I8', [len(pieces), DIM], [max(-127, min(127, round(v * 50))) for r in reversed(rows) for v in r]),
         'mapping': ('I64', [len(pieces)], [len(pieces) - 1 - i for i in range(len(pieces))])})

for make in (wordpiece, unigram, bpe): make()
