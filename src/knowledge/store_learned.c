/* The rest of store.h: passages, and what is learned from them. */
#include "knowledge/store.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/db.h"
#include "knowledge/sentences.h"

/* --- passages ----------------------------------------------------------------------------- */

#define PASSAGE_COLUMNS                                                                            \
	"SELECT p.id, p.document, p.ordinal, p.page, p.start, p.\"end\", p.heading, p.path, p.text,"  \
	" v.vector FROM "
#define WITH_VECTORS " LEFT JOIN vectors v ON v.passage = p.id "

static int each_passage(struct store *s, const char *sql, int64_t id,
			int (*each)(void *ctx, const struct store_passage *p), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, sql);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	while ((r = db_step(s, q)) == 1) {
		struct store_passage p = {
			.id = sqlite3_column_int64(q, 0),
			.document = sqlite3_column_int64(q, 1),
			.ordinal = (unsigned)sqlite3_column_int64(q, 2),
			.page = (unsigned)sqlite3_column_int64(q, 3),
			.start = (size_t)sqlite3_column_int64(q, 4),
			.end = (size_t)sqlite3_column_int64(q, 5),
			.heading = db_str(q, 6),
			.path = db_str(q, 7),
			.text = bytes_of(db_str(q, 8), (size_t)sqlite3_column_bytes(q, 8)),
			.vector = db_bytes(q, 9),
		};
		int e = each(ctx, &p);

		if (e != 0)
			return e;
	}
	return r;
}

int store_passages(struct store *s, int64_t collection,
		   int (*each)(void *ctx, const struct store_passage *p), void *ctx)
{
	return each_passage(s,
			    PASSAGE_COLUMNS "documents d JOIN passages p ON p.document = d.id" WITH_VECTORS
			    "WHERE d.collection = ? ORDER BY p.document, p.ordinal",
			    collection, each, ctx);
}

int store_document_passages(struct store *s, int64_t document,
			    int (*each)(void *ctx, const struct store_passage *p), void *ctx)
{
	return each_passage(s,
			    PASSAGE_COLUMNS "passages p" WITH_VECTORS
			    "WHERE p.document = ? ORDER BY p.ordinal",
			    document, each, ctx);
}

/* "a b" as FTS5's expression: "a" OR "b". Quotes cannot occur inside. */
static char *fts_expression(const char *words)
{
	AUTO(buf) struct buf b = { 0 };

	for (const char *p = words; *p;) {
		size_t n = strcspn(p, " \"");

		if (n) {
			buf_puts(&b, b.n ? " OR \"" : "\"");
			buf_put(&b, p, n);
			buf_putc(&b, '"');
		}
		p += n;
		p += *p != 0;
	}
	return buf_take(&b);
}

int store_fts(struct store *s, int64_t collection, const char *words, size_t k,
	      int (*each)(void *ctx, int64_t passage, double score), void *ctx)
{
	AUTO(mem) char *match = fts_expression(words);
	AUTO(stmt) sqlite3_stmt *q = NULL;

	if (!match)
		return db_fail(s, SQLITE_NOMEM);
	if (!*match)
		return 0;
	int r = db_prepare(s, &q,
			"SELECT f.rowid, bm25(passages_fts) AS rank FROM passages_fts f"
			" JOIN passages p ON p.id = f.rowid JOIN documents d ON d.id = p.document"
			" WHERE passages_fts MATCH ? AND d.collection = ? ORDER BY rank LIMIT ?");
	if (r < 0)
		return r;
	db_bind_text(q, 1, match);
	sqlite3_bind_int64(q, 2, collection);
	sqlite3_bind_int64(q, 3, (int64_t)k);
	while ((r = db_step(s, q)) == 1) {
		int e = each(ctx, sqlite3_column_int64(q, 0), -sqlite3_column_double(q, 1));

		if (e != 0)
			return e;
	}
	return r;
}

/* --- what is learned ------------------------------------------------------------------------ */

struct sentence_walk {
	int (*each)(void *ctx, struct bytes sentence);
	void *ctx;
};

