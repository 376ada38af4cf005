/* tokenizer_inner.h - inside of tokenizer*.c: the three stages and what they share. */
#pragma once

#include "base/json.h"
#include "document/vocab.h"
#include "knowledge/tokenizer.h"

enum { STEPS_MAX = 16 };

/* --- characters (tokenizer_chars.c) ------------------------------------------------------- */

enum char_class {
	CHAR_SPACE = BIT(0), /* White_Space             */
	CHAR_PUNCT = BIT(1), /* category P              */
	CHAR_LETTER = BIT(2),
	CHAR_NUMBER = BIT(3),
	CHAR_MARK = BIT(4),  /* Mn, Mc, Me              */
	CHAR_ACCENT = BIT(5), /* Mn                      */
	CHAR_OTHER = BIT(6), /* categories Cc, Cf, Co, Cs: controls */
	CHAR_WORD = BIT(7),  /* \w of a regular expression */
};
unsigned char_classes(uint32_t c);

/* --- normalisers (tokenizer_normal.c) ------------------------------------------------------- */

enum normal_kind {
	NORMAL_BERT, NORMAL_LOWERCASE, NORMAL_NFC, NORMAL_NFD, NORMAL_NFKC, NORMAL_NFKD,
	NORMAL_STRIP_ACCENTS, NORMAL_STRIP, NORMAL_REPLACE, NORMAL_REPLACE_RUN, NORMAL_PREPEND,
	NORMAL_PRECOMPILED,
};

struct normal_step {
	enum normal_kind kind;
	bool clean, chinese, accents, lowercase; /* BERT  */
	bool left, right;                        /* STRIP */
	const char *from, *to; /* REPLACE, PREPEND; REPLACE_RUN: of 2 or more spaces */
	uint8_t *blob;         /* PRECOMPILED: owned */
	size_t n_blob;
};

struct normaliser {
	struct normal_step steps[STEPS_MAX];
	size_t n;
};

/* 0, -EBADMSG with a sentence, -ENOMEM. Strings are borrowed from the JSON. */
MUST_USE int normaliser_read(struct normaliser *n, const json_t *o, char why[static TOKENIZER_WHY]);
void normaliser_done(struct normaliser *n);
/* In place. false: no memory. */
MUST_USE bool normalise_text(const struct normaliser *n, struct buf *text);

/* --- pre-tokenisers (tokenizer_split.c) --------------------------------------------------------- */

enum split_kind {
	SPLIT_BERT, SPLIT_WORDS, SPLIT_SPACES, SPLIT_PUNCTUATION, SPLIT_DIGITS, SPLIT_DIGIT_RUNS,
	SPLIT_METASPACE, SPLIT_BYTES, SPLIT_AT,
};
enum metaspace { METASPACE_NEVER, METASPACE_FIRST, METASPACE_ALWAYS };
enum behavior { BEHAVIOR_REMOVED, BEHAVIOR_ISOLATED, BEHAVIOR_WITH_PREVIOUS, BEHAVIOR_WITH_NEXT };

struct split_step {
	enum split_kind kind;
	enum metaspace prepend;   /* METASPACE               */
	bool cut;                 /* METASPACE: split at all; BYTES: GPT-2's expression */
	bool prefix;              /* BYTES: a space before   */
	const char *at;           /* METASPACE: its sign; AT */
	enum behavior behavior;   /* AT                      */
};

struct splitter {
	struct split_step steps[STEPS_MAX];
	size_t n;
};

struct pieces {
	struct bytes *p;
	size_t n, cap;
};

MUST_USE int splitter_read(struct splitter *s, const json_t *o, char why[static TOKENIZER_WHY]);
/* Text into pieces, which live in `strings`; first: nothing stands before it. false: no memory. */
MUST_USE bool split_text(const struct splitter *s, struct bytes text, bool first, struct arena *strings,
			 struct pieces *out);

/* --- models (tokenizer_model.c) ------------------------------------------------------------------ */

enum model_kind { MODEL_WORDPIECE, MODEL_UNIGRAM, MODEL_BPE };

struct merge {
	uint32_t left, right, rank, made; /* rank + 1; 0: free */
};

struct model {
	enum model_kind kind;
	struct vocab pieces;
	uint32_t *ids;   /* [pieces.n] */
	float *scores;   /* UNIGRAM: [pieces.n] */
	double worst;    /* UNIGRAM: the least score */
	size_t cap_ids, cap_scores, longest; /* octets of the longest piece */
	int32_t unknown; /* a number, or -1 */
	const char *prefix, *suffix; /* of pieces inside a word, at its end */
	size_t word_max;             /* WORDPIECE: characters */
	bool fuse_unknown, byte_fallback, whole_first;
	struct merge *merges; /* BPE: a hash table */
	size_t n_merges;      /* its places, a power of two */
	uint32_t size;        /* greatest number + 1 */
};

MUST_USE int model_read(struct model *m, const json_t *o, char why[static TOKENIZER_WHY]);
void model_done(struct model *m);
int32_t model_find(const struct model *m, const char *s, size_t n); /* a number, or -1 */
MUST_USE int model_encode(const struct model *m, struct bytes piece, struct token_ids *out);
MUST_USE bool token_ids_add(struct token_ids *ids, uint32_t id);
