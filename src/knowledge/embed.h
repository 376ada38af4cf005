/* embed.h - vectors learned from the documents themselves: no model is downloaded.
 *
 * Latent semantic analysis: the matrix of passages by terms (log frequency times idf,
 * rows of length 1) is cut to its strongest directions by a randomised truncated SVD
 * (Halko, Martinsson, Tropp 2011). A term's vector is its row of the right singular
 * vectors; a text's is the weighted sum of its terms' vectors, brought to length 1 and
 * int8. Passages and questions go through the same function. Deterministic: fixed seed,
 * one thread, no order of hashing.
 */
#pragma once

#include "base/buf.h"
#include "knowledge/index.h"

struct embedder; /* immutable; shared */

enum { EMBED_DIM_MAX = 256, EMBED_BLOCK = 16 }; /* dimensions are multiples of EMBED_BLOCK */
#define EMBED_NAME "lsa-1"

/* Learn from an index. *out may be NULL with 0 where there is too little to learn from
 * (fewer than EMBED_PASSAGES_MIN passages, or too few words that recur). Bulk work. */
enum { EMBED_PASSAGES_MIN = 32 };
MUST_USE int embedder_learn(struct embedder **out, const struct index *x);
void embedder_free(struct embedder *e);
static inline void embedder_auto_(struct embedder **p)
{
	embedder_free(*p);
}

/* To and from octets. Loading refuses what is not whole: -EBADMSG. */
void embedder_save(const struct embedder *e, struct buf *to);
MUST_USE int embedder_load(struct embedder **out, struct bytes model);

unsigned embedder_dim(const struct embedder *e);

/* Term weights in, vector out. */
struct embed_sum {
	float v[EMBED_DIM_MAX];
};
/* Adds weight x the vector of a term (by its text); false: the embedder does not know it. */
bool embed_add(const struct embedder *e, struct embed_sum *sum, const char *term, float weight);
/* To int8, length 127; false: the sum is zero (then all of `out` is). */
bool embed_finish(const struct embedder *e, const struct embed_sum *sum, int8_t *out);

/* A passage of an index, as learning weighs it. */
bool embed_passage(const struct embedder *e, const struct index *x, size_t passage, int8_t *out);

/* Cosine of two finished vectors, -1..1. */
float embed_cosine(const int8_t *a, const int8_t *b, unsigned dim);
