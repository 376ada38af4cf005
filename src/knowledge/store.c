#include "knowledge/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "knowledge/sentences.h"
#include "knowledge/utf8.h"

enum { BUSY_MS = 10000, APPLICATION_ID = 0x766f6963 /* "voic" */ };

struct store {
	sqlite3 *db;
	char path[1024];
	bool writer;
	char why[STORE_WHY];
};

/* --- SQLite's memory: base/alloc, with the size in front (SQLite asks for it) --------- */

enum { SIZE_FRONT = 16 }; /* keeps the alignment of malloc() */

static void *lib_malloc(int n)
{
	uint8_t *p = mem_alloc((size_t)n + SIZE_FRONT);

	if (!p)
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + SIZE_FRONT;
}

static void lib_free(void *p)
{
	if (p)
		mem_free((uint8_t *)p - SIZE_FRONT);
}

static void *lib_realloc(void *p, int n)
{
	uint8_t *q = mem_realloc((uint8_t *)p - SIZE_FRONT, (size_t)n + SIZE_FRONT);

	if (!q)
		return NULL;
	memcpy(q, &n, sizeof(n));
	return q + SIZE_FRONT;
}

static int lib_size(void *p)
{
	int n = 0;

	if (p)
		memcpy(&n, (uint8_t *)p - SIZE_FRONT, sizeof(n));
	return n;
}

static int lib_roundup(int n)
{
	return (n + 7) & ~7;
}

static int lib_start(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void lib_stop(void *arg)
{
	(void)arg;
}

int store_init(void)
{
	static const sqlite3_mem_methods methods = { lib_malloc,  lib_free,  lib_realloc, lib_size,
						     lib_roundup, lib_start, lib_stop,	  NULL };

	/* -1: SQLite is already running; its memory stays where it is. */
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	return sqlite3_initialize() == SQLITE_OK ? 0 : -ENOMEM;
}

void store_exit(void)
{
	sqlite3_shutdown();
}

/* --- failures ------------------------------------------------------------------------ */

static const struct failure {
	int rc, error;
	const char *sentence; /* after "PATH: " */
} failures[] = {
	{ SQLITE_NOMEM, -ENOMEM, "not enough memory" },
	{ SQLITE_FULL, -ENOSPC, "the disk is full; free some space and run it again (nothing is lost)" },
	{ SQLITE_READONLY, -EACCES, "may not be written; check its permissions and its owner" },
	{ SQLITE_PERM, -EACCES, "may not be opened; check its permissions and its owner" },
	{ SQLITE_CANTOPEN, -EACCES, "cannot be opened; check the permissions of the directory" },
	{ SQLITE_CORRUPT, -EBADMSG, "is damaged; move it away and ingest the documents again" },
	{ SQLITE_NOTADB, -EBADMSG, "is damaged or not a database; move it away and ingest the documents again" },
	{ SQLITE_BUSY, -EBUSY, "is being written by another process; try again when it is done" },
	{ SQLITE_LOCKED, -EBUSY, "is being written by another process; try again when it is done" },
	{ SQLITE_TOOBIG, -EFBIG, "holds no text or number this long" },
	{ SQLITE_INTERRUPT, -ECANCELED, "the work was interrupted" },
	{ SQLITE_IOERR, -EIO, "cannot be read or written (input/output error)" },
};

static int fail(struct store *s, int rc)
{
	int x = s->db ? sqlite3_extended_errcode(s->db) : rc;

	if (rc == SQLITE_IOERR_NOMEM || x == SQLITE_IOERR_NOMEM)
		rc = SQLITE_NOMEM;
	/* A write that fails for want of space may come as an I/O error. */
	if ((rc & 0xff) == SQLITE_IOERR && s->db && sqlite3_system_errno(s->db) == ENOSPC)
		rc = SQLITE_FULL;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (failures[i].rc != (rc & 0xff))
			continue;
		snprintf(s->why, sizeof(s->why), "%.160s: %s", s->path, failures[i].sentence);
		return failures[i].error;
	}
	snprintf(s->why, sizeof(s->why), "%.160s: %.120s", s->path, sqlite3_errstr(rc));
	return -EIO;
}

static int absent(struct store *s, const char *what)
{
	snprintf(s->why, sizeof(s->why), "there is no such %s", what);
	return -ENOENT;
}

const char *store_why(const struct store *s)
{
	return s->why;
}

