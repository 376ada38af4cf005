#include "api/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/small_db.h"
#include "base/alloc.h"

enum { SECRET_LEN = 32 };

struct secrets {
	struct small_db db;
};

/* --- the key --------------------------------------------------------------------------------- */

static int read_secret(const char *path, uint8_t secret[static SECRET_LEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, secret, SECRET_LEN);
	int r = n < 0 ? -errno : n < SECRET_LEN ? -EBADMSG : 0;
	close(fd);
	return r;
}

static int write_secret(const char *path, const uint8_t secret[static SECRET_LEN])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, secret, SECRET_LEN);
	int r = n < 0 ? -errno : n < SECRET_LEN ? -ENOSPC : fsync(fd) != 0 ? -errno : 0;
	if (close(fd) != 0 && r == 0)
		r = -errno;
	return r;
}

/* A name in it is there after a power cut too. Where directories cannot be synced, it is not. */
static void sync_dir_of(const char *path)
{
	AUTO(mem) char *dir = mem_printf("%.*s", (int)(strrchr(path, '/') - path), path);
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* Written beside and linked: whoever sees the file sees all of it, and of several processes
 * that make it at once the first one's stays. */
static int make_secret(const char *path, const struct env *env)
{
	char suffix[24];
	uint8_t secret[SECRET_LEN];

	env_id(env, ".", suffix, 16);
	AUTO(mem) char *beside = mem_printf("%s%s", path, suffix);
	if (!beside)
		return -ENOMEM;
	env_rand(env, secret, sizeof(secret));
	int r = write_secret(beside, secret);
	/* Where a file system knows no links, the last one's stays. */
	if (r == 0 && link(beside, path) != 0 && errno != EEXIST && rename(beside, path) != 0)
		r = -errno;
	unlink(beside);
	if (r == 0)
		sync_dir_of(path);
	return r;
}

static int file_key(const char *path, const struct env *env, struct token_key *out)
{
	uint8_t secret[SECRET_LEN];
	int r = read_secret(path, secret);

	if (r == -ENOENT) {
		r = make_secret(path, env);
		if (r == 0)
			r = read_secret(path, secret);
	}
	return r == 0 ? token_key_derive(bytes_of(secret, sizeof(secret)), out) : r;
}

int secrets_key(const char *dir, struct bytes api_key, const struct env *env, struct token_key *out,
		char why[static STORE_WHY])
{
	int r;

	if (api_key.n > 0) {
		r = token_key_derive(api_key, out);
		if (r != 0)
			snprintf(why, STORE_WHY, "not enough memory");
		return r;
	}
	AUTO(mem) char *path = mem_printf("%s/token.key", dir);
	r = path ? file_key(path, env, out) : -ENOMEM;
	if (r == -EBADMSG)
		snprintf(why, STORE_WHY, "%.200s: is cut short; remove it, and another is made", path);
	else if (r != 0)
		snprintf(why, STORE_WHY, "%.200s/token.key: cannot be read or made (%s)", dir, strerror(-r));
	return r;
}

/* --- opening --------------------------------------------------------------------------------- */

static const struct small_db_kind kind = {
	.name = "tokens.db",
	.schema = "CREATE TABLE IF NOT EXISTS configs(hash BLOB NOT NULL UNIQUE, expires_at INTEGER NOT NULL,"
		  " config BLOB NOT NULL);"
		  "CREATE INDEX IF NOT EXISTS configs_expiry ON configs(expires_at);"
		  "CREATE TABLE IF NOT EXISTS uses(id BLOB PRIMARY KEY, expires_at INTEGER NOT NULL,"
		  " n INTEGER NOT NULL) WITHOUT ROWID;"
		  "CREATE INDEX IF NOT EXISTS uses_expiry ON uses(expires_at);",
	.lost = "make the client secrets again",
	.application = 0x766f6974, /* "voit" */
	.format = 1,
	.pages = SECRETS_PAGES,
};

int secrets_new(struct secrets **out, const char *dir)
{
	struct secrets *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	int r = small_db_init(&s->db, &kind, dir);
	if (r != 0) {
		mem_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	small_db_done(&s->db);
	mem_free(s);
}

const char *secrets_why(const struct secrets *s)
{
	return s->db.store.why;
}

/* --- session objects ------------------------------------------------------------------------- */

static int keep(struct store *s, const uint8_t *hash, struct bytes config, uint64_t expires_at)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "INSERT INTO configs(hash, expires_at, config) VALUES(?1, ?2, ?3) ON CONFLICT(hash)"
			   " DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)");

	if (r < 0)
		return r;
	db_bind_blob(q, 1, bytes_of(hash, TOKEN_HASH_LEN));
	sqlite3_bind_int64(q, 2, (int64_t)expires_at);
	db_bind_blob(q, 3, config);
	return db_run(s, q);
}

