/* segment.h - a run of passages that can be searched: inverted lists and vectors. Immutable once
 * it is shown to others, reference counted.
 *
 * A list holds a term's passages in ascending order with its frequency in each (leaf.h's
 * fifths). The passages are cut into windows of SEGMENT_WINDOW; a long list also knows where
 * each window begins in it and the most that a passage there can score, so that a search opens
 * the promising windows first and stops when no other can hold a better passage.
 */
#pragma once

#include "knowledge/leaf.h"

enum { SEGMENT_WINDOW = 512, SEGMENT_MAX = 1 << 28 /* passages */ };

/* --- BM25 (Robertson, Zaragoza 2009), headings added up before saturation -------------------- */

/* Chosen on Cranfield and on questions to Debian's manuals (docs/knowledge.md). */
#define BM25_K1 1.8f
#define BM25_B  0.65f

/* The part that does not depend on the query: 0..BM25_K1 + 1. fifths: of a word (leaf.h). */
static inline float bm25(unsigned fifths, float length, float mean)
{
	float tf = (float)fifths / FIFTHS;

	return tf * (BM25_K1 + 1) / (tf + BM25_K1 * (1 - BM25_B + BM25_B * length / mean));
}

struct segment_row {
	const struct leaf *leaf;
	uint32_t ordinal; /* of the passage in its leaf */
	uint32_t leaf_no; /* of the leaf in its segment */
};

struct segment {
	atomic_uint refs;
	size_t n, n_leaves, n_terms, n_windows;
	struct segment_row *rows; /* [n] */
	float *length;            /* [n], words; what BM25 calls dl */
	struct leaf **leaves;     /* [n_leaves], owned */
	uint32_t *terms;          /* [n_terms], ascending, the dictionary's numbers */
	size_t *first;            /* [n_terms + 1] into passage and count */
	uint32_t *passage;
	uint8_t *count;
	uint32_t *directory; /* [n_terms]: which one + 1; 0: the list is short */
	uint32_t *start;     /* [directories][n_windows + 1]: offsets in the list */
	uint8_t *most;       /* [directories][n_windows]: SEGMENT_BOUND steps, rounded up */
	float mean;          /* mean length that `most` was made for */
	unsigned dim;
	int8_t *vectors; /* [n][dim]; all zeros: not embedded yet */
	size_t n_tail;
	uint64_t *heads; /* [n][VECTOR_HEAD]: of the vectors' codes, made by segment_code() */
	uint64_t *tails; /* [n][n_tail]: the rest of them                                   */
};

/* The unit of `most`. */
#define SEGMENT_BOUND ((BM25_K1 + 1) / 255)

struct segment_list {
	const uint32_t *passage;
	const uint8_t *count;
	size_t n;
	const uint32_t *start; /* NULL: no directory */
	const uint8_t *most;
};

/* Of leaves as leaf_read() gave them: takes their vectors, and a reference to each. 0 or -ENOMEM. */
MUST_USE int segment_build(struct segment **out, struct leaf *const *leaves, size_t n_leaves,
			   const struct dictionary *l);
/* One segment of several; alive[i] is NULL or [n_leaves]: 0 drops the leaf. 0 or -ENOMEM. */
MUST_USE int segment_merge(struct segment **out, struct segment *const *from,
			   const uint8_t *const *alive, size_t n, size_t n_dictionary_terms);
/* Make the codes, once all rows have their vectors. 0 or -ENOMEM. */
MUST_USE int segment_code(struct segment *g);
struct segment *segment_ref(struct segment *g);
void segment_unref(struct segment *g); /* NULL is fine */
static inline void segment_auto_(struct segment **p)
{
	segment_unref(*p);
}

struct segment_list segment_list(const struct segment *g, uint32_t term);
/* How often the term stands in the passage, in fifths; 0: not at all. */
MUST_USE unsigned segment_count(const struct segment_list *l, uint32_t passage);
