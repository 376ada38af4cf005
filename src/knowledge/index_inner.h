/* index_inner.h - what a snapshot is made of, for index.c (which is read) and index_update.c (which
 * makes them).
 */
#pragma once

#include "knowledge/embed.h"
#include "knowledge/index.h"
#include "knowledge/sound.h"

/* What was learned from the collection, shared by the snapshots until something new is. */
struct learned {
	atomic_uint refs;
	int64_t stamp;
	struct embedder *embedder; /* NULL: nothing */
};

struct place {
	const struct leaf *leaf;
	uint32_t segment, leaf_no;
};

struct index {
	atomic_uint refs;
	int64_t generation;
	struct dictionary *dictionary;
	struct learned *learned;
	struct index_segment *segments;
	size_t n_segments, cap_segments;
	struct place *documents; /* [n_documents], by id */
	size_t n_documents;
	size_t n, n_alive;       /* rows */
	double length;           /* of the living, added up */
	size_t n_terms, n_surfaces; /* what of the dictionary this snapshot knows */
	uint32_t *df;            /* [n_terms]    */
	uint32_t *surface_count; /* [n_surfaces] */
	struct sounds *sounds, *recent; /* of the terms up to some time, and since then */
};

void learned_unref(struct learned *l); /* NULL is fine */
void index_segment_done(struct index_segment *s);

static inline bool leaf_is_alive(const struct index_segment *s, size_t leaf_no)
{
	return !s->alive || s->alive[leaf_no];
}