/* --- statements ---------------------------------------------------------------------- */

static void stmt_auto_(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
}

static int prepare(struct store *s, sqlite3_stmt **q, const char *sql)
{
	int rc = sqlite3_prepare_v2(s->db, sql, -1, q, NULL);

	return rc == SQLITE_OK ? 0 : fail(s, rc);
}

/* 1: a row; 0: done. */
static int step(struct store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : fail(s, rc);
}

static int exec(struct store *s, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(s, rc);
}

static void bind_text(sqlite3_stmt *q, int i, const char *t)
{
	sqlite3_bind_text(q, i, t, -1, SQLITE_STATIC);
}

static void bind_bytes(sqlite3_stmt *q, int i, struct bytes b)
{
	sqlite3_bind_text64(q, i, b.p ? (const char *)b.p : "", b.n, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *q, int i, struct bytes b)
{
	sqlite3_bind_blob64(q, i, b.p, b.n, SQLITE_STATIC);
}

static const char *column_str(sqlite3_stmt *q, int i)
{
	const void *t = sqlite3_column_text(q, i);

	return t ? t : "";
}

static struct bytes column_bytes(sqlite3_stmt *q, int i)
{
	const void *p = sqlite3_column_blob(q, i);

	return bytes_of(p, p ? (size_t)sqlite3_column_bytes(q, i) : 0);
}

/* Run a statement that gives no rows, and make it ready for the next. */
static int run(struct store *s, sqlite3_stmt *q)
{
	int r = step(s, q);

	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

static int run_id(struct store *s, const char *sql, int64_t id)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, sql);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	return run(s, q);
}

static int get_int(struct store *s, const char *sql, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, sql);

	if (r < 0)
		return r;
	r = step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

static int begin(struct store *s)
{
	return exec(s, "BEGIN IMMEDIATE");
}

/* Commit when all went well, else undo; the first failure's sentence is kept. */
static int finish(struct store *s, int r)
{
	char why[STORE_WHY];

	if (r == 0)
		r = exec(s, "COMMIT");
	if (r < 0 && !sqlite3_get_autocommit(s->db)) {
		memcpy(why, s->why, sizeof(why));
		(void)exec(s, "ROLLBACK");
		memcpy(s->why, why, sizeof(why));
	}
	return r;
}

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

/* Row n brings version n to n + 1. Rows are never changed, only added. */
static const char *const migrations[STORE_VERSION] = { schema_1 };

static int migrate_one(struct store *s, int64_t from)
{
	char sql[192];
	int r = exec(s, migrations[from]);

	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql),
		 "PRAGMA user_version = %lld; PRAGMA application_id = %d;"
		 "INSERT INTO migrations VALUES(%lld, %lld)",
		 (long long)from + 1, APPLICATION_ID, (long long)from + 1, (long long)time(NULL));
	return exec(s, sql);
}