static int each_passage_sentence(void *ctx, const struct store_passage *p)
{
	struct sentence_walk *w = ctx;
	struct span s;
	size_t pos = 0;

	while (sentence_next(p->text, &pos, &s)) {
		int e = w->each(w->ctx, bytes_sub(p->text, s.start, s.end - s.start));

		if (e != 0)
			return e;
	}
	return 0;
}

int store_sentences_foreach(struct store *s, int64_t collection,
			    int (*each)(void *ctx, struct bytes sentence), void *ctx)
{
	struct sentence_walk w = { each, ctx };

	return store_passages(s, collection, each_passage_sentence, &w);
}

int store_words_foreach(struct store *s, int64_t collection,
			int (*each)(void *ctx, const struct store_word *w), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"SELECT word, count FROM lexicon WHERE collection = ? ORDER BY count DESC, word");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = db_step(s, q)) == 1) {
		struct store_word w = { db_str(q, 0), sqlite3_column_int64(q, 1) };
		int e = each(ctx, &w);

		if (e != 0)
			return e;
	}
	return r;
}

static int put_vectors(struct store *s, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	/* A passage may have gone since it was read: its vector must not stay. */
	int r = db_prepare(s, &q,
			"INSERT OR REPLACE INTO vectors SELECT id, ?2 FROM passages WHERE id = ?1");

	for (size_t i = 0; r == 0 && i < l->n_vectors; i++) {
		sqlite3_bind_int64(q, 1, l->passages[i]);
		db_bind_blob(q, 2, bytes_of(l->vectors + i * l->dim, l->dim));
		r = db_run(s, q);
	}
	return r;
}

static int put_words(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "INSERT OR REPLACE INTO lexicon VALUES(?, ?, ?)");

	for (size_t i = 0; r == 0 && i < l->n_words; i++) {
		sqlite3_bind_int64(q, 1, collection);
		db_bind_text(q, 2, l->words[i].word);
		sqlite3_bind_int64(q, 3, l->words[i].count);
		r = db_run(s, q);
	}
	return r;
}

static int put_embedder(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "INSERT OR REPLACE INTO embedders VALUES(?, ?, ?, ?, ?)");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	db_bind_text(q, 2, l->embedder);
	sqlite3_bind_int64(q, 3, l->dim);
	sqlite3_bind_int64(q, 4, l->generation);
	db_bind_blob(q, 5, l->model.p ? l->model : bytes_of("", 0));
	return db_run(s, q);
}

int store_learn(struct store *s, int64_t collection, const struct store_learned *l)
{
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = db_run_id(s,
		   "DELETE FROM vectors WHERE passage IN (SELECT p.id FROM passages p"
		   " JOIN documents d ON d.id = p.document WHERE d.collection = ?)",
		   collection);
	if (r == 0)
		r = db_run_id(s, "DELETE FROM lexicon WHERE collection = ?", collection);
	if (r == 0)
		r = put_vectors(s, l);
	if (r == 0)
		r = put_words(s, collection, l);
	if (r == 0)
		r = put_embedder(s, collection, l);
	return db_finish(s, r);
}

int store_embedder(struct store *s, int64_t collection, struct buf *model, unsigned *dim,
		   int64_t *generation)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT model, dim, generation FROM embedders WHERE collection = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_absent(s, "embedder");
	struct bytes m = db_bytes(q, 0);
	buf_put(model, m.p, m.n);
	if (model->failed)
		return db_fail(s, SQLITE_NOMEM);
	*dim = (unsigned)sqlite3_column_int64(q, 1);
	*generation = sqlite3_column_int64(q, 2);
	return 0;
}

int store_embedder_stamp(struct store *s, int64_t collection, int64_t *stamp)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"SELECT name, dim, generation, length(model) FROM embedders WHERE collection = ?");

	*stamp = 0;
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = db_step(s, q);
	if (r != 1)
		return r;
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	for (const char *c = db_str(q, 0); *c; c++)
		h = (h ^ (uint8_t)*c) * 1099511628211u;
	for (int i = 1; i <= 3; i++)
		h = (h ^ (uint64_t)sqlite3_column_int64(q, i)) * 1099511628211u;
	*stamp = (int64_t)(h | 1);
	return 0;
}
