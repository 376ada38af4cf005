#include "knowledge/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "knowledge/db.h"
#include "knowledge/labels.h"

enum { BUSY_MS = 10000, NAP_MS = 5, APPLICATION_ID = 0x766f6963 /* "voic" */ };

/* --- the schema ------------------------------------------------------------------------ */

static const char schema_1[] =
	"CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL);"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE collections(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" generation INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE documents(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" collection INTEGER NOT NULL REFERENCES collections(id), path TEXT NOT NULL,"
	" title TEXT NOT NULL, type TEXT NOT NULL, sha256 BLOB NOT NULL, size INTEGER NOT NULL,"
	" mtime_us INTEGER NOT NULL, n_pages INTEGER NOT NULL, n_passages INTEGER NOT NULL,"
	" text TEXT NOT NULL, UNIQUE(collection, path));"
	"CREATE TABLE passages(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" document INTEGER NOT NULL REFERENCES documents(id),"
	" ordinal INTEGER NOT NULL, page INTEGER NOT NULL, start INTEGER NOT NULL,"
	" \"end\" INTEGER NOT NULL, heading TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL,"
	" UNIQUE(document, ordinal));"
	"CREATE VIRTUAL TABLE passages_fts USING fts5(path, text, content='passages',"
	" content_rowid='id', tokenize='porter unicode61');"
	"CREATE TRIGGER passages_insert AFTER INSERT ON passages BEGIN"
	" INSERT INTO passages_fts(rowid, path, text) VALUES(new.id, new.path, new.text); END;"
	"CREATE TRIGGER passages_delete AFTER DELETE ON passages BEGIN"
	" INSERT INTO passages_fts(passages_fts, rowid, path, text)"
	" VALUES('delete', old.id, old.path, old.text);"
	" DELETE FROM vectors WHERE passage = old.id; END;"
	"CREATE TABLE vectors(passage INTEGER PRIMARY KEY, vector BLOB NOT NULL);"
	"CREATE TABLE embedders(collection INTEGER PRIMARY KEY REFERENCES collections(id),"
	" name TEXT NOT NULL, dim INTEGER NOT NULL, generation INTEGER NOT NULL,"
	" model BLOB NOT NULL);"
	"CREATE TABLE lexicon(collection INTEGER NOT NULL REFERENCES collections(id),"
	" word TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(collection, word)) WITHOUT ROWID;"
	"INSERT INTO collections(name) VALUES('" STORE_DEFAULT_COLLECTION "');";

/* What filters and access ask of a document, and when it last changed; the index spares reading
 * the texts to learn that. Vectors of a named embedder are kept by the text they are of. */
static const char schema_2[] =
	"ALTER TABLE documents ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE documents ADD COLUMN labels TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE documents ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX documents_version ON documents(collection, version);"
	"CREATE TABLE embeddings(name TEXT NOT NULL, sha256 BLOB NOT NULL, vector BLOB NOT NULL,"
	" PRIMARY KEY(name, sha256)) WITHOUT ROWID;"
	/* Nobody asks for phrases: without the places of words it is made in three quarters of the time. */
	"DROP TABLE passages_fts;"
	"CREATE VIRTUAL TABLE passages_fts USING fts5(path, text, content='passages',"
	" content_rowid='id', tokenize='porter unicode61', detail=column);"
	"INSERT INTO passages_fts(passages_fts) VALUES('rebuild');";

/* Row n brings version n to n + 1. Rows are never changed, only added. */
static const char *const migrations[STORE_VERSION] = { schema_1, schema_2 };

static int migrate_one(struct store *s, int64_t from)
{
	char sql[192];
	int r = db_exec(s, migrations[from]);

	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql),
		 "PRAGMA user_version = %lld; PRAGMA application_id = %d;"
		 "INSERT INTO migrations VALUES(%lld, %lld)",
		 (long long)from + 1, APPLICATION_ID, (long long)from + 1, (long long)time(NULL));
	return db_exec(s, sql);
}

