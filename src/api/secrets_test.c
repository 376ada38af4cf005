#include "api/secrets.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/test.h"
#include "knowledge/testlib.h"

enum { NOW = 1767225600, THREADS = 8, PROCESSES = 4 };

static const struct claims limited = { .expires_at = NOW + 600, .id = "0123456789abcdef", .max_sessions = 3 };

static void session_objects_come_back(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *a = NULL, *b = NULL;
	AUTO(buf) struct buf got = { 0 };
	struct bytes config = bytes_str("{\"instructions\":\"Be kind.\"}");
	uint8_t hash[TOKEN_HASH_LEN] = { 0 }, want[TOKEN_HASH_LEN];

	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&a, d.path), 0);
	CHECK_EQ(secrets_keep(a, config, NOW + 600, hash), 0);
	CHECK_EQ(token_hash(config, want), 0);
	CHECK(memcmp(hash, want, sizeof(hash)) == 0);
	CHECK_EQ(secrets_find(a, hash, &got), 0);
	CHECK(bytes_eq(buf_bytes(&got), config));
	/* Another process is another connection. */
	buf_reset(&got);
	CHECK_EQ(secrets_new(&b, d.path), 0);
	CHECK_EQ(secrets_find(b, hash, &got), 0);
	CHECK(bytes_eq(buf_bytes(&got), config));
	hash[0] ^= 1;
	CHECK_EQ(secrets_find(b, hash, &got), -ENOENT);
	CHECK(strstr(secrets_why(b), "no such session object"));
}

static void session_objects_lapse(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL;
	AUTO(buf) struct buf got = { 0 };
	uint8_t first[TOKEN_HASH_LEN], twice[TOKEN_HASH_LEN], other[TOKEN_HASH_LEN];
	uint64_t later = NOW + 600 + SECRETS_LINGER_S + 1;

	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&s, d.path), 0);
	CHECK_EQ(secrets_keep(s, bytes_str("first"), NOW + 600, first), 0);
	CHECK_EQ(secrets_keep(s, bytes_str("twice"), NOW + 600, twice), 0);
	CHECK_EQ(secrets_keep(s, bytes_str("twice"), NOW + 1200, twice), 0);
	CHECK_EQ(secrets_keep(s, bytes_str("twice"), NOW + 10, twice), 0);
	CHECK_EQ(secrets_keep(s, bytes_str("other"), later + 600, other), 0);
	secrets_tend(s, later - 1);
	CHECK_EQ(secrets_find(s, first, &got), 0);
	secrets_tend(s, later);
	CHECK_EQ(secrets_find(s, first, &got), -ENOENT);
	CHECK_EQ(secrets_find(s, twice, &got), 0);
	CHECK_EQ(secrets_find(s, other, &got), 0);
}

static void uses_are_counted(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *a = NULL, *b = NULL;
	struct claims other = limited, free_of_limits = limited;

	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&a, d.path), 0);
	CHECK_EQ(secrets_new(&b, d.path), 0);
	other.id[0] ^= 1;
	other.max_sessions = 1;
	free_of_limits.max_sessions = 0;
	CHECK_EQ(secrets_spend(a, &limited), SPEND_OK);
	CHECK_EQ(secrets_spend(b, &limited), SPEND_OK);
	CHECK_EQ(secrets_spend(a, &other), SPEND_OK);
	CHECK_EQ(secrets_spend(b, &other), SPEND_USED_UP);
	CHECK_EQ(secrets_spend(a, &limited), SPEND_OK);
	CHECK_EQ(secrets_spend(b, &limited), SPEND_USED_UP);
	CHECK_EQ(secrets_spend(a, &free_of_limits), SPEND_OK);
	/* Forgotten only when the token has long been good for nothing. */
	secrets_tend(a, NOW + 600 + SECRETS_LINGER_S);
	CHECK_EQ(secrets_spend(b, &limited), SPEND_USED_UP);
	secrets_tend(a, NOW + 600 + SECRETS_LINGER_S + 1);
	CHECK_EQ(secrets_spend(b, &limited), SPEND_OK);
}

static void unlimited_tokens_leave_nothing(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL;
	struct claims c = { .expires_at = NOW + 600 };
	char path[256];

	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&s, d.path), 0);
	CHECK_EQ(secrets_spend(s, &c), SPEND_OK);
	secrets_tend(s, NOW);
	snprintf(path, sizeof(path), "%s/tokens.db", d.path);
	CHECK(access(path, F_OK) != 0);
}

static off_t size_of(const struct testdir *d, const char *name)
{
	struct stat st;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Nothing else moves it: loops do not wait for the disk. */
static void the_log_is_moved_when_it_has_grown(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *a = NULL, *b = NULL;
	AUTO(buf) struct buf got = { 0 };
	uint8_t hash[TOKEN_HASH_LEN];
	static char config[500000];

	if (getenv("VOICED_TEST_OOM"))
		return; /* too many allocations, and none of another kind than in the other tests */
	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&a, d.path), 0);
	CHECK_EQ(secrets_new(&b, d.path), 0);
	for (char c = 'a'; c < 'a' + 12; c++) {
		memset(config, c, sizeof(config));
		CHECK_EQ(secrets_keep(a, bytes_of(config, sizeof(config)), NOW + 600, hash), 0);
	}
	CHECK(size_of(&d, "tokens.db-wal") > 12 * 500000);
	secrets_tend(b, NOW);
	CHECK(size_of(&d, "tokens.db-wal") < 100000);
	CHECK(size_of(&d, "tokens.db") > 12 * 500000);
	CHECK_EQ(secrets_find(a, hash, &got), 0);
	CHECK_EQ(got.n, sizeof(config));
}

