/* index.h - a collection in memory, as searching reads it: one state of it, immutable.
 *
 * A snapshot is a few segments (segment.h) and what they amount to together: how many passages
 * there are, how many hold each term. A change of the collection makes a new snapshot that
 * shares the segments of the old one: documents that came are one more, small segment, those
 * that went are marked; small segments are merged into larger ones as they add up, so that
 * their number stays below about twenty. Snapshots are shared by threads through a reference
 * count; searching takes no lock and no database.
 *
 * Passages are rows, numbered over all segments; some are of documents that have gone
 * (index_alive()), until their segment is merged. Statistics count the living only.
 */
#pragma once

#include "knowledge/segment.h"

struct embedder;
struct index;
struct sound_filter;
struct sound_match;
struct store;

/* What a snapshot shows is brought up to date: *out is a new one that shares with `old` what has
 * not changed. One thread at a time for what descends from one index_build(). 0, -ENOENT (no
 * such collection), or what the store returned. */
MUST_USE int index_update(struct index **out, struct index *old, struct store *s,
			  const char *collection);
/* Read all of a collection. */
MUST_USE int index_build(struct index **out, struct store *s, const char *collection);
struct index *index_ref(struct index *x);
void index_unref(struct index *x);
static inline void index_auto_(struct index **p)
{
	index_unref(*p);
}

int64_t index_generation(const struct index *x); /* of the collection it shows   */
int64_t index_stamp(const struct index *x);      /* store_embedder_stamp() of it */

/* --- segments ----------------------------------------------------------------------------- */

struct index_segment {
	struct segment *g;
	size_t first;   /* row of its first passage */
	uint8_t *alive; /* [g->n_leaves]; NULL: all */
	size_t n_alive; /* passages                 */
};

size_t index_n_segments(const struct index *x);
const struct index_segment *index_segment(const struct index *x, size_t i);
/* The segment of a row; *row becomes the passage's number in it. */
const struct index_segment *index_segment_of(const struct index *x, size_t *row);

/* --- passages and documents ------------------------------------------------------------------- */

size_t index_n(const struct index *x); /* rows */
size_t index_n_alive(const struct index *x);
MUST_USE bool index_alive(const struct index *x, size_t row);
float index_mean_length(const struct index *x); /* of the living passages, in words */
size_t index_n_documents(const struct index *x);
const struct index_document *index_document(const struct index *x, size_t i); /* by id */
const struct index_passage *index_passage(const struct index *x, size_t row);
struct index_tokens index_tokens(const struct index *x, size_t row);

/* --- words --------------------------------------------------------------------------------------- */

size_t index_n_terms(const struct index *x);
const char *index_term(const struct index *x, size_t term);
/* -1: this snapshot does not know it. */
int32_t index_find_term(const struct index *x, const char *s, size_t n);
/* How many living passages hold the term; 0 for one that only the dead held. */
size_t index_df(const struct index *x, int32_t term);
/* How much a term says: ln(1 + (N - n + 0.5) / (n + 0.5)); for n = 0 the most. */
float index_idf(const struct index *x, int32_t term);
/* Does the passage hold the term, headings included? */
MUST_USE bool index_has(const struct index *x, size_t term, size_t row);
/* Terms that sound like a word: sound.h. */
size_t index_sound_find(const struct index *x, const char *word, size_t n,
			const struct sound_filter *filter, float least,
			struct sound_match *out /* [SOUND_MATCHES] */);

size_t index_n_surfaces(const struct index *x);
const char *index_surface(const struct index *x, size_t surface);
int32_t index_find_surface(const struct index *x, const char *s, size_t n);
int32_t index_surface_term(const struct index *x, size_t surface); /* -1: a stop word */
const int32_t *index_surface_terms(const struct index *x); /* the same, [index_n_surfaces()] */
size_t index_surface_count(const struct index *x, size_t surface);

/* --- vectors --------------------------------------------------------------------------------------- */

/* NULL: nothing has been learned yet. */
const struct embedder *index_embedder(const struct index *x);
const int8_t *index_vector(const struct index *x, size_t row); /* [embedder_dim()] */
