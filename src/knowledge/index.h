/* index.h - a collection in memory, as searching reads it. Immutable once built.
 *
 * Holds the passages with their text, a forward index (the terms of each passage in
 * order), inverted lists with the BM25 weight of every occurrence, and the vectors.
 * Shared by threads through a reference count; nothing in it changes after
 * index_build(), so searching takes no lock and no database.
 *
 * Words: a *surface* is a word as it is written ("packages"), a *term* what is counted
 * ("packag"). A term also occurs where two words join to it: "data base" counts as
 * "database" where the collection knows that word.
 */
#pragma once

#include "base/bytes.h"
#include "knowledge/vocab.h"

struct embedder;
struct sounds;
struct store;
struct index;

struct index_document {
	int64_t id;
	const char *path, *name, *title; /* name: the path's last part */
	const char *labels;              /* a set (labels.h)          */
};

struct index_passage {
	int64_t id;
	uint32_t document; /* row of the document in this index */
	unsigned page;
	size_t start, end;
	const char *heading, *path;
	struct bytes text;
};

struct posting {
	uint32_t passage;
	float weight; /* BM25's part that does not depend on the query: 0..k1 + 1 */
};

struct posting_list {
	const struct posting *p; /* by passage, ascending */
	size_t n;
};

/* Ends a sentence in a passage's tokens. */
#define INDEX_SENTENCE UINT32_MAX

struct index_tokens {
	const uint32_t *surface; /* surfaces, or INDEX_SENTENCE; the headings' first */
	size_t n, n_heading;     /* n_heading: how many of them stand in the headings */
};

/* Read a collection. 0, -ENOENT (no such collection) or what the store returned. */
MUST_USE int index_build(struct index **out, struct store *s, const char *collection);
struct index *index_ref(struct index *x);
void index_unref(struct index *x);
static inline void index_auto_(struct index **p)
{
	index_unref(*p);
}

int64_t index_generation(const struct index *x); /* of the collection it shows */
size_t index_n(const struct index *x);           /* passages */
size_t index_n_documents(const struct index *x);
const struct index_document *index_document(const struct index *x, size_t i);
const struct index_passage *index_passage(const struct index *x, size_t i);
struct index_tokens index_tokens(const struct index *x, size_t i);

const struct vocab *index_terms(const struct index *x);
const struct vocab *index_surfaces(const struct index *x);
const struct sounds *index_sounds(const struct index *x); /* of the terms */
int32_t index_surface_term(const struct index *x, size_t surface); /* -1: a stop word */
size_t index_surface_count(const struct index *x, size_t surface);
struct posting_list index_postings(const struct index *x, size_t term);
/* How much a term says: ln(1 + (N - n + 0.5) / (n + 0.5)); for n = 0 the most. */
float index_idf(const struct index *x, int32_t term);
/* NULL: nothing has been learned yet. */
const struct embedder *index_embedder(const struct index *x);
const int8_t *index_vector(const struct index *x, size_t passage); /* [embedder_dim()] */
/* Does the passage hold the term, headings included? */
MUST_USE bool index_has(const struct index *x, size_t term, uint32_t passage);
