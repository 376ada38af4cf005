/* sound.h - words that sound alike, so that what the recogniser misheard is still found.
 *
 * A key keeps a word's consonants by how they are spoken in English ("ph" and "f" are
 * one) and where its vowels are; words with near keys and near spelling match.
 */
#pragma once

#include "base/defs.h"

struct vocab;

enum { SOUND_KEY = 16, SOUND_MATCHES = 3 };

struct sounds; /* keys of some of a vocabulary's terms; immutable, shared, borrows the vocab */

struct sound_match {
	int32_t term;
	float likeness; /* 0..1, 1: the same */
};

/* The key of n lower-case letters, NUL-terminated. Returns its length; 0: no letters. */
size_t sound_key(const char *s, size_t n, char key[static SOUND_KEY]);

/* Of the terms numbered from..to - 1. */
MUST_USE int sounds_new(struct sounds **out, const struct vocab *terms, size_t from, size_t to);
struct sounds *sounds_ref(struct sounds *s); /* NULL is fine, here and below */
void sounds_unref(struct sounds *s);
size_t sounds_n(const struct sounds *s); /* terms that it was made from */

/* Which terms are meant at all. */
struct sound_filter {
	bool (*may)(const void *ctx, int32_t term);
	const void *ctx;
};

/* Adds the terms most like a word, and at least so much (0: as much as makes sense), to the n_out
 * that are there, best first; how many now. filter: may be NULL. */
size_t sound_find(const struct sounds *s, const char *word, size_t n,
		  const struct sound_filter *filter, float least,
		  struct sound_match out[static SOUND_MATCHES], size_t n_out);
