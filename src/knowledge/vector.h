/* vector.h - vectors of small integers compared quickly: exactly, and by their codes.
 *
 * A vector is int8 [dim], of length 127; dim is a multiple of 16. Its code is one bit for each
 * coordinate after a rotation that spreads what the vector says evenly over all of them (random
 * signs and Hadamard transforms, twice, always the same): how many bits of two codes differ
 * tells roughly the angle between the vectors. Any part of a code does, too: whoever searches
 * looks at the heads of all codes, at the whole of those that are near, and compares few vectors
 * exactly.
 *
 * Each operation is written for several kinds of processor; vector_ops() chooses once. All give
 * the same numbers.
 */
#pragma once

#include "base/defs.h"

enum {
	VECTOR_DIM_MAX = 3072,
	VECTOR_CODE_MAX = 4096 / 64, /* 64-bit words */
	VECTOR_HEAD = 2,             /* words of a code that are looked at first */
};

struct vector_ops {
	const char *name;
	/* Sum of products of n (a multiple of 16) coordinates. */
	int32_t (*dot)(const int8_t *a, const int8_t *b, size_t n);
	/* to[i]: how many bits of heads[i][VECTOR_HEAD] differ from code[VECTOR_HEAD]. */
	void (*differ)(const uint64_t *heads, size_t n, const uint64_t *code, uint8_t *to);
	/* How many bits of two runs of words differ. */
	unsigned (*distance)(const uint64_t *a, const uint64_t *b, size_t words);
};

/* The best for this processor. */
const struct vector_ops *vector_ops(void);
/* All that this processor can run, the plain one first: for tests. Ends with NULL. */
const struct vector_ops *const *vector_ops_all(void);

/* 64-bit words of the code of a vector: 4 or more; 0 for dim 0. */
size_t vector_code_words(unsigned dim);
void vector_code(const int8_t *v, unsigned dim, uint64_t *code);

/* Cosine of two vectors of length 127, from their dot product. */
static inline float vector_cosine(int32_t dot)
{
	return (float)dot / (127.0f * 127.0f);
}