static int check_version(struct store *s, int64_t *version)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	/* In one statement: another process may be making it. */
	int r = db_prepare(s, &q,
			   "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
			   " FROM pragma_user_version, pragma_application_id");

	if (r == 0)
		r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_fail(s, SQLITE_CORRUPT);
	*version = sqlite3_column_int64(q, 0);
	if (sqlite3_column_int64(q, 2) && sqlite3_column_int64(q, 1) != APPLICATION_ID) {
		snprintf(s->why, sizeof(s->why), "%.160s: is a database of another program", s->path);
		return -EBADMSG;
	}
	if (*version <= STORE_VERSION)
		return 0;
	snprintf(s->why, sizeof(s->why),
		 "%.160s: was written by a newer voiced (format %lld, this one knows %d); upgrade voiced",
		 s->path, (long long)*version, STORE_VERSION);
	return -EPROTO;
}

/* Under one lock, so that two processes that start together do not both migrate. */
static int migrate(struct store *s)
{
	int64_t version = 0;
	int r = check_version(s, &version);

	if (r < 0 || version == STORE_VERSION)
		return r;
	r = db_begin(s);
	if (r < 0)
		return r;
	r = check_version(s, &version);
	while (r == 0 && version < STORE_VERSION)
		r = migrate_one(s, version++);
	return db_finish(s, r);
}

/* --- opening --------------------------------------------------------------------------- */

static int make_dir(struct store *s, const char *dir)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	int e = errno;
	snprintf(s->why, sizeof(s->why), "%.160s: the directory cannot be made (%s)", dir, strerror(e));
	return -e;
}

static int open_db(struct store *s, int flags)
{
	const char *settings = s->writer ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
					   "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864"
					 : "PRAGMA query_only = 1";
	int rc = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return db_fail(s, rc);
	int r = db_exec(s, settings);
	/* The change to WAL needs the file alone, and SQLite does not wait for that. */
	for (int waited = 0; r == -EBUSY && waited < BUSY_MS; waited += NAP_MS) {
		sqlite3_sleep(NAP_MS);
		r = db_exec(s, settings);
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return r;
}

int store_reopen(struct store *s)
{
	sqlite3 *old = s->db;
	int r;

	s->db = NULL;
	r = open_db(s, SQLITE_OPEN_READWRITE);
	if (r < 0) {
		sqlite3_close(s->db);
		s->db = old;
		return r;
	}
	sqlite3_close_v2(old); /* a statement that still runs keeps it until it is done */
	s->doubtful = false;
	return 0;
}

/* 1: a reader that finds an older version than this one reads. */
static int open_store(struct store *s, const char *dir)
{
	int r = s->writer ? make_dir(s, dir) : 0;

	if (r < 0)
		return r;
	if ((size_t)snprintf(s->path, sizeof(s->path), "%s/voiced.db", dir) >= sizeof(s->path)) {
		snprintf(s->why, sizeof(s->why), "the name of the data directory is too long");
		return -ENAMETOOLONG;
	}
	if (!s->writer && access(s->path, F_OK) != 0 && errno == ENOENT) {
		snprintf(s->why, sizeof(s->why),
			 "%.160s: nothing has been ingested here yet; run: voiced ingest FOLDER", dir);
		return -ENOENT;
	}
	if (s->writer) { /* SQLite takes over these permissions: documents are private */
		int fd = open(s->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
	}
	r = open_db(s, SQLITE_OPEN_READWRITE | (s->writer ? SQLITE_OPEN_CREATE : 0));
	if (r < 0)
		return r;
	int64_t version = 0;
	r = s->writer ? migrate(s) : check_version(s, &version);
	return r < 0 ? r : s->writer || version == STORE_VERSION ? 0 : 1;
}

static int open_as(struct store **out, const char *dir, bool writer, char why[static STORE_WHY])
{
	struct store *s = mem_zalloc(sizeof(*s));

	if (!s) {
		snprintf(why, STORE_WHY, "not enough memory");
		return -ENOMEM;
	}
	s->writer = writer;
	int r = open_store(s, dir);
	if (r != 0) {
		memcpy(why, s->why, STORE_WHY);
		store_close(s);
		return r;
	}
	*out = s;
	return 0;
}

int store_open(struct store **out, const char *dir, char why[static STORE_WHY])
{
	return open_as(out, dir, true, why);
}

/* What an older version wrote is brought up to date first. */
int store_reader_open(struct store **out, const char *dir, char why[static STORE_WHY])
{
	AUTO(store) struct store *writer = NULL;
	int r = open_as(out, dir, false, why);

	if (r == 1)
		r = open_as(&writer, dir, true, why);
	else
		return r;
	return r < 0 ? r : open_as(out, dir, false, why);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	mem_free(s);
}

int store_check(struct store *s)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "PRAGMA integrity_check(1)");

	if (r == 0)
		r = db_step(s, q);
	if (r < 0)
		return r;
	if (r == 0 || strcmp(db_str(q, 0), "ok") != 0)
		return db_fail(s, SQLITE_CORRUPT);
	return db_exec(s, "INSERT INTO passages_fts(passages_fts, rank) VALUES('integrity-check', 1)");
}