int secrets_keep(struct secrets *s, struct bytes config, uint64_t expires_at,
		 uint8_t hash[static TOKEN_HASH_LEN])
{
	uint8_t h[TOKEN_HASH_LEN];
	int r = token_hash(config, h);

	if (r == 0)
		r = small_db_ready(&s->db);
	if (r == 0)
		r = keep(&s->db.store, h, config, expires_at);
	if (r == 0)
		memcpy(hash, h, sizeof(h));
	return r;
}

int secrets_find(struct secrets *s, const uint8_t hash[static TOKEN_HASH_LEN], struct buf *to)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	uint8_t h[TOKEN_HASH_LEN];
	int r = small_db_ready(&s->db);

	if (r == 0)
		r = db_prepare(&s->db.store, &q, "SELECT config FROM configs WHERE hash = ?1");
	if (r < 0)
		return r;
	db_bind_blob(q, 1, bytes_of(hash, TOKEN_HASH_LEN));
	r = db_step(&s->db.store, q);
	if (r < 0)
		return r;
	if (r == 0)
		return db_absent(&s->db.store, "session object");
	struct bytes config = db_bytes(q, 0);
	r = token_hash(config, h);
	if (r < 0)
		return r;
	if (memcmp(h, hash, sizeof(h)) != 0) /* what was signed is what counts, not what is in a file */
		return db_absent(&s->db.store, "session object");
	buf_put(to, config.p, config.n);
	return to->failed ? -ENOMEM : 0;
}

/* --- uses ------------------------------------------------------------------------------------ */

/* 1: counted, 0: used up, -errno. */
static int count_use(struct store *s, const struct claims *c)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q,
			   "INSERT INTO uses(id, expires_at, n) VALUES(?1, ?2, 1) ON CONFLICT(id)"
			   " DO UPDATE SET n = n + 1 WHERE n < ?3 RETURNING n");

	if (r < 0)
		return r;
	db_bind_blob(q, 1, bytes_of(c->id, sizeof(c->id)));
	sqlite3_bind_int64(q, 2, (int64_t)c->expires_at);
	sqlite3_bind_int(q, 3, c->max_sessions);
	r = db_step(s, q);
	if (r != 1)
		return r;
	r = db_step(s, q); /* the statement is committed when it is done */
	return r < 0 ? r : 1;
}

enum secrets_spend secrets_spend(struct secrets *s, const struct claims *c)
{
	if (c->max_sessions == 0)
		return SPEND_OK;
	int r = small_db_ready(&s->db);
	if (r == 0)
		r = count_use(&s->db.store, c);
	return r < 0 ? SPEND_FAILED : r == 1 ? SPEND_OK : SPEND_USED_UP;
}

/* --- what a worker does ---------------------------------------------------------------------- */

/* So few at a time that nobody waits long for the lock. */
static int prune(struct store *s, const char *sql, uint64_t now_s)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, &q, sql);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, (int64_t)now_s - SECRETS_LINGER_S);
	sqlite3_bind_int(q, 2, SECRETS_PRUNED);
	return db_run(s, q);
}

void secrets_tend(struct secrets *s, uint64_t now_s)
{
	static const char *const lapsed[] = {
		"DELETE FROM configs WHERE rowid IN (SELECT rowid FROM configs"
		" WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
		"DELETE FROM uses WHERE id IN (SELECT id FROM uses"
		" WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
	};

	if (!small_db_exists(&s->db))
		return; /* nobody has needed it yet */
	int r = small_db_ready(&s->db);
	for (size_t i = 0; i < ARRAY_LEN(lapsed) && r == 0; i++)
		r = prune(&s->db.store, lapsed[i], now_s);
	if (r == 0)
		small_db_tend(&s->db);
}
