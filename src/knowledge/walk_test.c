#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "base/testdir.h"
#include "knowledge/walk.h"

static bool any(const char *name)
{
	return strstr(name, ".md") != NULL;
}

static void finds_files(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(testdir) struct testdir outside = testdir_new();
	AUTO(walk) struct walk w = { 0 };
	char path[256], to[256];

	CHECK(testdir_write(&outside, "secret.md", bytes_str("x"), path));
	snprintf(to, sizeof(to), "%s/link.md", dir.path);
	CHECK_EQ(symlink(path, to), 0);
	snprintf(to, sizeof(to), "%s/out", dir.path);
	CHECK_EQ(symlink(outside.path, to), 0);
	CHECK(testdir_write(&dir, "b.md", bytes_str("x"), path));
	snprintf(to, sizeof(to), "%s/again.md", dir.path);
	CHECK_EQ(symlink("b.md", to), 0);
	CHECK(testdir_write(&dir, ".hidden.md", bytes_str("x"), path));
	CHECK(testdir_write(&dir, "pic.png", bytes_str("x"), path));
	snprintf(to, sizeof(to), "%s/sub", dir.path);
	CHECK_EQ(mkdir(to, 0700), 0);
	CHECK(testdir_write(&dir, "sub/a.md", bytes_str("xyz"), path));
	snprintf(to, sizeof(to), "%s/sub/up", dir.path);
	CHECK_EQ(symlink("..", to), 0);

	CHECK_EQ(walk_add(&w, dir.path, any), 0);
	CHECK(!w.incomplete);
	CHECK_EQ(w.n, 2);
	CHECK(strstr(w.files[0].path, "/b.md") && strstr(w.files[1].path, "/sub/a.md"));
	CHECK_EQ(w.files[1].size, 3);
	CHECK_EQ(w.n_skipped, 1);
}

static void says_what_it_could_not_see(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(walk) struct walk w = { 0 };
	char path[1024];

	int n = snprintf(path, sizeof(path), "%s", dir.path);
	for (unsigned i = 0; i < 40; i++) {
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/d");
		CHECK_EQ(mkdir(path, 0700), 0);
	}
	CHECK_EQ(walk_add(&w, dir.path, any), 0);
	CHECK(w.incomplete && strstr(w.why, "too deep"));
}

static void obeys_ignore_files(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(walk) struct walk w = { 0 };
	AUTO(walk) struct walk one = { 0 };
	char path[256], sub[256];

	snprintf(sub, sizeof(sub), "%s/sub", dir.path);
	CHECK_EQ(mkdir(sub, 0700), 0);
	snprintf(path, sizeof(path), "%s/drafts", dir.path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(walk_enters(dir.path, path), 1);
	CHECK(testdir_write(&dir, ".voicedignore", bytes_str("drafts/\n*.old.md\n"), path));
	CHECK(testdir_write(&dir, "sub/.voicedignore", bytes_str("!keep.old.md\n"), path));
	CHECK(testdir_write(&dir, "drafts/a.md", bytes_str("x"), path));
	CHECK(testdir_write(&dir, "b.old.md", bytes_str("x"), path));
	CHECK(testdir_write(&dir, "sub/b.old.md", bytes_str("x"), path));
	CHECK(testdir_write(&dir, "sub/keep.old.md", bytes_str("x"), path));
	CHECK_EQ(walk_add(&w, dir.path, any), 0);
	CHECK(w.n == 1 && strstr(w.files[0].path, "/sub/keep.old.md"));

	/* The same from below. */
	CHECK_EQ(walk_below(&one, dir.path, w.files[0].path, any), 0);
	CHECK_EQ(one.n, 1);
	snprintf(path, sizeof(path), "%s/drafts/a.md", dir.path);
	CHECK_EQ(walk_below(&one, dir.path, path, any), 0);
	snprintf(path, sizeof(path), "%s/sub/b.old.md", dir.path);
	CHECK_EQ(walk_below(&one, dir.path, path, any), 0);
	CHECK_EQ(walk_below(&one, dir.path, "/etc/passwd", any), 0);
	CHECK_EQ(walk_below(&one, dir.path, sub, any), 0);
	CHECK(one.n == 1 && !one.incomplete);
	CHECK_EQ(walk_enters(dir.path, sub), 1);
	snprintf(path, sizeof(path), "%s/drafts", dir.path);
	CHECK_EQ(walk_enters(dir.path, path), 0);
}

TESTS({ "finds_files", finds_files }, { "says_what_it_could_not_see", says_what_it_could_not_see },
      { "obeys_ignore_files", obeys_ignore_files })