/* --- collections ------------------------------------------------------------------------ */

static int find_collection(struct store *s, const char *name, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT id FROM collections WHERE name = ?");

	if (r < 0)
		return r;
	db_bind_text(q, 1, name);
	r = db_step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : r == 1 ? 0 : db_absent(s, "collection");
}

static int add_collection(struct store *s, const char *name)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "INSERT OR IGNORE INTO collections(name) VALUES(?)");

	if (r < 0)
		return r;
	db_bind_text(q, 1, name);
	return db_run(s, q);
}

int store_collection(struct store *s, const char *name, int64_t *out)
{
	int r = find_collection(s, name, out);

	if (r != -ENOENT || !s->writer)
		return r;
	r = db_begin(s);
	if (r < 0)
		return r;
	r = db_finish(s, add_collection(s, name));
	return r < 0 ? r : find_collection(s, name, out);
}

int store_collections(struct store *s, int (*each)(void *ctx, const char *name), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT name FROM collections ORDER BY id");

	if (r < 0)
		return r;
	while ((r = db_step(s, q)) == 1) {
		int e = each(ctx, db_str(q, 0));
		if (e != 0)
			return e;
	}
	return r;
}

int store_generation(struct store *s, int64_t collection, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT generation FROM collections WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = db_step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : r == 1 ? 0 : db_absent(s, "collection");
}

int store_hold(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db)) /* the last release failed for want of memory */
		store_release(s);
	return db_exec(s, "BEGIN");
}

void store_release(struct store *s)
{
	sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL); /* nothing was written */
}

/* --- documents -------------------------------------------------------------------------- */

int store_find(struct store *s, int64_t collection, const char *path, int64_t *id,
	       uint8_t sha256[static STORE_SHA])
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT id, sha256 FROM documents WHERE collection = ? AND path = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	db_bind_text(q, 2, path);
	r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_absent(s, "document");
	struct bytes sha = db_bytes(q, 1);
	if (sha.n != STORE_SHA)
		return db_fail(s, SQLITE_CORRUPT);
	*id = sqlite3_column_int64(q, 0);
	memcpy(sha256, sha.p, STORE_SHA);
	return 0;
}

static int put_document(struct store *s, const struct store_document *d, struct bytes text,
			size_t n_passages, int64_t *id)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"INSERT INTO documents(collection, path, title, type, sha256, size,"
			" mtime_us, n_pages, n_passages, text, tags, labels, version)"
			" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,coalesce(?11,''),coalesce(?12,''),"
			" (SELECT generation + 1 FROM collections WHERE id = ?1))"
			" ON CONFLICT(collection, path) DO UPDATE SET title = excluded.title,"
			" type = excluded.type, sha256 = excluded.sha256, size = excluded.size,"
			" mtime_us = excluded.mtime_us, n_pages = excluded.n_pages,"
			" n_passages = excluded.n_passages, text = excluded.text,"
			" tags = coalesce(?11, tags), labels = coalesce(?12, labels),"
			" version = excluded.version RETURNING id");
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, d->collection);
	db_bind_text(q, 2, d->path);
	db_bind_text(q, 3, d->title);
	db_bind_text(q, 4, d->type);
	db_bind_blob(q, 5, bytes_of(d->sha256, STORE_SHA));
	sqlite3_bind_int64(q, 6, d->size);
	sqlite3_bind_int64(q, 7, d->mtime_us);
	sqlite3_bind_int64(q, 8, d->n_pages);
	sqlite3_bind_int64(q, 9, (int64_t)n_passages);
	db_bind_bytes(q, 10, text);
	if (d->tags)
		db_bind_text(q, 11, d->tags);
	if (d->labels)
		db_bind_text(q, 12, d->labels);
	r = db_step(s, q);
	if (r == 1)
		*id = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

