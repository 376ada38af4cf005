#include "api/small_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 250, NAP_MS = 5 };

int small_db_init(struct small_db *d, const struct small_db_kind *k, const char *dir)
{
	*d = (struct small_db){ .kind = k, .store = { .writer = true, .lost = k->lost } };
	int n = snprintf(d->store.path, sizeof(d->store.path), "%s/%s", dir, k->name);
	return (size_t)n >= sizeof(d->store.path) ? -ENAMETOOLONG : 0;
}

void small_db_done(struct small_db *d)
{
	sqlite3_close(d->store.db);
	d->store.db = NULL;
}

bool small_db_exists(const struct small_db *d)
{
	return d->store.db || access(d->store.path, F_OK) == 0;
}

static int make_tables(struct small_db *d)
{
	char sql[128];
	int r = db_exec(&d->store, "BEGIN IMMEDIATE");

	if (r != 0)
		return r;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %u; PRAGMA user_version = %u",
		 d->kind->application, d->kind->format);
	r = db_exec(&d->store, d->kind->schema);
	if (r == 0)
		r = db_exec(&d->store, sql);
	return db_finish(&d->store, r);
}

static int check_format(struct small_db *d)
{
	struct store *s = &d->store;
	int64_t format = 0;
	int r = db_get_int(s, "PRAGMA user_version", &format);

	if (r < 0 || format == d->kind->format)
		return r;
	if (format == 0)
		return make_tables(d);
	snprintf(s->why, sizeof(s->why), "%.160s: was written by a newer voiced; upgrade voiced", s->path);
	return -EPROTO;
}

static int open_db(struct small_db *d)
{
	struct store *s = &d->store;
	char sql[160];
	int fd = open(s->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0) /* SQLite takes over these permissions: what is in it is private */
		close(fd);
	int rc = sqlite3_open_v2(s->path, &s->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return db_fail(s, rc);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		 "PRAGMA wal_autocheckpoint = 0; PRAGMA max_page_count = %u", d->kind->pages);
	int r = db_exec(s, sql);
	return r == 0 ? check_format(d) : r;
}

int small_db_ready(struct small_db *d)
{
	int r = 0;

	/* To change to WAL needs the file alone, and SQLite does not wait for that. */
	for (unsigned waited = 0; !d->store.db && waited < BUSY_MS; waited += NAP_MS) {
		r = open_db(d);
		if (r == 0)
			break;
		small_db_done(d);
		if (r != -EBUSY)
			break;
		sqlite3_sleep(NAP_MS);
	}
	return r;
}

/* The first write after it starts the log anew, and that waits for the disk once more: it is
 * done here rather than left to a loop. */
void small_db_tend(struct small_db *d)
{
	char log[sizeof(d->store.path) + 8], sql[48];
	struct stat st;

	snprintf(log, sizeof(log), "%s-wal", d->store.path);
	if (stat(log, &st) != 0 || st.st_size < SMALL_DB_LOG_MAX)
		return;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", d->kind->format);
	if (db_exec(&d->store, "PRAGMA wal_checkpoint(TRUNCATE)") == 0)
		(void)!db_exec(&d->store, sql);
}
