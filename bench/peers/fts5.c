#include "bench/peers/fts5.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "document/words.h"

enum { COLUMNS = 2 }; /* heading, text */

struct fts5 {
	sqlite3 *db;
	sqlite3_stmt *add, *rank, *collect;
	struct fts5_matches *matches; /* of the question that is being collected */
	enum fts5_stops stops;
};

static void check(struct fts5 *f, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return;
	fprintf(stderr, "fts5: %s\n", sqlite3_errmsg(f->db));
	exit(1);
}

/* --- what bm25() counts ---------------------------------------------------------------------- */

static int count_row(const Fts5ExtensionApi *api, Fts5Context *row, void *n)
{
	(void)api;
	(void)row;
	++*(sqlite3_int64 *)n;
	return SQLITE_OK;
}

static void start(const Fts5ExtensionApi *api, Fts5Context *row, struct fts5_matches *m)
{
	sqlite3_int64 rows = 0, tokens = 0;

	m->n_phrases = (size_t)MIN(api->xPhraseCount(row), (int)FTS5_PHRASES);
	if (api->xRowCount(row, &rows) || api->xColumnTotalSize(row, -1, &tokens))
		abort();
	m->average = (double)tokens / (double)rows;
	for (size_t i = 0; i < m->n_phrases; i++) {
		sqlite3_int64 hits = 0;

		if (api->xQueryPhrase(row, (int)i, &hits, count_row))
			abort();
		/* A phrase in more than half of the rows counts next to nothing, as in bm25(). */
		m->idf[i] = MAX(log(((double)(rows - hits) + 0.5) / ((double)hits + 0.5)), 1e-6);
	}
}

static void collect(const Fts5ExtensionApi *api, Fts5Context *row, sqlite3_context *result, int n,
		    sqlite3_value **arguments)
{
	struct fts5_matches *m = *(struct fts5_matches **)api->xUserData(row);
	int size = 0, hits = 0;

	(void)n;
	(void)arguments;
	if (!m->n)
		start(api, row, m);
	if (!mem_grow(&m->at, &m->cap, m->n, sizeof(*m->at)) || api->xColumnSize(row, -1, &size) ||
	    api->xInstCount(row, &hits))
		abort();
	struct fts5_match *match = &m->at[m->n++];
	*match = (struct fts5_match){ .id = api->xRowid(row), .size = size };
	for (int i = 0; i < hits; i++) {
		int phrase, column, at;

		if (api->xInst(row, i, &phrase, &column, &at))
			abort();
		if (phrase < (int)FTS5_PHRASES)
			++*(column ? &match->text[phrase] : &match->heading[phrase]);
	}
	sqlite3_result_int(result, 0);
}

static fts5_api *extension(struct fts5 *f)
{
	sqlite3_stmt *s;
	fts5_api *api = NULL;

	check(f, sqlite3_prepare_v2(f->db, "SELECT fts5(?1)", -1, &s, NULL));
	sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
	check(f, sqlite3_step(s));
	sqlite3_finalize(s);
	return api;
}

/* --- the table -------------------------------------------------------------------------------- */

struct fts5 *fts5_new(const char *file, enum fts5_stops stops)
{
	struct fts5 *f = mem_zalloc(sizeof(*f));

	if (!f)
		abort();
	f->stops = stops;
	check(f, sqlite3_open(file ? file : ":memory:", &f->db));
	fts5_api *api = extension(f);
	check(f, api->xCreateFunction(api, "collect", &f->matches, collect, NULL));
	check(f, sqlite3_exec(f->db,
			      "CREATE VIRTUAL TABLE f USING fts5(heading, text, content='',"
			      " tokenize='porter unicode61')",
			      NULL, NULL, NULL));
	check(f, sqlite3_prepare_v2(f->db, "INSERT INTO f(rowid, heading, text) VALUES(?, ?, ?)",
				    -1, &f->add, NULL));
	check(f, sqlite3_prepare_v2(f->db,
				    "SELECT rowid FROM f WHERE f MATCH ?1 ORDER BY rank LIMIT ?2",
				    -1, &f->rank, NULL));
	check(f, sqlite3_prepare_v2(f->db, "SELECT collect(f) FROM f WHERE f MATCH ?1", -1,
				    &f->collect, NULL));
	return f;
}