static int put_passages(struct store *s, int64_t document, struct bytes text,
			const struct passages *p)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"INSERT INTO passages(document, ordinal, page, start, \"end\", heading,"
			" path, text) VALUES(?,?,?,?,?,?,?,?)");

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct passage *x = &p->p[i];

		sqlite3_bind_int64(q, 1, document);
		sqlite3_bind_int64(q, 2, (int64_t)i);
		sqlite3_bind_int64(q, 3, x->page);
		sqlite3_bind_int64(q, 4, (int64_t)x->start);
		sqlite3_bind_int64(q, 5, (int64_t)x->end);
		db_bind_text(q, 6, x->heading);
		db_bind_text(q, 7, x->path);
		db_bind_bytes(q, 8, bytes_sub(text, x->start, x->end - x->start));
		r = db_run(s, q);
	}
	return r;
}

static const char changed[] = "UPDATE collections SET generation = generation + 1 WHERE id = ?";

int store_put(struct store *s, const struct store_document *d, struct bytes text,
	      const struct passages *p, int64_t *id, enum store_put *how)
{
	uint8_t sha[STORE_SHA];
	int64_t known = 0;
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = store_find(s, d->collection, d->path, &known, sha);
	bool is_new = r == -ENOENT;
	if (r == 0)
		r = db_run_id(s, "DELETE FROM passages WHERE document = ?", known);
	else if (is_new)
		r = 0;
	if (r == 0)
		r = put_document(s, d, text, p->n, &known);
	if (r == 0)
		r = put_passages(s, known, text, p);
	if (r == 0)
		r = db_run_id(s, changed, d->collection);
	r = db_finish(s, r);
	if (r < 0)
		return r;
	*id = known;
	*how = is_new ? STORE_ADDED : STORE_UPDATED;
	return 0;
}

int store_remove(struct store *s, int64_t document)
{
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = db_changes(s, document);
	if (r == 0)
		r = db_run_id(s, "DELETE FROM passages WHERE document = ?", document);
	if (r == 0)
		r = db_run_id(s, "DELETE FROM documents WHERE id = ?", document);
	return db_finish(s, r);
}

int store_mark(struct store *s, int64_t document, const char *tags, const char *labels)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = db_changes(s, document);
	if (r == 0)
		r = db_prepare(s, &q,
			       "UPDATE documents SET tags = coalesce(?2, tags), labels = coalesce(?3, labels),"
			       " version = (SELECT generation FROM collections WHERE id = collection)"
			       " WHERE id = ?1");
	if (r == 0) {
		sqlite3_bind_int64(q, 1, document);
		if (tags)
			db_bind_text(q, 2, tags);
		if (labels)
			db_bind_text(q, 3, labels);
		r = db_run(s, q);
	}
	return db_finish(s, r);
}

int store_versions(struct store *s, int64_t collection,
		   int (*each)(void *ctx, int64_t document, int64_t version), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "SELECT id, version FROM documents INDEXED BY documents_version"
			   " WHERE collection = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = db_step(s, q)) == 1) {
		int e = each(ctx, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));

		if (e != 0)
			return e;
	}
	return r;
}

#define DOCUMENT_COLUMNS                                                                           \
	"SELECT id, collection, path, title, type, sha256, size, mtime_us, n_pages, n_passages,"    \
	" length(CAST(text AS BLOB)), tags, labels, version FROM documents"

static struct store_document document_row(sqlite3_stmt *q)
{
	struct store_document d = {
		.id = sqlite3_column_int64(q, 0),
		.collection = sqlite3_column_int64(q, 1),
		.path = db_str(q, 2),
		.title = db_str(q, 3),
		.type = db_str(q, 4),
		.size = sqlite3_column_int64(q, 6),
		.mtime_us = sqlite3_column_int64(q, 7),
		.n_pages = (unsigned)sqlite3_column_int64(q, 8),
		.n_passages = (unsigned)sqlite3_column_int64(q, 9),
		.n_text = (size_t)sqlite3_column_int64(q, 10),
		.tags = db_str(q, 11),
		.labels = db_str(q, 12),
		.version = sqlite3_column_int64(q, 13),
	};
	struct bytes sha = db_bytes(q, 5);

