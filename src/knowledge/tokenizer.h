/* tokenizer.h - text to token numbers, as a tokenizer.json of Hugging Face's `tokenizers` says.
 *
 * The format's parts that static-embedding models use: added tokens; the normalisers
 * BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Replace, Prepend, Precompiled,
 * Sequence; the pre-tokenisers BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Digits,
 * Metaspace, ByteLevel, Split (at a string), Sequence; the models WordPiece, Unigram and BPE. What a
 * file wants besides is refused with a sentence, never done approximately. Special
 * tokens around a text (its post-processor) are left out, as these models want it.
 * Immutable once made; any thread.
 */
#pragma once

#include "base/buf.h"

struct tokenizer;

enum { TOKENIZER_WHY = 200 };
/* -EBADMSG: not such a file, or not one that we can follow; `why` says which. -ENOMEM. */
MUST_USE int tokenizer_new(struct tokenizer **out, struct bytes json, char why[static TOKENIZER_WHY]);
void tokenizer_free(struct tokenizer *t);
AUTO_DEF(tokenizer)

struct token_ids {
	uint32_t *id;
	size_t n, cap;
};
void token_ids_done(struct token_ids *ids);
static inline void token_ids_auto_(struct token_ids *ids)
{
	token_ids_done(ids);
}

/* Appends the text's tokens, at most `max` in all. 0 or -ENOMEM. Any octets. */
MUST_USE int tokenizer_encode(const struct tokenizer *t, struct bytes text, size_t max,
			      struct token_ids *out);
/* One more than the greatest number it can give. */
size_t tokenizer_size(const struct tokenizer *t);
int32_t tokenizer_unknown(const struct tokenizer *t); /* the number of what is unknown; -1: none */