/* --- the last use, wanted by many -------------------------------------------------------------- */

struct rival {
	const char *dir;
	pthread_barrier_t *start;
	pthread_t thread;
	unsigned won, failed;
};

static void compete(struct rival *r)
{
	AUTO(secrets) struct secrets *s = NULL;

	if (secrets_new(&s, r->dir) != 0) {
		r->failed++;
		return;
	}
	for (uint8_t round = 0; round < 10; round++) {
		struct claims c = { .expires_at = NOW + 600, .id = { round }, .max_sessions = 1 };
		enum secrets_spend v = secrets_spend(s, &c);

		r->won += v == SPEND_OK;
		r->failed += v == SPEND_FAILED;
	}
}

static void *run_rival(void *arg)
{
	struct rival *r = arg;

	pthread_barrier_wait(r->start);
	compete(r);
	return NULL;
}

/* They make the database, too. */
static void one_of_many_threads_wins(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	struct rival rivals[THREADS] = { 0 };
	pthread_barrier_t start;
	unsigned won = 0, failed = 0;

	if (getenv("VOICED_TEST_OOM"))
		return; /* thousands of allocations, in another order each time */
	CHECK_EQ(lib, 0);
	pthread_barrier_init(&start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		rivals[i] = (struct rival){ .dir = d.path, .start = &start };
		if (pthread_create(&rivals[i].thread, NULL, run_rival, &rivals[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(rivals[i].thread, NULL);
		won += rivals[i].won;
		failed += rivals[i].failed;
	}
	pthread_barrier_destroy(&start);
	CHECK_EQ(failed, 0);
	CHECK_EQ(won, 10);
}

static void one_of_many_processes_wins(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	pid_t children[PROCESSES];
	int go[2], won = 0;

	if (getenv("VOICED_TEST_OOM") || pipe(go) != 0)
		return;
	for (size_t i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct rival r = { .dir = d.path };
			char c;

			close(go[1]);
			if (store_init() == 0 && read(go[0], &c, 1) == 0)
				compete(&r);
			else
				r.failed = 1;
			store_exit();
			_exit(r.failed ? 99 : (int)r.won);
		}
	}
	close(go[0]);
	close(go[1]); /* now */
	for (size_t i = 0; i < PROCESSES; i++) {
		int status = -1;

		CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 99);
		won += WEXITSTATUS(status);
	}
	CHECK_EQ(won, 10);
}

/* --- the key --------------------------------------------------------------------------------- */

static void the_key_is_made_once(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	struct env_fake f;
	struct token_key a, b, c, of_key, again;
	char why[STORE_WHY] = "", path[256];
	struct stat st;

	env_fake_init(&f, 1);
	CHECK_EQ(secrets_key(d.path, bytes_str("sesame"), &f.env, &of_key, why), 0);
	snprintf(path, sizeof(path), "%s/token.key", d.path);
	CHECK(access(path, F_OK) != 0); /* an API key needs no file */
	CHECK_EQ(secrets_key(d.path, bytes_str("sesame"), &f.env, &again, why), 0);
	CHECK(memcmp(&of_key, &again, sizeof(again)) == 0);

	CHECK_EQ(secrets_key(d.path, (struct bytes){ 0 }, &f.env, &a, why), 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(st.st_size, 32);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(secrets_key(d.path, (struct bytes){ 0 }, &f.env, &b, why), 0);
	CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	CHECK(memcmp(&a, &of_key, sizeof(a)) != 0);

	CHECK_EQ(truncate(path, 31), 0);
	CHECK_EQ(secrets_key(d.path, (struct bytes){ 0 }, &f.env, &c, why), -EBADMSG);
	CHECK(strstr(why, "cut short"));
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(secrets_key(d.path, (struct bytes){ 0 }, &f.env, &c, why), 0);
	CHECK(memcmp(&a, &c, sizeof(a)) != 0);
	CHECK_EQ(secrets_key("/nowhere/at/all", (struct bytes){ 0 }, &f.env, &c, why), -ENOENT);
	CHECK(strstr(why, "/nowhere/at/all/token.key"));
}

static void what_cannot_be_opened_is_said(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL, *gone = NULL;
	char path[256], longer[2000];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&d, "tokens.db", bytes_str("this is no database, and long enough to be read as one: "
						       "........................................................"),
			    path));
	CHECK_EQ(secrets_new(&s, d.path), 0);
	CHECK_EQ(secrets_spend(s, &limited), SPEND_FAILED);
	CHECK(strstr(secrets_why(s), "not a database"));
	/* The next one tries again. */
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(secrets_spend(s, &limited), SPEND_OK);

	CHECK_EQ(secrets_new(&gone, "/nowhere/at/all"), 0);
	CHECK_EQ(secrets_spend(gone, &limited), SPEND_FAILED);
	CHECK(strstr(secrets_why(gone), "/nowhere/at/all/tokens.db"));
	secrets_free(gone);
	gone = NULL;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	CHECK_EQ(secrets_new(&gone, longer), -ENAMETOOLONG);
}

TESTS({ "session_objects_come_back", session_objects_come_back },
      { "session_objects_lapse", session_objects_lapse },
      { "uses_are_counted", uses_are_counted },
      { "unlimited_tokens_leave_nothing", unlimited_tokens_leave_nothing },
      { "the_log_is_moved_when_it_has_grown", the_log_is_moved_when_it_has_grown },
      { "one_of_many_threads_wins", one_of_many_threads_wins },
      { "one_of_many_processes_wins", one_of_many_processes_wins },
      { "the_key_is_made_once", the_key_is_made_once },
      { "what_cannot_be_opened_is_said", what_cannot_be_opened_is_said })
