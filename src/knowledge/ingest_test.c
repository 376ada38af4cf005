#include <errno.h>
#include <fcntl.h>
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
	const struct ingest_params p = { .learning = INGEST_LEARN_LATER };
	const char *const paths[] = { docs.path };
	char why[STORE_WHY], path[256];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&docs, "a.md", bytes_str("# A\n\nfirst text"), path));
	CHECK(testdir_write(&docs, "b.txt", bytes_str("second text"), path));
	CHECK(testdir_write(&docs, "c.md", bytes_str(""), path));
	unsigned long left = mem_fail_hold();
	int r = store_open(&s, data.path, why);
	mem_fail_resume(left);
	CHECK_EQ(r, 0);
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

static void keeps_rows_of_what_is_renamed(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 }, again = { 0 };
	AUTO(buf) struct buf strings = { 0 };
	const struct ingest_params p = { .tags = "\nold\n", .learning = INGEST_LEARN_LATER };
	const struct ingest_params plain = { .learning = INGEST_LEARN_LATER };
	const char *const paths[] = { docs.path };
	struct store_document d;
	char why[STORE_WHY], path[256], to[256];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&docs, "b.txt", bytes_str("the second text, of many words"), path));
	CHECK(testdir_write(&docs, "a.md", bytes_str("# Title\n\nfirst text"), path));
	unsigned long left = mem_fail_hold(); /* is tested above */
	bool ok = store_open(&s, data.path, why) == 0 && ingest_paths(s, &p, paths, 1, &sum) == 0;
	mem_fail_resume(left);
	CHECK(ok && sum.added == 2);
	snprintf(path, sizeof(path), "%s/b.txt", docs.path);
	snprintf(to, sizeof(to), "%s/c.txt", docs.path);
	CHECK_EQ(rename(path, to), 0);
	CHECK(testdir_write(&docs, "d.txt", bytes_str("the second text, of many words"), path)); /* a copy */
	CHECK_EQ(ingest_paths(s, &plain, paths, 1, &again), 0);
	CHECK(again.renamed == 1 && again.added == 1 && again.removed == 0 && again.unchanged == 1);
	CHECK_EQ(store_document(s, 2, &strings, &d), 0);
	CHECK_STR(d.path, to);
	CHECK_STR(d.tags, "\nold\n");
}

/* What has the stored size and time is not opened: here it could not be. */
static void opens_only_what_has_changed(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 }, again = { 0 }, last = { 0 };
	const struct ingest_params p = { .learning = INGEST_LEARN_LATER };
	const char *const paths[] = { docs.path };
	const struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	char why[STORE_WHY], path[256];

	CHECK_EQ(lib, 0);
	CHECK(testdir_write(&docs, "a.md", bytes_str("first text"), path));
	CHECK_EQ(utimensat(AT_FDCWD, path, then, 0), 0);
	unsigned long left = mem_fail_hold();
	bool ok = store_open(&s, data.path, why) == 0 && ingest_paths(s, &p, paths, 1, &sum) == 0;
	mem_fail_resume(left);
	CHECK(ok && sum.added == 1 && sum.octets == 10);
	CHECK(testdir_write(&docs, "a.md", bytes_str("other text"), path));
	CHECK_EQ(utimensat(AT_FDCWD, path, then, 0), 0);
	CHECK_EQ(ingest_paths(s, &p, paths, 1, &again), 0);
	CHECK(again.unchanged == 1 && again.octets == 0);
	CHECK_EQ(utimensat(AT_FDCWD, path, NULL, 0), 0);
	CHECK_EQ(ingest_paths(s, &p, paths, 1, &last), 0);
	CHECK(last.updated == 1 && last.octets == 10);
}

static void takes_in_changes(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir data = testdir_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 }, again = { 0 };
	const struct ingest_params p = { .learning = INGEST_LEARN_LATER };
	char why[STORE_WHY], a[256], b[256], hidden[256], sub[256];
	const char *const paths[] = { a, hidden, sub };

	CHECK_EQ(lib, 0);
	snprintf(sub, sizeof(sub), "%s/sub", docs.path);
	CHECK_EQ(mkdir(sub, 0700), 0);
	CHECK(testdir_write(&docs, "sub/b.md", bytes_str("second"), b));
	CHECK(testdir_write(&docs, "a.md", bytes_str("first"), a));
	CHECK(testdir_write(&docs, ".a.md", bytes_str("hidden"), hidden));
	unsigned long left = mem_fail_hold();
	bool ok = store_open(&s, data.path, why) == 0;
	mem_fail_resume(left);
	CHECK(ok);
	CHECK_EQ(ingest_changes(s, &p, docs.path, paths, 3, &sum), 0);
	CHECK(sum.added == 2 && sum.n_failed == 0);
	CHECK(unlink(a) == 0 && unlink(b) == 0 && rmdir(sub) == 0);
	CHECK_EQ(ingest_changes(s, &p, docs.path, paths, 3, &again), 0);
	CHECK(again.removed == 2 && again.n_failed == 0);
}

static bool has_rows_by_path(struct store *s)
{
	for (int64_t id = 1; id <= 11; id++) {
		AUTO(buf) struct buf strings = { 0 };
		struct store_document d;
		char name[16];

		snprintf(name, sizeof(name), "/%02u.md", (unsigned)(id - (id <= 5)));
		if (store_document(s, id, &strings, &d) != 0 || !strstr(d.path, name))
			return false;
	}
	return true;
}

/* The same rows, however many threads have read. */
static void is_the_same_with_threads(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir docs = testdir_new();
	const char *const paths[] = { docs.path };
	char why[STORE_WHY], path[256], name[16], text[64];

	CHECK_EQ(lib, 0);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "%02u.md", i * 7 % 12);
		snprintf(text, sizeof(text), "# Part %u\n\nThis is text number %u.", i, i);
		CHECK(testdir_write(&docs, name, bytes_str(i == 11 ? "" : text), path)); /* 05.md */
	}
	for (unsigned n_threads = 0; n_threads < 4; n_threads += 3) {
		AUTO(testdir) struct testdir data = testdir_new();
		AUTO(store) struct store *s = NULL;
		AUTO(ingest_summary) struct ingest_summary sum = { 0 };
		const struct ingest_params p = { .n_threads = n_threads, .learning = INGEST_LEARN_LATER };
		unsigned long left = mem_fail_hold(); /* in which thread it fails is anybody's guess */

		int r = store_open(&s, data.path, why);
		if (r == 0)
			r = ingest_paths(s, &p, paths, 1, &sum);
		bool same = r == 0 && has_rows_by_path(s);
		mem_fail_resume(left);
		CHECK_EQ(r, 0);
		CHECK(sum.added == 11 && sum.n_failed == 1 && same);
	}
}

TESTS({ "follows_a_folder", follows_a_folder }, { "is_cancelled", is_cancelled },
      { "knows_limits", knows_limits }, { "keeps_rows_of_what_is_renamed", keeps_rows_of_what_is_renamed },
      { "opens_only_what_has_changed", opens_only_what_has_changed },
      { "takes_in_changes", takes_in_changes }, { "is_the_same_with_threads", is_the_same_with_threads })
