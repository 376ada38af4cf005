/* lexical.h - the passages that score best by words, BM25 over many weighed terms, found without
 * looking at all that hold one of them.
 *
 * Exact: the same passages as scoring everything would give. Each segment's windows are opened
 * in the order of what a passage in them could score at most; the search ends when that is less
 * than what has been found. Within a window the terms that together could not lift a passage
 * over the threshold are looked up only for passages that other terms brought (MaxScore: Turtle,
 * Flood 1995; block maxima: Ding, Suel 2011; windows in the order of their bounds after
 * Lin, Trotman 2015).
 */
#pragma once

#include "knowledge/top.h"
#include "knowledge/view.h"

enum { LEXICAL_TERMS = 160 };

/* Both weights multiply bm25(); `sound` is what only sounds like what was asked. */
struct lexical_term {
	uint32_t term;
	float words, sound;
};

struct lexical_query {
	struct lexical_term terms[LEXICAL_TERMS];
	size_t n;
	const struct index *x; /* once it is open */
	float mean;            /* index_mean_length() */
	struct segment_list *lists; /* [index_n_segments()][n] */
};

struct lexical_score {
	float words, sound;
};

/* Adds a weight; terms that come twice are added up. */
void lexical_add(struct lexical_query *q, uint32_t term, float words, float sound);
/* All terms are there: find their lists. Borrows the index. 0 or -ENOMEM. */
MUST_USE int lexical_open(struct lexical_query *q, const struct index *x);
void lexical_done(struct lexical_query *q);
/* The terms' lists in the segment of a row; *row becomes the passage's number in it. */
const struct segment_list *lexical_lists(const struct lexical_query *q, size_t *row);
/* Of one row. */
struct lexical_score lexical_score(const struct lexical_query *q, size_t row);
/* The best rows of what the view shows. 0 or -ENOMEM. */
MUST_USE int lexical_top(const struct lexical_query *q, const struct view *v, struct top *top);
/* All of them, into words[index_n()] and sound[index_n()], which are zero. */
void lexical_all(const struct lexical_query *q, float *words, float *sound);
