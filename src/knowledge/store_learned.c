/* The rest of store.h: passages, and what is learned from them. */
#include "knowledge/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "knowledge/db.h"

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

/* --- marks: small numbers about a collection, in the table meta --------------------------------- */

enum { KEY = 64 };

static const char *key_of(char key[static KEY], const char *what, int64_t collection)
{
	snprintf(key, KEY, "%s.%" PRId64, what, collection);
	return key;
}

static int put_mark(struct store *s, const char *what, int64_t collection, int64_t value)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "INSERT OR REPLACE INTO meta VALUES(?, ?)");
	char key[KEY];

	if (r < 0)
		return r;
	db_bind_text(q, 1, key_of(key, what, collection));
	sqlite3_bind_int64(q, 2, value);
	return db_run(s, q);
}

static int get_mark(struct store *s, const char *what, int64_t collection, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT value FROM meta WHERE key = ?");
	char key[KEY];

	if (r < 0)
		return r;
	db_bind_text(q, 1, key_of(key, what, collection));
	r = db_step(s, q);
	*out = r == 1 ? sqlite3_column_int64(q, 0) : -1;
	return MIN(r, 0);
}

/* --- words ------------------------------------------------------------------------------------- */

static int put_words(struct store *s, int64_t collection, const struct store_word *words, size_t n)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "INSERT INTO lexicon VALUES(?, ?, ?)"
			   " ON CONFLICT(collection, word) DO UPDATE SET count = count + excluded.count");

	for (size_t i = 0; r == 0 && i < n; i++) {
		sqlite3_bind_int64(q, 1, collection);
		db_bind_text(q, 2, words[i].word);
		sqlite3_bind_int64(q, 3, words[i].count);
		r = db_run(s, q);
	}
	return r;
}

int store_put_words(struct store *s, int64_t collection, const struct store_word *words, size_t n,
		    enum store_how how, int64_t generation, int64_t passages)
{
	int r = db_begin(s);

	if (r < 0)
		return r;
	if (how == STORE_REPLACE)
		r = db_run_id(s, "DELETE FROM lexicon WHERE collection = ?", collection);
	if (r == 0)
		r = put_words(s, collection, words, n);
	if (r == 0)
		r = put_mark(s, "words", collection, generation);
	if (r == 0)
		r = put_mark(s, "word_passages", collection, passages);
	return db_finish(s, r);
}

/* --- texts to learn from -------------------------------------------------------------------------- */

#define TEXT_COLUMNS "p.id, d.title, p.heading, p.path, p.text"

static struct store_text text_row(sqlite3_stmt *q)
{
	return (struct store_text){ .passage = sqlite3_column_int64(q, 0),
				    .title = db_str(q, 1),
				    .heading = db_str(q, 2),
				    .path = db_str(q, 3),
				    .text = bytes_of(db_str(q, 4), (size_t)sqlite3_column_bytes(q, 4)) };
}

static int sample_one(struct store *s, sqlite3_stmt *q, int64_t passage,
		      int (*each)(void *ctx, const struct store_text *p), void *ctx)
{
	sqlite3_bind_int64(q, 1, passage);
	int r = db_step(s, q);
	if (r == 1) {
		struct store_text t = text_row(q);

		r = each(ctx, &t);
	}
	sqlite3_reset(q);
	return r;
}

/* The numbers come from an index alone: the texts between are not read. */
int store_sample(struct store *s, int64_t collection, size_t step,
		 int (*each)(void *ctx, const struct store_text *p), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *ids = NULL;
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &ids,
			   "SELECT p.id FROM documents d NOT INDEXED JOIN passages p ON p.document = d.id"
			   " WHERE d.collection = ? ORDER BY d.id, p.ordinal");

	if (r == 0)
		r = db_prepare(s, &q,
			       "SELECT " TEXT_COLUMNS " FROM passages p JOIN documents d ON d.id = p.document"
			       " WHERE p.id = ?");
	if (r < 0)
		return r;
	sqlite3_bind_int64(ids, 1, collection);
	for (size_t i = 0; (r = db_step(s, ids)) == 1; i++) {
		int e = i % MAX(step, (size_t)1) == 0 ?
				sample_one(s, q, sqlite3_column_int64(ids, 0), each, ctx) :
				0;

		if (e != 0)
			return e;
	}
	return r;
}

/* All: by their numbers; changed ones: there is an index of that. */
static const char *walk_sql(const struct store_walk *w)
{
#define WALK(by, version, vectors)                                                                 \
	"SELECT " TEXT_COLUMNS ", d.id FROM documents d " by " JOIN passages p ON p.document = d.id"  \
	" WHERE d.collection = ?1 AND d.id > ?2 AND " version vectors " ORDER BY d.id, p.ordinal"
#define ALL	"NOT INDEXED", "?3 < 0"
#define CHANGED "INDEXED BY documents_version", "d.version > ?3"
#define BARE	" AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.passage = p.id)"
#define EXPAND(...) WALK(__VA_ARGS__)
	if (w->without_vector)
		return w->after < 0 ? EXPAND(ALL, BARE) : EXPAND(CHANGED, BARE);
	return w->after < 0 ? EXPAND(ALL, "") : EXPAND(CHANGED, "");
#undef WALK
#undef ALL
#undef CHANGED
#undef BARE
#undef EXPAND
}