static int check_version(struct store *s, int64_t *version)
{
	int64_t app = 0, tables = 0;
	int r = get_int(s, "PRAGMA user_version", version);

	if (r == 0)
		r = get_int(s, "PRAGMA application_id", &app);
	if (r == 0)
		r = get_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0)
		return r;
	if (tables && app != APPLICATION_ID) {
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
	r = begin(s);
	if (r < 0)
		return r;
	r = check_version(s, &version);
	while (r == 0 && version < STORE_VERSION)
		r = migrate_one(s, version++);
	return finish(s, r);
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
	int rc = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return fail(s, rc);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return exec(s, s->writer ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				   "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864"
				 : "PRAGMA query_only = 1");
}

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
	return s->writer ? migrate(s) : check_version(s, &version);
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
	if (r < 0) {
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

int store_reader_open(struct store **out, const char *dir, char why[static STORE_WHY])
{
	return open_as(out, dir, false, why);
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
	int r = prepare(s, &q, "PRAGMA integrity_check(1)");

	if (r == 0)
		r = step(s, q);
	if (r < 0)
		return r;
	if (r == 0 || strcmp(column_str(q, 0), "ok") != 0)
		return fail(s, SQLITE_CORRUPT);
	return exec(s, "INSERT INTO passages_fts(passages_fts) VALUES('integrity-check')");
}

/* --- collections ------------------------------------------------------------------------ */

static int find_collection(struct store *s, const char *name, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT id FROM collections WHERE name = ?");

	if (r < 0)
		return r;
	bind_text(q, 1, name);
	r = step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : r == 1 ? 0 : absent(s, "collection");
}

int store_collection(struct store *s, const char *name, int64_t *out)
{
	int r = find_collection(s, name, out);

	if (r != -ENOENT || !s->writer)
		return r;
	AUTO(stmt) sqlite3_stmt *q = NULL;
	r = prepare(s, &q, "INSERT OR IGNORE INTO collections(name) VALUES(?)");
	if (r < 0)
		return r;
	bind_text(q, 1, name);
	r = run(s, q);
	return r < 0 ? r : find_collection(s, name, out);
}

int store_collections(struct store *s, int (*each)(void *ctx, const char *name), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT name FROM collections ORDER BY id");

	if (r < 0)
		return r;
	while ((r = step(s, q)) == 1) {
		int e = each(ctx, column_str(q, 0));
		if (e != 0)
			return e;
	}
	return r;
}

int store_generation(struct store *s, int64_t collection, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT generation FROM collections WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : r == 1 ? 0 : absent(s, "collection");
}

/* --- documents -------------------------------------------------------------------------- */

int store_find(struct store *s, int64_t collection, const char *path, int64_t *id,
	       uint8_t sha256[static STORE_SHA])
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT id, sha256 FROM documents WHERE collection = ? AND path = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	bind_text(q, 2, path);
	r = step(s, q);
	if (r != 1)
		return r < 0 ? r : absent(s, "document");
	struct bytes sha = column_bytes(q, 1);
	if (sha.n != STORE_SHA)
		return fail(s, SQLITE_CORRUPT);
	*id = sqlite3_column_int64(q, 0);
	memcpy(sha256, sha.p, STORE_SHA);
	return 0;
}

static int put_document(struct store *s, const struct store_document *d, struct bytes text,
			size_t n_passages, int64_t *id)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q,
			"INSERT INTO documents(collection, path, title, type, sha256, size,"
			" mtime_us, n_pages, n_passages, text) VALUES(?,?,?,?,?,?,?,?,?,?)"
			" ON CONFLICT(collection, path) DO UPDATE SET title = excluded.title,"
			" type = excluded.type, sha256 = excluded.sha256, size = excluded.size,"
			" mtime_us = excluded.mtime_us, n_pages = excluded.n_pages,"
			" n_passages = excluded.n_passages, text = excluded.text RETURNING id");
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, d->collection);
	bind_text(q, 2, d->path);
	bind_text(q, 3, d->title);
	bind_text(q, 4, d->type);
	bind_blob(q, 5, bytes_of(d->sha256, STORE_SHA));
	sqlite3_bind_int64(q, 6, d->size);
	sqlite3_bind_int64(q, 7, d->mtime_us);
	sqlite3_bind_int64(q, 8, d->n_pages);
	sqlite3_bind_int64(q, 9, (int64_t)n_passages);
	bind_bytes(q, 10, text);
	r = step(s, q);
	if (r == 1)
		*id = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

static int put_passages(struct store *s, int64_t document, struct bytes text,
			const struct passages *p)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q,
			"INSERT INTO passages(document, ordinal, page, start, \"end\", heading,"
			" path, text) VALUES(?,?,?,?,?,?,?,?)");

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct passage *x = &p->p[i];

		sqlite3_bind_int64(q, 1, document);
		sqlite3_bind_int64(q, 2, (int64_t)i);
		sqlite3_bind_int64(q, 3, x->page);
		sqlite3_bind_int64(q, 4, (int64_t)x->start);
		sqlite3_bind_int64(q, 5, (int64_t)x->end);
		bind_text(q, 6, x->heading);
		bind_text(q, 7, x->path);
		bind_bytes(q, 8, bytes_sub(text, x->start, x->end - x->start));
		r = run(s, q);
	}
	return r;
}

static const char changed[] = "UPDATE collections SET generation = generation + 1 WHERE id = ?";

