#include "app/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "base/testdir.h"

/* A directory of ours, with the few names that the tests use. */
struct place {
	struct testdir dir;
	char file[96], part[96], sub[96], deep[96];
};

static void place_auto_(struct place *p)
{
	testdir_auto_(&p->dir);
}

static void place_make(struct place *p)
{
	p->dir = testdir_new();
	snprintf(p->file, sizeof(p->file), "%s/file", p->dir.path);
	snprintf(p->part, sizeof(p->part), "%s/file.part", p->dir.path);
	snprintf(p->sub, sizeof(p->sub), "%s/sub", p->dir.path);
	snprintf(p->deep, sizeof(p->deep), "%s/sub/deep", p->dir.path);
}

static void what_was_written_is_read(void)
{
	AUTO(place) struct place p = { 0 };
	AUTO(buf) struct buf b = { 0 };
	char why[FILE_WHY];

	place_make(&p);
	CHECK_EQ(file_write(p.file, bytes_str("first, and longer"), why), 0);
	CHECK_EQ(file_write(p.file, bytes_of("se\0cond", 7), why), 0);
	CHECK(access(p.part, F_OK) != 0);
	buf_puts(&b, "> ");
	CHECK_EQ(file_read(p.file, 7, &b, why), 0); /* exactly what may be */
	CHECK(b.n == 9 && memcmp(b.p, "> se\0cond", 9) == 0);
	CHECK_EQ(file_write(p.file, (struct bytes){ 0 }, why), 0);
	CHECK_EQ(file_read(p.file, 0, &b, why), 0);
	CHECK_EQ(b.n, 9);
}

static void why_not_is_a_sentence(void)
{
	AUTO(place) struct place p = { 0 };
	AUTO(buf) struct buf b = { 0 };
	char why[FILE_WHY] = "";

	place_make(&p);
	CHECK_EQ(file_read(p.file, 100, &b, why), -ENOENT);
	CHECK(strstr(why, "cannot read ") == why && strstr(why, p.file));
	CHECK_EQ(file_read(p.dir.path, 1 << 20, &b, why), -EISDIR);
	CHECK_EQ(file_write(p.file, bytes_str("12345678"), why), 0);
	CHECK_EQ(file_read(p.file, 7, &b, why), -EFBIG);
	CHECK(strstr(why, "too large"));
	CHECK_EQ(file_write(p.deep, bytes_str("x"), why), -ENOENT); /* no such directory */
	CHECK(strstr(why, "cannot write ") == why);
	CHECK_EQ(b.n, 0);
}

/* What has no length of its own ends nevertheless. */
static void an_endless_file_is_too_large(void)
{
	AUTO(buf) struct buf b = { 0 };
	char why[FILE_WHY];

	CHECK_EQ(file_read("/dev/zero", 100000, &b, why), -EFBIG);
	CHECK(strstr(why, "too large"));
	CHECK(b.n == 0 && b.cap < 1 << 20);
}

/* A directory where the file should be: nothing is left beside it. */
static void a_write_that_fails_leaves_nothing(void)
{
	AUTO(place) struct place p = { 0 };
	char why[FILE_WHY], beside[112];

	place_make(&p);
	CHECK_EQ(file_mkdir(p.deep, why), 0);
	CHECK(file_write(p.sub, bytes_str("x"), why) < 0);
	snprintf(beside, sizeof(beside), "%s.part", p.sub);
	CHECK(access(beside, F_OK) != 0);
}

static void directories_are_made_for_their_owner(void)
{
	AUTO(place) struct place p = { 0 };
	char why[FILE_WHY], below[112];
	struct stat st;

	place_make(&p);
	CHECK_EQ(file_mkdir(p.deep, why), 0);
	CHECK(stat(p.deep, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	CHECK_EQ(file_mkdir(p.deep, why), 0); /* again */
	CHECK_EQ(file_write(p.file, bytes_str("x"), why), 0);
	snprintf(below, sizeof(below), "%s/x", p.file);
	CHECK(file_mkdir(below, why) < 0);
	CHECK(strstr(why, "cannot make ") == why);
}

TESTS({ "what_was_written_is_read", what_was_written_is_read },
      { "why_not_is_a_sentence", why_not_is_a_sentence },
      { "an_endless_file_is_too_large", an_endless_file_is_too_large },
      { "a_write_that_fails_leaves_nothing", a_write_that_fails_leaves_nothing },
      { "directories_are_made_for_their_owner", directories_are_made_for_their_owner })
