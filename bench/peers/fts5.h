/* fts5.h - SQLite's full-text index as others would use it, for comparison: porter stemming,
 * two columns (heading, text), any of the words, best first.
 *
 * fts5_rank() is FTS5's own `ORDER BY rank LIMIT k` (bm25 with k1 = 1.2 and b = 0.75, which
 * cannot be set). To score with others, an auxiliary function collects once what bm25() would
 * count in the matching rows, and fts5_score() computes its formula from that.
 */
#pragma once

#include "base/buf.h"

struct fts5;
struct fts5_tuning {
	double k1, b, heading;
};

enum fts5_stops { FTS5_STOPS_KEPT, FTS5_STOPS_REMOVED }; /* in what is indexed */

/* file: where it is kept; NULL: in memory. */
struct fts5 *fts5_new(const char *file, enum fts5_stops stops);
void fts5_free(struct fts5 *f);
AUTO_DEF(fts5)

void fts5_begin(struct fts5 *f); /* a transaction; fts5_commit() ends it */
void fts5_add(struct fts5 *f, int64_t id, const char *heading, const char *text);
void fts5_commit(struct fts5 *f);

/* The words of a text as a MATCH expression, "a" OR "b" OR …; stop words left out unless `all`. */
void fts5_expression(struct bytes question, bool all, struct buf *to);
size_t fts5_rank(struct fts5 *f, const char *expression, size_t k, int64_t *ids);

enum { FTS5_PHRASES = 48 };
struct fts5_match {
	int64_t id;
	double size;                                       /* tokens */
	uint8_t heading[FTS5_PHRASES], text[FTS5_PHRASES]; /* how often each phrase stands there */
};
struct fts5_matches {
	struct fts5_match *at;
	size_t n, cap, n_phrases;
	double average; /* tokens of a row */
	double idf[FTS5_PHRASES];
};

/* All rows that match. */
void fts5_collect(struct fts5 *f, const char *expression, struct fts5_matches *to);
void fts5_matches_done(struct fts5_matches *m);
/* The k best; equal ones as they were inserted. */
size_t fts5_score(const struct fts5_matches *m, struct fts5_tuning t, size_t k, int64_t *ids);
