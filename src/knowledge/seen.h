/* seen.h - what a session may see of an index: its passages, and the words that stand in them.
 *
 * A word that stands only in what is hidden is unknown, and how rare a word is, is counted in
 * what is seen: a question is understood as if the hidden documents were not there. What stays
 * of them is in the vectors and in the passages' mean length (docs/knowledge.md, "Access").
 */
#pragma once

#include "knowledge/index.h"

struct seen {
	const struct index *x;
	bool *documents;   /* [index_n_documents()]; NULL: all are seen */
	size_t n_passages; /* that are seen                             */
};

/* groups: as in search.h. 0 or -ENOMEM. Borrows the index. */
MUST_USE int seen_init(struct seen *v, const struct index *x, const char *groups);
void seen_done(struct seen *v);
static inline void seen_auto_(struct seen *v) /* AUTO(seen) struct seen v = {0}; */
{
	seen_done(v);
}

MUST_USE bool seen_passage(const struct seen *v, size_t passage);
/* Does a passage that is seen hold the term? */
MUST_USE bool seen_term(const struct seen *v, int32_t term);
/* As index_idf(). */
float seen_idf(const struct seen *v, int32_t term);
