/* vocab.h - strings numbered from 0 in the order they come: a hash table that only grows.
 *
 * One thread while it grows; then immutable and shared. Zero is a valid empty vocab.
 */
#pragma once

#include "base/arena.h"

enum { VOCAB_NONE = -1, VOCAB_NO_MEMORY = -2 };

struct vocab {
	struct arena strings;
	const char **s; /* [n] */
	size_t n, cap;
	uint32_t *slots; /* number + 1; 0: free */
	size_t n_slots;  /* a power of two      */
};

/* The string's number; it is added if it is new. Negative: VOCAB_NO_MEMORY. */
MUST_USE int32_t vocab_add(struct vocab *v, const char *s, size_t n);
/* VOCAB_NONE: not there. */
MUST_USE int32_t vocab_find(const struct vocab *v, const char *s, size_t n);
void vocab_done(struct vocab *v);