int store_put(struct store *s, const struct store_document *d, struct bytes text,
	      const struct passages *p, int64_t *id, enum store_put *how)
{
	uint8_t sha[STORE_SHA];
	int64_t known = 0;
	int r = begin(s);

	if (r < 0)
		return r;
	r = store_find(s, d->collection, d->path, &known, sha);
	bool is_new = r == -ENOENT;
	if (r == 0)
		r = run_id(s, "DELETE FROM passages WHERE document = ?", known);
	else if (is_new)
		r = 0;
	if (r == 0)
		r = put_document(s, d, text, p->n, &known);
	if (r == 0)
		r = put_passages(s, known, text, p);
	if (r == 0)
		r = run_id(s, changed, d->collection);
	r = finish(s, r);
	if (r < 0)
		return r;
	*id = known;
	*how = is_new ? STORE_ADDED : STORE_UPDATED;
	return 0;
}

int store_remove(struct store *s, int64_t document)
{
	int r = begin(s);

	if (r < 0)
		return r;
	r = run_id(s,
		   "UPDATE collections SET generation = generation + 1"
		   " WHERE id = (SELECT collection FROM documents WHERE id = ?)",
		   document);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		r = absent(s, "document");
	if (r == 0)
		r = run_id(s, "DELETE FROM passages WHERE document = ?", document);
	if (r == 0)
		r = run_id(s, "DELETE FROM documents WHERE id = ?", document);
	return finish(s, r);
}

#define DOCUMENT_COLUMNS                                                                           \
	"SELECT id, collection, path, title, type, sha256, size, mtime_us, n_pages, n_passages,"    \
	" length(CAST(text AS BLOB)) FROM documents"

static struct store_document document_row(sqlite3_stmt *q)
{
	struct store_document d = {
		.id = sqlite3_column_int64(q, 0),
		.collection = sqlite3_column_int64(q, 1),
		.path = column_str(q, 2),
		.title = column_str(q, 3),
		.type = column_str(q, 4),
		.size = sqlite3_column_int64(q, 6),
		.mtime_us = sqlite3_column_int64(q, 7),
		.n_pages = (unsigned)sqlite3_column_int64(q, 8),
		.n_passages = (unsigned)sqlite3_column_int64(q, 9),
		.n_text = (size_t)sqlite3_column_int64(q, 10),
	};
	struct bytes sha = column_bytes(q, 5);

	memcpy(d.sha256, sha.p, MIN(sha.n, (size_t)STORE_SHA));
	return d;
}

int store_documents(struct store *s, int64_t collection,
		    int (*each)(void *ctx, const struct store_document *d), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, DOCUMENT_COLUMNS " WHERE collection = ? ORDER BY path");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = step(s, q)) == 1) {
		struct store_document d = document_row(q);
		int e = each(ctx, &d);

		if (e != 0)
			return e;
	}
	return r;
}

int store_document(struct store *s, int64_t id, struct buf *strings, struct store_document *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, DOCUMENT_COLUMNS " WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	r = step(s, q);
	if (r != 1)
		return r < 0 ? r : absent(s, "document");

	struct store_document d = document_row(q);
	size_t n_path = strlen(d.path) + 1, n_title = strlen(d.title) + 1, n_type = strlen(d.type) + 1;
	char *p = buf_reserve(strings, n_path + n_title + n_type);
	if (!p)
		return fail(s, SQLITE_NOMEM);
	memcpy(p, d.path, n_path);
	memcpy(p + n_path, d.title, n_title);
	memcpy(p + n_path + n_title, d.type, n_type);
	strings->n += n_path + n_title + n_type;
	d.path = p;
	d.title = p + n_path;
	d.type = p + n_path + n_title;
	*out = d;
	return 0;
}

