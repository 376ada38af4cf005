/* vector.h - vectors of small integers compared quickly: exactly, and by their codes.
 *
 * A vector is int8 [dim], of length 127; dim is a multiple of 16. Its code is one bit for each
 * coordinate after a rotation that spreads what the vector says evenly over all of them (random
 * signs and Hadamard transforms, twice, always the same): how many bits of two codes differ
 * tells roughly the angle between the vectors. Whoever searches looks at all codes first and
 * compares few vectors exactly.
 *
 * Each operation is written for several kinds of processor; vector_ops() chooses once. All give
 * the same numbers.
 */
#pragma once

#include "base/defs.h"

enum { VECTOR_DIM_MAX = 3072, VECTOR_CODE_MAX = 4096 / 64 };

struct vector_ops {
	const char *name;
	/* Sum of products of n (a multiple of 16) coordinates. */
	int32_t (*dot)(const int8_t *a, const int8_t *b, size_t n);
	/* to[i]: how many bits of codes[i][words] differ from code[words]. words: a multiple of 4. */
	void (*differ)(const uint64_t *codes, size_t n, size_t words, const uint64_t *code,
		       uint16_t *to);
};

/* The best for this processor. */
const struct vector_ops *vector_ops(void);
/* All that this processor can run, the plain one first: for tests. Ends with NULL. */
const struct vector_ops *const *vector_ops_all(void);

/* 64-bit words of the code of a vector: a multiple of 4; 0 for dim 0. */
size_t vector_code_words(unsigned dim);
void vector_code(const int8_t *v, unsigned dim, uint64_t *code);

/* Cosine of two vectors of length 127, from their dot product. */
static inline float vector_cosine(int32_t dot)
{
	return (float)dot / (127.0f * 127.0f);
}
