#include "knowledge/db.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"

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
	{ SQLITE_CORRUPT, -EBADMSG, "is damaged; move it away and " },
	{ SQLITE_NOTADB, -EBADMSG, "is damaged or not a database; move it away and " },
	{ SQLITE_BUSY, -EBUSY, "is being written by another process; try again when it is done" },
	{ SQLITE_LOCKED, -EBUSY, "is being written by another process; try again when it is done" },
	{ SQLITE_PROTOCOL, -EBUSY, "is being written by another process; try again when it is done" },
	{ SQLITE_TOOBIG, -EFBIG, "holds no text or number this long" },
	{ SQLITE_INTERRUPT, -ECANCELED, "the work was interrupted" },
	{ SQLITE_IOERR, -EIO, "cannot be read or written (input/output error)" },
};

static bool no_room(int e)
{
	return e == ENOSPC || e == EDQUOT;
}

int db_fail(struct store *s, int rc)
{
	int x = s->db ? sqlite3_extended_errcode(s->db) : rc;

	if (rc == SQLITE_IOERR_NOMEM || x == SQLITE_IOERR_NOMEM)
		rc = SQLITE_NOMEM;
	/* What fails for want of space may come as another error. */
	if (((rc & 0xff) == SQLITE_IOERR || rc == SQLITE_CANTOPEN) && s->db && no_room(sqlite3_system_errno(s->db)))
		rc = SQLITE_FULL;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (failures[i].rc != (rc & 0xff))
			continue;
		const char *again = failures[i].error != -EBADMSG ? "" :
				    s->lost		       ? s->lost :
								 "ingest the documents again";
		snprintf(s->why, sizeof(s->why), "%.160s: %s%s", s->path, failures[i].sentence, again);
		return failures[i].error;
	}
	snprintf(s->why, sizeof(s->why), "%.160s: %.120s", s->path, sqlite3_errstr(rc));
	return -EIO;
}

int db_absent(struct store *s, const char *what)
{
	snprintf(s->why, sizeof(s->why), "there is no such %s", what);
	return -ENOENT;
}

const char *store_why(const struct store *s)
{
	return s->why;
}

/* --- statements ---------------------------------------------------------------------- */

int db_prepare(struct store *s, sqlite3_stmt **q, const char *sql)
{
	int rc = sqlite3_prepare_v2(s->db, sql, -1, q, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(s, rc);
}

/* 1: a row; 0: done. */
int db_step(struct store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail(s, rc);
}

int db_exec(struct store *s, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(s, rc);
}

void db_bind_text(sqlite3_stmt *q, int i, const char *t)
{
	sqlite3_bind_text(q, i, t, -1, SQLITE_STATIC);
}

void db_bind_bytes(sqlite3_stmt *q, int i, struct bytes b)
{
	sqlite3_bind_text64(q, i, b.p ? (const char *)b.p : "", b.n, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_blob(sqlite3_stmt *q, int i, struct bytes b)
{
	sqlite3_bind_blob64(q, i, b.p, b.n, SQLITE_STATIC);
}

const char *db_str(sqlite3_stmt *q, int i)
{
	const void *t = sqlite3_column_text(q, i);

	return t ? t : "";
}

struct bytes db_bytes(sqlite3_stmt *q, int i)
{
	const void *p = sqlite3_column_blob(q, i);

	return bytes_of(p, p ? (size_t)sqlite3_column_bytes(q, i) : 0);
}

/* Run a statement that gives no rows, and make it ready for the next. */
int db_run(struct store *s, sqlite3_stmt *q)
{
	int r = db_step(s, q);

	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int db_run_id(struct store *s, const char *sql, int64_t id)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, sql);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, id);
	return db_run(s, q);
}

int db_get_int(struct store *s, const char *sql, int64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, sql);

	if (r < 0)
		return r;
	r = db_step(s, q);
	if (r == 1)
		*out = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

int db_changes(struct store *s, int64_t document)
{
	int r = db_run_id(s,
			  "UPDATE collections SET generation = generation + 1"
			  " WHERE id = (SELECT collection FROM documents WHERE id = ?)",
			  document);

	return r == 0 && sqlite3_changes(s->db) == 0 ? db_absent(s, "document") : r;
}

/* Some failures (a full disk) undo the whole batch. */
static int batch_lost(struct store *s)
{
	snprintf(s->why, sizeof(s->why), "what was to be written together could not be; nothing of it is kept");
	return -EIO;
}

int db_begin(struct store *s)
{
	if (!s->batch) {
		int r = s->doubtful ? store_reopen(s) : 0;

		return r < 0 ? r : db_exec(s, "BEGIN IMMEDIATE");
	}
	return s->doubtful || sqlite3_get_autocommit(s->db) ? batch_lost(s) : db_exec(s, "SAVEPOINT part");
}

/* Commit when all went well, else undo; the first failure's sentence is kept.
 *
 * When reading or writing fails in the middle of a statement, SQLite undoes the transaction by
 * itself, and its full-text index (3.40) may go on with what it had in memory: what is put next
 * would be out of step with the documents. That memory goes with the connection; so does what could
 * not be undone, for want of memory. */
int db_finish(struct store *s, int r)
{
	if (r == 0)
		r = s->batch ? db_exec(s, "RELEASE part") : db_exec(s, "COMMIT");
	if (r < 0 && (sqlite3_get_autocommit(s->db) ||
		      sqlite3_exec(s->db, s->batch ? "ROLLBACK TO part; RELEASE part" : "ROLLBACK", NULL, NULL,
				   NULL) != SQLITE_OK))
		s->doubtful = true;
	return r;
}

int store_batch(struct store *s)
{
	int r = db_begin(s);

	s->batch = r == 0;
	return r;
}

int store_commit(struct store *s, int r)
{
	s->batch = false;
	if (r == 0 && (s->doubtful || sqlite3_get_autocommit(s->db)))
		r = batch_lost(s);
	return db_finish(s, r);
}
