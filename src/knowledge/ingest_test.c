#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/teststore.h"

static int cancel_second(void *ctx, const struct ingest_progress *p)
{
	(void)ctx;
	return p->stage == INGEST_READING && p->i == 2;
}

static void follows_a_folder(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	AUTO(store) struct store *s = NULL;
	const struct ingest_params p = { .collection = NULL };
	const char *const paths[] = { docs.path };
	char why[STORE_WHY], path[256];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&docs, "a.md", bytes_str("# A\n\nfirst text"), path));
	CHECK(testdir_write(&docs, "b.txt", bytes_str("second text"), path));
	CHECK(testdir_write(&docs, "c.md", bytes_str(""), path));
	CHECK_EQ(store_open(&s, data.path, why), 0);
	{
		AUTO(ingest_summary) struct ingest_summary sum = { 0 };
		CHECK_EQ(ingest_paths(s, &p, paths, 1, &sum), 0);
		CHECK(sum.added == 2 && sum.n_failed == 1 && sum.n_listed == 1);
		CHECK_STR(sum.failed[0].why, "c.md: holds no text");
	}
	CHECK(testdir_write(&docs, "a.md", bytes_str("# A\n\nchanged text"), path));
	snprintf(path, sizeof(path), "%s/c.md", docs.path);
	CHECK_EQ(unlink(path), 0);
	{
		AUTO(ingest_summary) struct ingest_summary sum = { 0 };
		CHECK_EQ(ingest_paths(s, &p, paths, 1, &sum), 0);
		CHECK(sum.added == 0 && sum.updated == 1 && sum.unchanged == 1 && sum.removed == 0);
	}
	snprintf(path, sizeof(path), "%s/b.txt", docs.path);
	CHECK_EQ(unlink(path), 0);
	{
		AUTO(ingest_summary) struct ingest_summary sum = { 0 };
		CHECK_EQ(ingest_paths(s, &p, paths, 1, &sum), 0);
		CHECK(sum.unchanged == 1 && sum.removed == 1);
	}
}

static void is_cancelled(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .on_progress = cancel_second };
	const char *const paths[] = { docs.path, "/no/such/folder" };
	char why[STORE_WHY], path[256];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&docs, "a.md", bytes_str("# A\n\nfirst text"), path));
	CHECK(testdir_write(&docs, "b.md", bytes_str("# B\n\nsecond text"), path));
	CHECK_EQ(store_open(&s, data.path, why), 0);
	CHECK_EQ(ingest_paths(s, &p, paths, 2, &sum), -ECANCELED);
	CHECK_EQ(sum.added, 1);
	AUTO(ingest_summary) struct ingest_summary none = { 0 };
	const struct ingest_params plain = { .collection = "other" };
	CHECK_EQ(ingest_paths(s, &plain, paths + 1, 1, &none), 0);
	CHECK(none.n_failed == 1 && strstr(none.failed[0].why, "No such file"));
}

static void knows_limits(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .collection = NULL };
	char why[STORE_WHY], path[256];
	const char *const paths[] = { path };

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&data, "large.txt", bytes_str("x"), path));
	CHECK_EQ(truncate(path, (off_t)2 << 30), 0); /* a hole */
	CHECK_EQ(store_open(&s, data.path, why), 0);
	CHECK_EQ(ingest_paths(s, &p, paths, 1, &sum), 0);
	CHECK_EQ(sum.n_listed, 1);
	CHECK_STR(sum.failed[0].why, "large.txt: is too large (2147 MB; the limit is 50 MB)");
}

TESTS({ "follows_a_folder", follows_a_folder }, { "is_cancelled", is_cancelled },
      { "knows_limits", knows_limits })
