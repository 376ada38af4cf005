/* embed_lsa.h - vectors learned from the documents themselves: no model is downloaded.
 *
 * Latent semantic analysis: the matrix of passages by terms (log frequency times idf,
 * rows of length 1) is cut to its strongest directions by a randomised truncated SVD
 * (Halko, Martinsson, Tropp 2011). A term's vector is its row of the right singular
 * vectors; a text's is the weighted sum of its terms' vectors. Passages and questions go
 * through the same function. The first dimensions are the strongest, so a vector may be cut.
 * Deterministic: fixed seed, one thread, no order of hashing.
 */
#pragma once

#include "knowledge/embed.h"

#define LSA_NAME "lsa-2"

/* Of how many passages the collection was when it was learned, and which generation. */
struct lsa_origin {
	uint64_t passages;
	int64_t generation;
};
struct lsa_origin lsa_origin(const struct embedder *e);