ssize_t store_walk(struct store *s, struct store_walk *w, size_t limit,
		   int (*each)(void *ctx, const struct store_text *p), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, walk_sql(w));
	int64_t document = w->document;
	size_t n = 0;

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, w->collection);
	sqlite3_bind_int64(q, 2, w->document);
	sqlite3_bind_int64(q, 3, w->after);
	while ((r = db_step(s, q)) == 1) {
		struct store_text t = text_row(q);
		int64_t its = sqlite3_column_int64(q, 5);

		if (n >= limit && its != document)
			break;
		document = its;
		int e = each(ctx, &t);
		if (e != 0)
			return e;
		n++;
	}
	if (r < 0)
		return r;
	w->document = document;
	return (ssize_t)n;
}

int store_walk_size(struct store *s, const struct store_walk *w, int64_t *n)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   w->after < 0 ? "SELECT coalesce(sum(n_passages), 0) FROM documents WHERE"
					  " collection = ?1" :
					  "SELECT coalesce(sum(n_passages), 0) FROM documents"
					  " INDEXED BY documents_version WHERE"
					  " collection = ?1 AND version > ?2");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, w->collection);
	if (w->after >= 0)
		sqlite3_bind_int64(q, 2, w->after);
	r = db_step(s, q);
	if (r == 1)
		*n = sqlite3_column_int64(q, 0);
	return MIN(r, 0);
}

/* --- vectors --------------------------------------------------------------------------------------- */

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

/* The collection's generation grows because of what was learned; what was done up to the one
 * before is done up to this one. `from`: the generation that was learned from. */
static int grow_generation(struct store *s, int64_t collection, int64_t from)
{
	int64_t now, words;
	int r = store_generation(s, collection, &now);

	if (r == 0)
		r = db_run_id(s, "UPDATE collections SET generation = generation + 1 WHERE id = ?",
			      collection);
	if (r == 0)
		r = put_mark(s, "vectors", collection, now == from ? now + 1 : from);
	if (r == 0)
		r = get_mark(s, "words", collection, &words);
	return r == 0 && words == now ? put_mark(s, "words", collection, now + 1) : r;
}

static int put_embedder(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "INSERT OR REPLACE INTO embedders SELECT id, ?2, ?3, generation, ?4"
			   " FROM collections WHERE id = ?1");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	db_bind_text(q, 2, l->embedder);
	sqlite3_bind_int64(q, 3, l->dim);
	db_bind_blob(q, 4, l->model.p ? l->model : bytes_of("", 0));
	return db_run(s, q);
}

static int learn(struct store *s, int64_t collection, const struct store_learned *l)
{
	struct store_state now;
	int r = store_state(s, collection, &now);

	if (r < 0)
		return r;
	if (!now.dim && !l->dim) /* there was nothing to learn from, and there still is not */
		r = put_mark(s, "vectors", collection, l->generation);
	else
		r = grow_generation(s, collection, l->generation);
	if (r == 0)
		r = db_run_id(s,
			      "DELETE FROM vectors WHERE passage IN (SELECT p.id FROM passages p"
			      " JOIN documents d ON d.id = p.document WHERE d.collection = ?)",
			      collection);
	if (r == 0)
		r = put_vectors(s, l);
	if (r == 0)
		r = put_embedder(s, collection, l);
	return r == 0 ? store_say_progress(s, collection, NULL, 0, 0) : r;
}

int store_learn(struct store *s, int64_t collection, const struct store_learned *l)
{
	int r = db_begin(s);

	return r < 0 ? r : db_finish(s, learn(s, collection, l));
}

/* The documents of these passages change, with a generation of their own. */
static int announce(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = grow_generation(s, collection, l->generation);

	if (r == 0)
		r = db_prepare(s, &q,
			       "UPDATE documents SET version = (SELECT generation FROM collections"
			       " WHERE id = documents.collection) WHERE id ="
			       " (SELECT document FROM passages WHERE id = ?)");
	for (size_t i = 0; r == 0 && i < l->n_vectors; i++) {
		sqlite3_bind_int64(q, 1, l->passages[i]);
		r = db_run(s, q);
	}
	return r;
}

static int add_vectors(struct store *s, int64_t collection, const struct store_learned *l,
		       enum store_news news)
{
	struct store_state now;
	int r = store_state(s, collection, &now);

	if (r == 0 && (strcmp(now.embedder, l->embedder) != 0 || now.dim != l->dim))
		r = -ESTALE;
	if (r == 0)
		r = put_vectors(s, l);
	if (r < 0)
		return r;
	return news == STORE_ANNOUNCE && l->n_vectors ? announce(s, collection, l) :
							put_mark(s, "vectors", collection, l->generation);
}

int store_add_vectors(struct store *s, int64_t collection, const struct store_learned *l,
		      enum store_news news)
{
	int r = db_begin(s);

