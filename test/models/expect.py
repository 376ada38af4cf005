#!/usr/bin/env python3
"""expected.tsv: what Hugging Face's `tokenizers` (pip install tokenizers) makes of some texts with the models here.
Writes it anew:   test/models/expect.py"""
import json, pathlib, sys
if sys.argv[1:]: sys.exit(print(__doc__))
import tokenizers
HERE = pathlib.Path(__file__).parent
TEXTS = ['the boat and the harbour', 'The BOATS are near the harbour, isn\'t it?', 'unable unaffable uns', '  two  blanks\tand a tab\n\nnew lines ', 'Café naïve ÅNGSTRÖM',
         '中文 boat 中', 'it\'s we\'re I\'ll don\'t', '1984, 3.5 and 10,000', 'supercalifragilisticexpialidocious', 'a' * 120, '🚤 boat\u200bharbour', '[MASK] <s>boat</s> <|endoftext|>bread [SEP]',
         'New  York new york', 'ﬁne ① Ⅷ ﾊﾝ', '', ' ', '...', 'x', 'e\u0301galite\u0301 straße İstanbul ΣΑΣ', 'bread-oven_flour (yeast) [star]', '\u00a0telescope\u3000galaxy\u2009', 'planetary pythons',
         'and\r\nand', '   ', 'the   boat', 'a\u0300\u0316b', 'variable = function(compiler);', 'العربية हिन्दी ไทย', '\ufffd \ud7ff', 'sail' * 30]
with open(HERE / 'expected.tsv', 'w') as out:
    for name in ('wordpiece', 'unigram', 'bpe'):
        t = tokenizers.Tokenizer.from_file(str(HERE / name / 'tokenizer.json'))
        for text in TEXTS:
            ids = t.encode(text, add_special_tokens=False).ids
            print(name, json.dumps(text), ' '.join(map(str, ids)), sep='\t', file=out)