int store_text(struct store *s, int64_t id, size_t *start, size_t *end, struct buf *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT text FROM documents WHERE id = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	r = step(s, q);
	if (r != 1)
		return r < 0 ? r : absent(s, "document");

	struct bytes t = bytes_of(sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	size_t from = utf8_floor(t, *start), to = utf8_ceil(t, MAX(*end, from));
	buf_put(out, t.p + from, to - from);
	if (out->failed)
		return fail(s, SQLITE_NOMEM);
	*start = from;
	*end = to;
	return 0;
}

/* --- passages ----------------------------------------------------------------------------- */

int store_passages(struct store *s, int64_t collection,
		   int (*each)(void *ctx, const struct store_passage *p), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q,
			"SELECT p.id, p.document, p.ordinal, p.page, p.start, p.\"end\", p.heading,"
			" p.path, p.text, v.vector FROM documents d"
			" JOIN passages p ON p.document = d.id LEFT JOIN vectors v ON v.passage = p.id"
			" WHERE d.collection = ? ORDER BY p.document, p.ordinal");
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = step(s, q)) == 1) {
		struct store_passage p = {
			.id = sqlite3_column_int64(q, 0),
			.document = sqlite3_column_int64(q, 1),
			.ordinal = (unsigned)sqlite3_column_int64(q, 2),
			.page = (unsigned)sqlite3_column_int64(q, 3),
			.start = (size_t)sqlite3_column_int64(q, 4),
			.end = (size_t)sqlite3_column_int64(q, 5),
			.heading = column_str(q, 6),
			.path = column_str(q, 7),
			.text = bytes_of(column_str(q, 8), (size_t)sqlite3_column_bytes(q, 8)),
			.vector = column_bytes(q, 9),
		};
		int e = each(ctx, &p);

		if (e != 0)
			return e;
	}
	return r;
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
		return fail(s, SQLITE_NOMEM);
	if (!*match)
		return 0;
	int r = prepare(s, &q,
			"SELECT f.rowid, bm25(passages_fts) AS rank FROM passages_fts f"
			" JOIN passages p ON p.id = f.rowid JOIN documents d ON d.id = p.document"
			" WHERE passages_fts MATCH ? AND d.collection = ? ORDER BY rank LIMIT ?");
	if (r < 0)
		return r;
	bind_text(q, 1, match);
	sqlite3_bind_int64(q, 2, collection);
	sqlite3_bind_int64(q, 3, (int64_t)k);
	while ((r = step(s, q)) == 1) {
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
	int r = prepare(s, &q,
			"SELECT word, count FROM lexicon WHERE collection = ? ORDER BY count DESC, word");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	while ((r = step(s, q)) == 1) {
		struct store_word w = { column_str(q, 0), sqlite3_column_int64(q, 1) };
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
	int r = prepare(s, &q,
			"INSERT OR REPLACE INTO vectors SELECT id, ?2 FROM passages WHERE id = ?1");

	for (size_t i = 0; r == 0 && i < l->n_vectors; i++) {
		sqlite3_bind_int64(q, 1, l->passages[i]);
		bind_blob(q, 2, bytes_of(l->vectors + i * l->dim, l->dim));
		r = run(s, q);
	}
	return r;
}

static int put_words(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "INSERT OR REPLACE INTO lexicon VALUES(?, ?, ?)");

	for (size_t i = 0; r == 0 && i < l->n_words; i++) {
		sqlite3_bind_int64(q, 1, collection);
		bind_text(q, 2, l->words[i].word);
		sqlite3_bind_int64(q, 3, l->words[i].count);
		r = run(s, q);
	}
	return r;
}

static int put_embedder(struct store *s, int64_t collection, const struct store_learned *l)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "INSERT OR REPLACE INTO embedders VALUES(?, ?, ?, ?, ?)");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	bind_text(q, 2, l->embedder);
	sqlite3_bind_int64(q, 3, l->dim);
	sqlite3_bind_int64(q, 4, l->generation);
	bind_blob(q, 5, l->model.p ? l->model : bytes_of("", 0));
	return run(s, q);
}

int store_learn(struct store *s, int64_t collection, const struct store_learned *l)
{
	int r = begin(s);

	if (r < 0)
		return r;
	r = run_id(s,
		   "DELETE FROM vectors WHERE passage IN (SELECT p.id FROM passages p"
		   " JOIN documents d ON d.id = p.document WHERE d.collection = ?)",
		   collection);
	if (r == 0)
		r = run_id(s, "DELETE FROM lexicon WHERE collection = ?", collection);
	if (r == 0)
		r = put_vectors(s, l);
	if (r == 0)
		r = put_words(s, collection, l);
	if (r == 0)
		r = put_embedder(s, collection, l);
	return finish(s, r);
}

int store_embedder(struct store *s, int64_t collection, struct buf *model, unsigned *dim,
		   int64_t *generation)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = prepare(s, &q, "SELECT model, dim, generation FROM embedders WHERE collection = ?");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	r = step(s, q);
	if (r != 1)
		return r < 0 ? r : absent(s, "embedder");
	struct bytes m = column_bytes(q, 0);
	buf_put(model, m.p, m.n);
	if (model->failed)
		return fail(s, SQLITE_NOMEM);
	*dim = (unsigned)sqlite3_column_int64(q, 1);
	*generation = sqlite3_column_int64(q, 2);
	return 0;
}
