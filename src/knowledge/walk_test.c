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

TESTS({ "finds_files", finds_files }, { "says_what_it_could_not_see", says_what_it_could_not_see })
