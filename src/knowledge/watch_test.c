#include "knowledge/watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "base/testdir.h"
#include "knowledge/ignore.h"

/* Paths as they come, without the root, a blank behind each; "." is the root. */
static int add_paths(void *ctx, const char *root, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(ctx, "%s ", paths[i][strlen(root)] ? paths[i] + strlen(root) + 1 : ".");
	return 0;
}

/* inotify tells before the call that did it returns: no waiting. */
static bool saw(struct watch *w, const char *what)
{
	AUTO(buf) struct buf b = { 0 };

	buf_puts(&b, "");
	if (watch_read(w) != 0 || watch_take(w, add_paths, &b) != 0 || b.failed || watch_pending(w))
		return false;
	if (strcmp((char *)b.p, what) != 0)
		fprintf(stderr, "saw '%s', not '%s'\n", (char *)b.p, what);
	return strcmp((char *)b.p, what) == 0;
}

static const char *in(const struct testdir *d, const char *name, char to[static 256])
{
	snprintf(to, 256, "%s/%s", d->path, name);
	return to;
}

static void sees_files(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(watch) struct watch *w = NULL;
	char path[256], to[256], why[WATCH_WHY];

	CHECK(testdir_write(&d, "old.md", bytes_str("x"), path));
	CHECK_EQ(watch_new(&w), 0);
	CHECK(watch_fd(w) >= 0 && !watch_pending(w));
	CHECK_EQ(watch_add(w, d.path, why), 0);
	CHECK(saw(w, ""));
	CHECK(testdir_write(&d, "new.md", bytes_str("x"), path));
	CHECK(testdir_write(&d, "old.md", bytes_str("y"), path));
	CHECK(testdir_write(&d, "new.md", bytes_str("z"), path));
	CHECK(saw(w, "new.md old.md "));
	CHECK_EQ(rename(in(&d, "new.md", path), in(&d, "other.md", to)), 0);
	CHECK(saw(w, "new.md other.md "));
	CHECK_EQ(unlink(to), 0);
	CHECK(saw(w, "other.md "));
	CHECK_EQ(symlink("old.md", in(&d, "link.md", to)), 0);
	CHECK(saw(w, "link.md "));
	CHECK(testdir_write(&d, IGNORE_FILE, bytes_str("old.md\n"), path));
	CHECK(saw(w, ". "));
}

static void follows_folders(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(testdir) struct testdir outside = testdir_new();
	AUTO(watch) struct watch *w = NULL;
	char path[256], to[256], why[WATCH_WHY];

	CHECK_EQ(mkdir(in(&d, "sub", path), 0700), 0);
	CHECK_EQ(mkdir(in(&d, ".hidden", path), 0700), 0);
	CHECK_EQ(watch_new(&w), 0);
	CHECK_EQ(watch_add(w, d.path, why), 0);
	CHECK(testdir_write(&d, "sub/a.md", bytes_str("x"), path));
	CHECK(testdir_write(&d, ".hidden/a.md", bytes_str("x"), path));
	CHECK(saw(w, "sub/a.md "));
	CHECK_EQ(mkdir(in(&d, "sub/deep", path), 0700), 0);
	CHECK(saw(w, "sub/deep "));
	CHECK(testdir_write(&d, "sub/deep/b.md", bytes_str("x"), path));
	CHECK(saw(w, "sub/deep/b.md "));

	/* Under its new name it is still watched, ... */
	CHECK_EQ(rename(in(&d, "sub", path), in(&d, "moved", to)), 0);
	CHECK(saw(w, "moved sub "));
	CHECK(testdir_write(&d, "moved/deep/b.md", bytes_str("y"), path));
	CHECK(saw(w, "moved/deep/b.md "));
	/* ... outside it is not. */
	CHECK_EQ(rename(in(&d, "moved", path), in(&outside, "moved", to)), 0);
	CHECK(saw(w, "moved "));
	CHECK(testdir_write(&outside, "moved/deep/b.md", bytes_str("z"), path));
	CHECK(saw(w, ""));
}

static void too_much_is_everything(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(watch) struct watch *w = NULL;
	char path[256], name[32], why[WATCH_WHY];

	CHECK_EQ(watch_new(&w), 0);
	CHECK_EQ(watch_add(w, d.path, why), 0);
	unsigned long left = mem_fail_hold(); /* not 4,097 allocations, one by one */
	bool ok = true;
	for (unsigned i = 0; i <= WATCH_PATHS_MAX; i++) {
		snprintf(name, sizeof(name), "%u.md", i);
		ok = ok && testdir_write(&d, name, bytes_str("x"), path) &&
		     (i % 1000 || watch_read(w) == 0);
	}
	ok = ok && watch_read(w) == 0;
	mem_fail_resume(left);
	CHECK(ok && watch_pending(w));
	CHECK(saw(w, ". "));
}

TESTS({ "sees_files", sees_files }, { "follows_folders", follows_folders },
      { "too_much_is_everything", too_much_is_everything })