	return r < 0 ? r : db_finish(s, add_vectors(s, collection, l, news));
}

int store_spool(struct store *s)
{
	char dir[sizeof(s->path)];

	snprintf(dir, sizeof(dir), "%s", s->path);
	*strrchr(dir, '/') = 0;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	int e = errno;
	snprintf(s->why, sizeof(s->why), "%.160s: a file for vectors cannot be made there (%s)", dir,
		 strerror(e));
	return -e;
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

/* --- how far it has come ------------------------------------------------------------------------------ */

static int read_embedder_row(struct store *s, int64_t collection, struct store_state *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT name, dim, generation FROM embedders WHERE collection = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = db_step(s, q);
	if (r != 1)
		return r;
	snprintf(out->embedder, sizeof(out->embedder), "%s", db_str(q, 0));
	out->dim = (unsigned)sqlite3_column_int64(q, 1);
	out->embedder_generation = sqlite3_column_int64(q, 2);
	return 0;
}

/* "DONE TOTAL NAME" */
static int read_progress(struct store *s, int64_t collection, struct store_state *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT value FROM meta WHERE key = ?");
	char key[KEY], *end;

	if (r < 0)
		return r;
	db_bind_text(q, 1, key_of(key, "progress", collection));
	r = db_step(s, q);
	if (r != 1)
		return r;
	const char *text = db_str(q, 0);
	out->done = strtoll(text, &end, 10);
	out->total = strtoll(end, &end, 10);
	snprintf(out->next, sizeof(out->next), "%s", *end == ' ' ? end + 1 : end);
	return 0;
}

int store_state(struct store *s, int64_t collection, struct store_state *out)
{
	*out = (struct store_state){ .words = -1 };
	int r = read_embedder_row(s, collection, out);

	if (r == 0)
		r = store_generation(s, collection, &out->generation);
	if (r == 0)
		r = get_mark(s, "words", collection, &out->words);
	if (r == 0)
		r = get_mark(s, "word_passages", collection, &out->word_passages);
	if (r == 0)
		r = get_mark(s, "vectors", collection, &out->vectors);
	return r == 0 ? read_progress(s, collection, out) : r;
}

int store_say_progress(struct store *s, int64_t collection, const char *name, int64_t done,
		       int64_t total)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	char key[KEY], value[STORE_EMBEDDER_NAME + 48];
	int r = db_prepare(s, &q,
			   name ? "INSERT OR REPLACE INTO meta VALUES(?, ?)" :
				  "DELETE FROM meta WHERE key = ?");

	if (r < 0)
		return r;
	db_bind_text(q, 1, key_of(key, "progress", collection));
	snprintf(value, sizeof(value), "%" PRId64 " %" PRId64 " %s", done, total, name ? name : "");
	if (name)
		db_bind_text(q, 2, value);
	return db_run(s, q);
}

/* --- vectors by text ------------------------------------------------------------------------------------ */

int store_cached(struct store *s, const char *name, const uint8_t sha256[static STORE_SHA],
		 int8_t *vector, unsigned dim)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT vector FROM embeddings WHERE name = ? AND sha256 = ?");

	if (r < 0)
		return r;
	db_bind_text(q, 1, name);
	db_bind_blob(q, 2, bytes_of(sha256, STORE_SHA));
	r = db_step(s, q);
	if (r < 0)
		return r;
	struct bytes v = r == 1 ? db_bytes(q, 0) : (struct bytes){ 0 };
	if (v.n != dim)
		return -ENOENT;
	memcpy(vector, v.p, dim);
	return 0;
}

int store_cache(struct store *s, const char *name, const uint8_t (*sha256)[STORE_SHA],
		const int8_t *vectors, unsigned dim, size_t n)
{
	int begun = db_begin(s), r = begun;
	AUTO(stmt) sqlite3_stmt *q = NULL;

	if (r == 0)
		r = db_prepare(s, &q, "INSERT OR REPLACE INTO embeddings VALUES(?, ?, ?)");
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind_text(q, 1, name);
		db_bind_blob(q, 2, bytes_of(sha256[i], STORE_SHA));
		db_bind_blob(q, 3, bytes_of(vectors + i * dim, dim));
		r = db_run(s, q);
	}
	return begun < 0 ? begun : db_finish(s, r);
}

int store_cache_prune(struct store *s)
{
	return db_exec(s, "DELETE FROM embeddings WHERE name NOT IN (SELECT name FROM embedders)");
}

int store_embedder_stamp(struct store *s, int64_t collection, int64_t *stamp)
{
	struct store_state now = { .dim = 0 };
	int r = read_embedder_row(s, collection, &now);
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (const char *c = now.embedder; *c; c++)
		h = (h ^ (uint8_t)*c) * 1099511628211u;
	h = (h ^ now.dim) * 1099511628211u;
	h = (h ^ (uint64_t)now.embedder_generation) * 1099511628211u;
	*stamp = now.embedder[0] ? (int64_t)(h | 1) : 0;
	return r;
}
