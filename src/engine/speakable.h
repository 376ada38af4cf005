/* speakable.h - written text as words that Flite can say.
 *
 * Flite wants ASCII and knows few signs. This turns UTF-8 with signs, units, addresses,
 * ranges and markup into plain words, and remembers which written word each run of
 * spoken words came from, so that captions show what was written. Pure.
 *
 *   "5–10 °C (see §3, e.g. docs/setup.md)" -> "5 to 10 degrees celsius see section 3, …"
 */
#pragma once

#include "base/buf.h"

enum { SPEAKABLE_MAX = 8192 }; /* octets of text; the rest is left out */

/* A written word, and how many spoken words it became (0: it is silent). */
struct spoken_word {
	uint32_t at, n; /* octets in the written text */
	uint32_t n_spoken;
};

/* Zero is valid. */
struct speakable {
	struct buf text; /* words with single spaces; every one has a letter or digit */
	struct buf map;  /* of struct spoken_word */
};

/* 0 or -ENOMEM. Any octets will do; what is not UTF-8 is skipped. */
MUST_USE int speakable_make(struct speakable *s, struct bytes written);
size_t speakable_words(const struct speakable *s);
struct spoken_word speakable_word(const struct speakable *s, size_t i);
void speakable_done(struct speakable *s);

static inline void speakable_auto_(struct speakable *s)
{
	speakable_done(s);
}
