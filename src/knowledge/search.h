/* search.h - one question, the passages that answer it best. Used by the command line, by
 * HTTP and by the voice's tool.
 *
 * A searcher holds an immutable snapshot of each collection (index.h) and swaps it when told;
 * search_run() reads no disk, takes no lock, and may be called from any thread.
 *
 * Ranking: the best passages by words (BM25 over terms, joined and split words, and what sounds
 * alike, weighed low) and the nearest by vectors; the scores of both, each brought to 0..1, are
 * added (a convex combination); the best hundred are put in order again with what is dearer to
 * know. docs/knowledge.md has the numbers.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "knowledge/index.h"
#include "knowledge/view.h"

struct query;
struct searcher;
struct store;

enum { SEARCH_K_DEFAULT = 5, SEARCH_K_MAX = 100, SEARCH_COLLECTIONS = 256 };

MUST_USE int searcher_new(struct searcher **out);
void searcher_free(struct searcher *s);
AUTO_DEF(searcher)

/* Bring what is in memory of a collection up to date and show it to all searches that begin
 * from now on: what has not changed is not read again. Blocks: on a worker, one call at a time. -ENOENT: there is no such collection. -ENOSPC: more
 * than SEARCH_COLLECTIONS. */
MUST_USE int searcher_load(struct searcher *s, struct store *reader, const char *collection);
/* Load every collection whose documents have changed since it was loaded. */
MUST_USE int searcher_refresh(struct searcher *s, struct store *reader);

/* The snapshot shown now, with a reference; NULL: no such collection is loaded. Any thread.
 * collection NULL: the default. */
MUST_USE struct index *searcher_index(struct searcher *s, const char *collection);

enum search_by { SEARCH_BY_ALL, SEARCH_BY_WORDS, SEARCH_BY_VECTOR }; /* hybrid, text, vector */

/* How much each thing counts; docs/knowledge.md says how the values were chosen. */
struct search_tuning {
	float vector_share;    /* of the vectors in the score, the words have the rest ...          */
	float vector_half;     /* ... half of it where so many passages were learned from           */
	float neighbour_share; /* what the better passage beside it in its section lends            */
	float feedback_share;  /* how near it is to the first ones together ...                     */
	unsigned feedback;     /* ... so many of them                                               */
	float coverage_share;  /* how much of what is asked for stands here; of a long question ... */
	float coverage_words;  /* ... it counts less: in full up to so many words                   */
	float heading_share, proximity_share, exact_share; /* struct evidence; added to the rest    */
};

extern const struct search_tuning search_tuning;

/* "text", "vector", "hybrid". */
MUST_USE bool search_mode(const char *name, enum search_by *out);

struct search_request {
	const char *collection; /* NULL: the default */
	const char *query;      /* UTF-8             */
	size_t k;               /* 0: SEARCH_K_DEFAULT */
	struct view_filter filter;
	enum search_by by;
	bool exhaustive;        /* score every passage: to compare */
	const struct search_tuning *tuning; /* NULL: search_tuning */
};

/* Strings are borrowed from the result, which keeps its index alive. */
struct search_row {
	int64_t document, passage;
	const char *path, *name; /* name: the file's, without folders */
	const char *title, *heading, *headings; /* headings: "outermost > … > nearest" */
	unsigned page;                          /* 0: no pages */
	size_t start, end; /* octets of the document's text, on character boundaries */
	struct bytes text;
	float score;    /* 0..1, the order of the rows; comparable within one result only */
	float coverage; /* 0..1: how much of what the question asks for stands here       */
	float lexical, vector, sound; /* the parts, 0..1 */
	unsigned n_passages; /* 2 or more: neighbours that were found together; passage is the first */
	unsigned n_alike;    /* passages of nearly the same text that were left out for this one     */
};

struct search_result {
	struct index *index;
	struct view view;
	struct query *query;  /* as understood */
	struct arena strings; /* texts of neighbours put together */
	struct search_row rows[SEARCH_K_MAX];
	size_t n;
	/* 0..1: how sure it is that the first row answers. Below SEARCH_NOTHING an answerer
	 * should say that the documents say nothing about this. */
	float confidence;
	bool words_only; /* the embedding service did not answer: found without vectors */
};

#define SEARCH_NOTHING 0.45f

/* 0, or -ENOENT: no such collection is loaded (an empty one gives no rows). */
MUST_USE int search_run(struct searcher *s, const struct search_request *r,
			struct search_result *out);
void search_result_done(struct search_result *r);
/* AUTO(search_result) struct search_result r = {0}; */
static inline void search_result_auto_(struct search_result *r)
{
	search_result_done(r);
}

/* {"query", "collection", "confidence", "results": [{document, path, file, title, heading,
 * headings, page?, start, end, text, score, coverage, lexical, vector, sound}], words:
 * [{start, end, weight, known, like: [[term, quality]]}]}; words are those of the question
 * that say something: octets of the query, weight by rarity in the collection, whether the
 * collection has the word, and what else meets it (query.h).
 * "words_only": true where vectors were wanted and the service that makes them did not answer.
 * A new reference; NULL: no memory. */
MUST_USE json_t *search_result_json(const struct search_request *q, const struct search_result *r);
MUST_USE json_t *search_row_json(const struct search_row *r);

/* How well one sentence of a row answers the question: 0..1. */
float sentence_score(const struct search_result *r, const struct search_row *row,
		     struct bytes sentence);
