/* small_db.h - a small SQLite database in the data directory: client secrets (secrets.c), what was
 * spent (ledger.c).
 *
 * WAL, shared with every process with the same data directory. It is opened, and made, by the
 * first small_db_ready(): an error then is the caller's, and the next one tries again. It waits
 * for another writer 250 ms at most. synchronous NORMAL: what was committed survives the end of
 * any process, but the last moment before a power failure may be forgotten.
 */
#pragma once

#include "knowledge/db.h"

enum { SMALL_DB_LOG_MAX = 4 << 20 }; /* octets; above, the log is moved into the database */

struct small_db_kind {
	const char *name;      /* of the file        */
	const char *schema;    /* CREATE TABLE IF NOT EXISTS …; within a transaction */
	const char *lost;      /* what to do when it is damaged                      */
	unsigned application;  /* PRAGMA application_id */
	unsigned format;       /* PRAGMA user_version   */
	unsigned pages;        /* of 4 KiB; beyond it is "full": -ENOSPC */
};

struct small_db {
	const struct small_db_kind *kind;
	struct store store; /* .db NULL: not open yet */
};

/* dir is copied. 0 or -ENAMETOOLONG. */
MUST_USE int small_db_init(struct small_db *d, const struct small_db_kind *k, const char *dir);
void small_db_done(struct small_db *d);
/* 0 or -errno with a sentence in d->store.why. */
MUST_USE int small_db_ready(struct small_db *d);
bool small_db_exists(const struct small_db *d); /* it is open, or there is a file */
/* Moves the log into the database when it has grown. Waits for the disk. */
void small_db_tend(struct small_db *d);
