/* search.h - one question, the passages that answer it best. Used by the command line, by
 * HTTP and by the voice's tool.
 *
 * A searcher holds an immutable index per collection in memory and swaps it when told;
 * search_run() reads no disk, takes no lock, and may be called from any thread.
 *
 * Ranking: BM25 over terms, joined and split words, and what sounds alike (weighted low);
 * the cosine of vectors learned from the documents themselves; both brought to 0..1 and
 * added (a convex combination); docs/knowledge.md has the numbers.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "knowledge/index.h"

struct query;
struct searcher;
struct store;

enum { SEARCH_K_DEFAULT = 5, SEARCH_K_MAX = 100, SEARCH_COLLECTIONS = 256 };

MUST_USE int searcher_new(struct searcher **out);
void searcher_free(struct searcher *s);
AUTO_DEF(searcher)

/* Read a collection into memory and show it to all searches that begin from now on. Blocks:
 * on a worker, one call at a time. -ENOENT: there is no such collection. -ENOSPC: more
 * than SEARCH_COLLECTIONS. */
MUST_USE int searcher_load(struct searcher *s, struct store *reader, const char *collection);
/* Load every collection whose documents have changed since it was loaded. */
MUST_USE int searcher_refresh(struct searcher *s, struct store *reader);

/* What is shown of a collection now: a reference; NULL: it is not loaded. Any thread. */
MUST_USE struct index *searcher_index(struct searcher *s, const char *collection);

enum search_by { SEARCH_BY_ALL, SEARCH_BY_WORDS, SEARCH_BY_VECTOR }; /* one part: to compare */

struct search_request {
	const char *collection; /* NULL: the default */
	const char *query;      /* UTF-8             */
	size_t k;               /* 0: SEARCH_K_DEFAULT */
	int64_t document;       /* only in this one; 0: all */
	enum search_by by;
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
};

struct search_result {
	struct index *index;
	struct search_row rows[SEARCH_K_MAX];
	size_t n;
	/* 0..1: how sure it is that the first row answers. Below SEARCH_NOTHING an answerer
	 * should say that the documents say nothing about this. */
	float confidence;
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
 * A new reference; NULL: no memory. */
MUST_USE json_t *search_result_json(const struct search_request *q, const struct search_result *r);
MUST_USE json_t *search_row_json(const struct search_row *r);

/* How well one sentence of a row answers the request's question: 0..1. */
float sentence_score(const struct search_request *q, const struct search_result *r,
		     const struct search_row *row, struct bytes sentence);
