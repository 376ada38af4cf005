/* db.h - SQLite, for store*.c and api/small_db.h only: its memory, its failures in words, its
 * statements.
 *
 * Functions return 0 (or 1 where there is a row) or -errno; s->why then holds a sentence.
 */
#pragma once

#include <sqlite3.h>

#include "knowledge/store.h"

struct store {
	sqlite3 *db;
	char path[1024];
	bool writer;
	bool batch;    /* a transaction is open over several calls */
	bool doubtful; /* a write failed: another begins on a new connection */
	const char *lost; /* what is to be done again when it is damaged; NULL: see db.c */
	char why[STORE_WHY];
};

/* Put what SQLite says into words; the -errno for it. */
MUST_USE int db_fail(struct store *s, int rc);
MUST_USE int db_absent(struct store *s, const char *what); /* -ENOENT */

static inline void stmt_auto_(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
}

MUST_USE int db_prepare(struct store *s, sqlite3_stmt **q, const char *sql);
MUST_USE int db_step(struct store *s, sqlite3_stmt *q); /* 1: a row; 0: done */
MUST_USE int db_run(struct store *s, sqlite3_stmt *q);  /* no rows; ready for the next */
MUST_USE int db_exec(struct store *s, const char *sql);
MUST_USE int db_run_id(struct store *s, const char *sql, int64_t id);
MUST_USE int db_get_int(struct store *s, const char *sql, int64_t *out);

/* Of store.c: gives up the connection for a new one. */
MUST_USE int store_reopen(struct store *s);

/* Something is about to change in a document: its collection has a new generation. -ENOENT. */
MUST_USE int db_changes(struct store *s, int64_t document);

/* A transaction that writes, or inside a batch a part of it that can be undone alone; finish
 * commits when r is 0, else undoes and returns r. */
MUST_USE int db_begin(struct store *s);
MUST_USE int db_finish(struct store *s, int r);

/* Bound values are borrowed until the statement has run. */
void db_bind_text(sqlite3_stmt *q, int i, const char *t);
void db_bind_bytes(sqlite3_stmt *q, int i, struct bytes b); /* as text */
void db_bind_blob(sqlite3_stmt *q, int i, struct bytes b);
const char *db_str(sqlite3_stmt *q, int i); /* "" for NULL; borrowed until the next step */
struct bytes db_bytes(sqlite3_stmt *q, int i);
