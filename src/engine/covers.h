/* covers.h - has a search already looked for what is asked now?
 *
 * A query is its words that say something, by their stems. One that has been looked for covers another when it has
 * all of the other's words, and of its own at most as many beside them: a word that was not
 * looked for makes a search of its own, and so does one question among several. Pure; never fails.
 */
#pragma once

#include "base/defs.h"

enum { SOUGHT_MAX = 24 };

struct sought {
	uint32_t words[SOUGHT_MAX]; /* hashes of terms, each once */
	size_t n;
	bool more; /* than SOUGHT_MAX: covers nothing, is covered by nothing */
};

void sought_make(struct sought *s, const char *query);
MUST_USE bool sought_same(const struct sought *a, const struct sought *b);
MUST_USE bool sought_covers(const struct sought *looked_for, const struct sought *asked);
/* The same text but for case and the marks around it: what is said of places in one is true of the other. */
MUST_USE bool sought_verbatim(const char *a, const char *b);