void fts5_free(struct fts5 *f)
{
	if (!f)
		return;
	sqlite3_finalize(f->add);
	sqlite3_finalize(f->rank);
	sqlite3_finalize(f->collect);
	sqlite3_close(f->db);
	mem_free(f);
}

void fts5_begin(struct fts5 *f)
{
	check(f, sqlite3_exec(f->db, "BEGIN", NULL, NULL, NULL));
}

void fts5_commit(struct fts5 *f)
{
	check(f, sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL));
}

static void put_words(const char *text, struct buf *to)
{
	struct word w;
	size_t at = 0;

	buf_puts(to, "");
	while (word_next(bytes_str(text), &at, &w)) {
		if (word_is_stop(&w))
			continue;
		buf_puts(to, w.s);
		buf_putc(to, ' ');
	}
}

void fts5_add(struct fts5 *f, int64_t id, const char *heading, const char *text)
{
	AUTO(buf) struct buf h = { 0 };
	AUTO(buf) struct buf t = { 0 };

	if (f->stops == FTS5_STOPS_REMOVED) {
		put_words(heading, &h);
		put_words(text, &t);
		heading = (const char *)h.p;
		text = (const char *)t.p;
	}
	sqlite3_bind_int64(f->add, 1, id);
	sqlite3_bind_text(f->add, 2, heading, -1, SQLITE_STATIC);
	sqlite3_bind_text(f->add, 3, text, -1, SQLITE_STATIC);
	check(f, sqlite3_step(f->add));
	check(f, sqlite3_reset(f->add));
}

void fts5_expression(struct bytes question, bool all, struct buf *to)
{
	struct word w;
	size_t at = 0, n = 0;

	buf_puts(to, "");
	while (word_next(question, &at, &w))
		if (all || !word_is_stop(&w))
			buf_printf(to, "%s\"%s\"", n++ ? " OR " : "", w.s);
}

size_t fts5_rank(struct fts5 *f, const char *expression, size_t k, int64_t *ids)
{
	size_t n = 0;
	int code = SQLITE_DONE;

	sqlite3_bind_text(f->rank, 1, expression, -1, SQLITE_STATIC);
	sqlite3_bind_int64(f->rank, 2, (sqlite3_int64)k);
	while (*expression && (code = sqlite3_step(f->rank)) == SQLITE_ROW)
		ids[n++] = sqlite3_column_int64(f->rank, 0);
	check(f, code);
	check(f, sqlite3_reset(f->rank));
	return n;
}

void fts5_collect(struct fts5 *f, const char *expression, struct fts5_matches *to)
{
	int code = SQLITE_DONE;

	*to = (struct fts5_matches){ 0 };
	f->matches = to;
	sqlite3_bind_text(f->collect, 1, expression, -1, SQLITE_STATIC);
	while (*expression && (code = sqlite3_step(f->collect)) == SQLITE_ROW)
		continue;
	check(f, code);
	check(f, sqlite3_reset(f->collect));
	f->matches = NULL;
}

void fts5_matches_done(struct fts5_matches *m)
{
	mem_free(m->at);
	*m = (struct fts5_matches){ 0 };
}

size_t fts5_score(const struct fts5_matches *m, struct fts5_tuning t, size_t k, int64_t *ids)
{
	AUTO(mem) double *best = mem_calloc(k, sizeof(*best));
	size_t n = 0;

	if (!best)
		abort();
	for (size_t i = 0; i < m->n; i++) {
		const struct fts5_match *d = &m->at[i];
		double score = 0, norm = t.k1 * (1 - t.b + t.b * d->size / m->average);

		for (size_t p = 0; p < m->n_phrases; p++) {
			double often = t.heading * d->heading[p] + d->text[p];

			if (often > 0)
				score += m->idf[p] * often * (t.k1 + 1) / (often + norm);
		}
		size_t at = n;
		for (; at > 0 && score > best[at - 1]; at--) {
			if (at < k) {
				best[at] = best[at - 1];
				ids[at] = ids[at - 1];
			}
		}
		if (at < k) {
			best[at] = score;
			ids[at] = d->id;
			n = MIN(n + 1, k);
		}
	}
	return n;
}
