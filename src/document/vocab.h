/* vocab.h - strings numbered from 0 in the order they come: a hash table that only grows.
 *
 * One thread adds; others may meanwhile read and look up without a lock: what grows is
 * copied, and the old copy stays until vocab_done(). Who reads remembers how many strings
 * there were (`n`) when it began and ignores later ones. Zero is a valid empty vocab.
 */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"

enum { VOCAB_NONE = -1, VOCAB_NO_MEMORY = -2 };

struct vocab_table;

struct vocab {
	struct arena strings;
	const char **_Atomic s; /* [n] */
	_Atomic size_t n;
	size_t cap;
	struct vocab_table *_Atomic table;
};

/* The string's number; it is added if it is new. Negative: VOCAB_NO_MEMORY. */
MUST_USE int32_t vocab_add(struct vocab *v, const char *s, size_t n);
/* VOCAB_NONE: not there. */
MUST_USE int32_t vocab_find(const struct vocab *v, const char *s, size_t n);
void vocab_done(struct vocab *v);