	memcpy(d.sha256, sha.p, MIN(sha.n, (size_t)STORE_SHA));
	return d;
}

int store_documents(struct store *s, int64_t collection,
		    int (*each)(void *ctx, const struct store_document *d), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, DOCUMENT_COLUMNS " WHERE collection = ? ORDER BY path");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = db_step(s, q)) == 1) {
		struct store_document d = document_row(q);
		int e = each(ctx, &d);

		if (e != 0)
			return e;
	}
	return r;
}

int store_size(struct store *s, int64_t collection, struct store_size *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"SELECT count(*), coalesce(sum(n_passages), 0) FROM documents WHERE collection = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = db_step(s, q);
	if (r != 1) /* count(*) always gives a row */
		return r < 0 ? r : db_fail(s, SQLITE_CORRUPT);
	*out = (struct store_size){ sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1) };
	return 0;
}

int store_size_seen(struct store *s, int64_t collection, const char *groups, struct store_size *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	struct store_size sum = { 0 };
	int r = db_prepare(s, &q,
			   "SELECT labels, count(*), sum(n_passages) FROM documents WHERE collection = ?"
			   " GROUP BY labels");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = db_step(s, q)) == 1)
		if (labels_admit(db_str(q, 0), groups)) {
			sum.documents += sqlite3_column_int64(q, 1);
			sum.passages += sqlite3_column_int64(q, 2);
		}
	if (r == 0)
		*out = sum;
	return r;
}

/* Copies n strings behind what `strings` holds and lets them point there. */
static int keep_strings(struct store *s, struct buf *strings, const char **const *at, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += strlen(*at[i]) + 1;
	char *p = buf_reserve(strings, total);
	if (!p)
		return db_fail(s, SQLITE_NOMEM);
	strings->n += total;
	for (size_t i = 0; i < n; i++) {
		size_t one = strlen(*at[i]) + 1;

		memcpy(p, *at[i], one);
		*at[i] = p;
		p += one;
	}
	return 0;
}

int store_document(struct store *s, int64_t id, struct buf *strings, struct store_document *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, DOCUMENT_COLUMNS " WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_absent(s, "document");

	struct store_document d = document_row(q);
	const char **const texts[] = { &d.path, &d.title, &d.type, &d.tags, &d.labels };
	r = keep_strings(s, strings, texts, ARRAY_LEN(texts));
	if (r == 0)
		*out = d;
	return r;
}

int store_passage_at(struct store *s, int64_t document, size_t at, struct buf *strings,
		     struct store_passage *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			"SELECT id, document, ordinal, page, start, \"end\", heading, path FROM passages"
			" WHERE document = ?1 AND start <= ?2 AND \"end\" > ?2 ORDER BY ordinal LIMIT 1");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, document);
	sqlite3_bind_int64(q, 2, (int64_t)MIN(at, (size_t)INT64_MAX));
	r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_absent(s, "passage");

	struct store_passage p = {
		.id = sqlite3_column_int64(q, 0),
		.document = sqlite3_column_int64(q, 1),
		.ordinal = (unsigned)sqlite3_column_int64(q, 2),
		.page = (unsigned)sqlite3_column_int64(q, 3),
		.start = (size_t)sqlite3_column_int64(q, 4),
		.end = (size_t)sqlite3_column_int64(q, 5),
		.heading = db_str(q, 6),
		.path = db_str(q, 7),
	};
	const char **const texts[] = { &p.heading, &p.path };
	r = keep_strings(s, strings, texts, ARRAY_LEN(texts));
	if (r == 0)
		*out = p;
	return r;
}

int store_text(struct store *s, int64_t id, size_t *start, size_t *end, struct buf *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, "SELECT text FROM documents WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	r = db_step(s, q);
	if (r != 1)
		return r < 0 ? r : db_absent(s, "document");

	struct bytes t = bytes_of(sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	size_t from = utf8_floor(t, *start), to = utf8_ceil(t, MAX(*end, from));
	buf_put(out, t.p + from, to - from);
	if (out->failed)
		return db_fail(s, SQLITE_NOMEM);
	*start = from;
	*end = to;
	return 0;
}
