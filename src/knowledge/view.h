/* view.h - what of a collection one question may see: who asks, and what he asks for.
 *
 * Access comes first: a document with labels is there only for those who are in one of them;
 * for everybody else it, and the words that stand only there, do not exist.
 */
#pragma once

#include "knowledge/index.h"

/* Zero asks for everything. Sets are as in store.h: "\na\nb\n". */
struct view_filter {
	const char *groups; /* of who asks (labels.h); NULL: sees all; "": only what has no labels */
	const char *tags;   /* NULL or "": any; else the document has all of them           */
	const char *path;   /* NULL: any; else a glob (fnmatch(3)) of the path or the name  */
	const char *name;   /* NULL: any; else a glob of the file's name alone              */
	int64_t since_us, until_us; /* modified in [since, until); 0: no bound */
	int64_t document;           /* only this one; 0: all                   */
};

struct view {
	const struct index *x;
	bool all;        /* nothing is asked but that documents live */
	bool restricted; /* there are documents that this one must not see */
	size_t n_passages;        /* of those that it may */
	uint8_t *memory, **masks; /* [segments][leaves]: what is asked for ... */
	uint8_t **granted;        /* ... and what may be seen; only when `restricted` */
};

/* 0 or -ENOMEM. Borrows the index. */
MUST_USE int view_init(struct view *v, const struct index *x, const struct view_filter *f);
void view_done(struct view *v);
static inline void view_auto_(struct view *v) /* AUTO(view) struct view v = {0}; */
{
	view_done(v);
}

/* [n_leaves] of a segment: 0 is hidden; NULL: all of them are seen. */
static inline const uint8_t *view_leaves(const struct view *v, size_t segment)
{
	return v->all ? index_segment(v->x, segment)->alive : v->masks[segment];
}

/* "2026-01-31", or with "T12:00:00Z" behind it, as microseconds since 1970. */
MUST_USE bool view_date(const char *text, int64_t *us);

/* Does any passage that may be seen hold the term? */
MUST_USE bool view_has_term(const struct view *v, int32_t term);
/* As index_idf(), but counted in what may be seen: a question is understood as if the rest were
 * not there. What stays of it is in the vectors and in the mean length of passages. */
float view_idf(const struct view *v, int32_t term);
