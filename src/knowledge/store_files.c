/* The files behind the documents: which are known, what has become of them. */
#include "knowledge/store.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "knowledge/db.h"

int store_files(struct store *s, int64_t collection, const char *path,
		int (*each)(void *ctx, const struct store_file *f), void *ctx)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	/* '0' follows '/': the range of the index that holds the path and what is below it. */
	int r = db_prepare(s, &q,
			   *path ? "SELECT id, path, title, sha256, size, mtime_us FROM documents"
				   " WHERE collection = ?1 AND path >= ?2 AND path < ?2 || '0'"
				   " AND substr(path, length(?2) + 1, 1) IN ('', '/') ORDER BY path" :
				   "SELECT id, path, title, sha256, size, mtime_us FROM documents"
				   " WHERE collection = ?1 ORDER BY path");

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, collection);
	if (*path)
		db_bind_text(q, 2, path);
	while ((r = db_step(s, q)) == 1) {
		struct bytes sha = db_bytes(q, 3);
		struct store_file f = {
			.id = sqlite3_column_int64(q, 0),
			.path = db_str(q, 1),
			.title = db_str(q, 2),
			.sha256 = sha.p,
			.size = sqlite3_column_int64(q, 4),
			.mtime_us = sqlite3_column_int64(q, 5),
		};

		if (sha.n != STORE_SHA)
			return db_fail(s, SQLITE_CORRUPT);
		int e = each(ctx, &f);
		if (e != 0)
			return e;
	}
	return r;
}

int store_rename(struct store *s, int64_t document, const char *path, const char *title,
		 int64_t mtime_us)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = db_changes(s, document);
	if (r == 0)
		r = db_prepare(s, &q,
			       "UPDATE documents SET path = ?2, title = coalesce(?3, title), mtime_us = ?4,"
			       " version = (SELECT generation FROM collections WHERE id = collection)"
			       " WHERE id = ?1");
	if (r == 0) {
		sqlite3_bind_int64(q, 1, document);
		db_bind_text(q, 2, path);
		if (title)
			db_bind_text(q, 3, title);
		sqlite3_bind_int64(q, 4, mtime_us);
		r = db_run(s, q);
		if (r < 0 && sqlite3_errcode(s->db) == SQLITE_CONSTRAINT) {
			snprintf(s->why, sizeof(s->why), "there is a document at this path already");
			r = -EEXIST;
		}
	}
	return db_finish(s, r);
}

int store_touch(struct store *s, int64_t document, int64_t mtime_us)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = db_prepare(s, &q, "UPDATE documents SET mtime_us = ? WHERE id = ?");
	if (r == 0) {
		sqlite3_bind_int64(q, 1, mtime_us);
		sqlite3_bind_int64(q, 2, document);
		r = db_run(s, q);
	}
	return db_finish(s, r);
}

int store_changed_by_others(struct store *s, int64_t *out)
{
	return db_get_int(s, "PRAGMA data_version", out);
}
