#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "knowledge/teststore.h"

static bool put(struct store *s, const char *path, const char *text, int64_t *id, enum store_put *how)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	struct store_document d = { .collection = 1, .path = path, .title = "T", .type = "text",
				    .size = 5, .mtime_us = 7, .n_pages = 2 };

	d.sha256[3] = 9;
	outline_add(&o, BLOCK_PARA, 0, 1, bytes_str(text));
	return !o.text.failed && passages_cut(&o, &p) == 0 &&
	       store_put(s, &d, buf_bytes(&o.text), &p, id, how) == 0;
}

static void keeps_documents(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(store) struct store *reader = NULL;
	AUTO(buf) struct buf b = { 0 };
	char why[STORE_WHY];
	int64_t id, again;
	enum store_put how;
	uint8_t sha[STORE_SHA];
	struct store_document d;

	CHECK_EQ(lib, 0);
	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK(put(s, "/x/a.txt", "one \xe2\x82\xac two", &id, &how));
	CHECK_EQ(how, STORE_ADDED);
	CHECK(put(s, "/x/a.txt", "three \xe2\x82\xac four", &again, &how));
	CHECK_EQ(how, STORE_UPDATED);
	CHECK_EQ(again, id);

	CHECK_EQ(store_reader_open(&reader, dir.path, why), 0);
	CHECK_EQ(store_find(reader, 1, "/x/a.txt", &again, sha), 0);
	CHECK(again == id && sha[3] == 9);
	CHECK_EQ(store_document(reader, id, &b, &d), 0);
	CHECK_STR(d.path, "/x/a.txt");
	CHECK_STR(d.type, "text");
	CHECK(d.n_pages == 2 && d.n_passages == 1 && d.n_text == 14);
	buf_reset(&b);
	size_t start = 7, end = 8; /* inside the euro sign */
	CHECK_EQ(store_text(reader, id, &start, &end, &b), 0);
	CHECK(start == 6 && end == 9 && bytes_is(buf_bytes(&b), "\xe2\x82\xac"));
	start = 500, end = 2;
	buf_reset(&b);
	CHECK_EQ(store_text(reader, id, &start, &end, &b), 0);
	CHECK(start == 14 && end == 14 && b.n == 0);
	CHECK_EQ(store_text(reader, 99, &start, &end, &b), -ENOENT);
	struct store_size size;
	CHECK_EQ(store_size(reader, 1, &size), 0);
	CHECK(size.documents == 1 && size.passages == 1);
	CHECK_EQ(store_size(reader, 77, &size), 0);
	CHECK(size.documents == 0 && size.passages == 0);
	CHECK_EQ(store_check(s), 0);
	CHECK_EQ(store_remove(s, id), 0);
	CHECK_EQ(store_remove(s, id), -ENOENT);
	CHECK_EQ(store_find(reader, 1, "/x/a.txt", &again, sha), -ENOENT);
	CHECK_EQ(store_check(s), 0);
}

struct seen {
	size_t n, n_passages;
	int64_t document, version;
};

static int see_version(void *ctx, int64_t document, int64_t version)
{
	struct seen *v = ctx;

	v->n++;
	v->document = document;
	v->version = version;
	return 0;
}

static int see_passage(void *ctx, const struct store_passage *p)
{
	struct seen *v = ctx;

	v->n_passages += p->document == v->document;
	return 0;
}

static void tells_what_changed_and_keeps_its_marks(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(buf) struct buf b = { 0 };
	char why[STORE_WHY];
	int64_t id, generation;
	enum store_put how;
	struct seen first = { 0 }, then = { 0 };
	struct store_document d;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK(put(s, "/x/a.txt", "one", &id, &how));
	CHECK_EQ(store_versions(s, 1, see_version, &first), 0);
	CHECK(first.n == 1 && first.document == id);
	CHECK_EQ(store_mark(s, id, "\nhr\n", NULL), 0);
	CHECK_EQ(store_mark(s, id, NULL, "\nsecret\n"), 0);
	CHECK_EQ(store_mark(s, 99, "", ""), -ENOENT);
	CHECK_EQ(store_versions(s, 1, see_version, &then), 0);
	CHECK_EQ(store_generation(s, 1, &generation), 0);
	CHECK(then.version == generation && then.version > first.version);
	CHECK(put(s, "/x/a.txt", "two", &id, &how)); /* the marks stay */
	CHECK_EQ(store_document(s, id, &b, &d), 0);
	CHECK_STR(d.tags, "\nhr\n");
	CHECK_STR(d.labels, "\nsecret\n");
	CHECK_EQ(d.version, generation + 1);
	CHECK_EQ(store_document_passages(s, id, see_passage, &then), 0);
	CHECK_EQ(then.n_passages, 1);
}

static void a_batch_is_all_or_nothing(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(store) struct store *reader = NULL;
	char why[STORE_WHY];
	int64_t id;
	enum store_put how;
	struct store_size size;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(store_reader_open(&reader, dir.path, why), 0);
	CHECK_EQ(store_batch(s), 0);
	CHECK(put(s, "/x/a.txt", "one", &id, &how));
	CHECK_EQ(store_remove(s, 99), -ENOENT); /* undoes only itself */
	CHECK(put(s, "/x/b.txt", "two", &id, &how));
	CHECK_EQ(store_size(reader, 1, &size), 0);
	CHECK_EQ(size.documents, 0);
	CHECK_EQ(store_commit(s, 0), 0);
	CHECK_EQ(store_size(reader, 1, &size), 0);
	CHECK_EQ(size.documents, 2);
	CHECK_EQ(store_batch(s), 0);
	CHECK(put(s, "/x/c.txt", "three", &id, &how));
	CHECK_EQ(store_commit(s, -ECANCELED), -ECANCELED);
	CHECK_EQ(store_size(reader, 1, &size), 0);
	CHECK_EQ(size.documents, 2);
	CHECK_EQ(store_check(s), 0);
}

/* A document, as the first version of this program wrote it. */
static bool write_older(const char *dir, int64_t *id)
{
	char why[STORE_WHY], path[128];
	enum store_put how;
	struct store *s = NULL;
	sqlite3 *db = NULL;
	bool ok = store_open(&s, dir, why) == 0 && put(s, "/x/a.txt", "one", id, &how);

	store_close(s);
	snprintf(path, sizeof(path), "%s/voiced.db", dir);
	int rc = sqlite3_open(path, &db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db,
				  "DROP INDEX documents_version; DROP TABLE embeddings;"
				  "ALTER TABLE documents DROP COLUMN tags;"
				  "ALTER TABLE documents DROP COLUMN labels;"
				  "ALTER TABLE documents DROP COLUMN version;"
				  "DELETE FROM migrations WHERE version = 2; PRAGMA user_version = 1",
				  NULL, NULL, NULL);
	sqlite3_close(db);
	return ok && rc == SQLITE_OK;
}

static void an_older_store_is_brought_up_to_date(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];
	struct seen seen = { 0 };
	int64_t id = 0;

	CHECK_EQ(lib, 0);
	GIVEN(write_older(dir.path, &id));
	CHECK_EQ(store_reader_open(&s, dir.path, why), 0);
	CHECK_EQ(store_versions(s, 1, see_version, &seen), 0);
	CHECK(seen.n == 1 && seen.document == id);
}

static void finds_the_passage_of_a_place(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(buf) struct buf text = { 0 };
	AUTO(buf) struct buf strings = { 0 };
	char why[STORE_WHY];
	struct store_passage p;
	size_t start = 0, end = SIZE_MAX / 2;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	GIVEN(teststore_add(s, "manual.md", teststore_manual) == 0);
	CHECK_EQ(store_text(s, 1, &start, &end, &text), 0);
	buf_putc(&text, 0);
	CHECK(!text.failed);
	const char *at = strstr((const char *)text.p, "copied every night");
	CHECK(at);
	CHECK_EQ(store_passage_at(s, 1, (size_t)(at - (const char *)text.p), &strings, &p), 0);
	CHECK_STR(p.heading, "Database");
	CHECK_STR(p.path, "Handbook > Database");
	CHECK(p.document == 1 && p.start <= (size_t)(at - (const char *)text.p));
	CHECK_EQ(store_passage_at(s, 1, text.n + 7, &strings, &p), -ENOENT);
	CHECK_EQ(store_passage_at(s, 1, SIZE_MAX, &strings, &p), -ENOENT);
	CHECK_EQ(store_passage_at(s, 9, 0, &strings, &p), -ENOENT);
}

static int count(void *ctx, int64_t passage, double score)
{
	*(int *)ctx += passage > 0 && score > 0;
	return 0;
}

static int count_sentence(void *ctx, struct bytes sentence)
{
	*(int *)ctx += sentence.n > 0;
	return 0;
}

static int first_name(void *ctx, const char *name)
{
	return strcmp(name, ctx) == 0 ? 42 : 0;
}

static void separates_collections(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY], other[] = "other";
	int64_t id, mine, g, h;
	enum store_put how;
	int n = 0;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(store_collection(s, STORE_DEFAULT_COLLECTION, &id), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(store_collection(s, other, &mine), 0);
	CHECK(mine != id);
	CHECK_EQ(store_collections(s, first_name, other), 42);
	CHECK_EQ(store_generation(s, 1, &g), 0);
	CHECK(put(s, "a", "the boats sail. They sail far.", &id, &how));
	CHECK_EQ(store_generation(s, 1, &h), 0);
	CHECK_EQ(h, g + 1);
	CHECK_EQ(store_fts(s, 1, "boat \"quote", 5, count, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(store_fts(s, mine, "boat", 5, count, &n), 0);
	CHECK_EQ(store_fts(s, 1, "  ", 5, count, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(store_sentences_foreach(s, 1, count_sentence, &n), 0);
	CHECK_EQ(n, 3);
}

/* Of a version that is not there yet. */
static bool write_newer(const char *dir)
{
	char why[STORE_WHY], path[128];
	struct store *s = NULL;
	sqlite3 *db = NULL;
	bool ok = store_open(&s, dir, why) == 0;

	store_close(s);
	snprintf(path, sizeof(path), "%s/voiced.db", dir);
	ok = ok && sqlite3_open(path, &db) == SQLITE_OK &&
	     sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return ok;
}

static void says_what_is_wrong(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY] = "", path[256];

	CHECK_EQ(lib, 0);
	CHECK_EQ(store_reader_open(&s, dir.path, why), -ENOENT);
	CHECK(strstr(why, "voiced ingest"));
	CHECK(testdir_write(&dir, "voiced.db", bytes_str("this is no database at all, but text"), path));
	CHECK_EQ(store_open(&s, dir.path, why), -EBADMSG);
	CHECK(strstr(why, "damaged"));
	CHECK_EQ(unlink(path), 0);
	GIVEN(write_newer(dir.path));
	CHECK_EQ(store_open(&s, dir.path, why), -EPROTO);
	CHECK(strstr(why, "newer voiced"));
	CHECK_EQ(store_open(&s, "/proc/nowhere/at/all", why), -ENOENT);
	CHECK(strstr(why, "cannot be made"));
}

static int count_document(void *ctx, const struct store_document *d)
{
	*(int *)ctx += d->n_passages > 0;
	return 0;
}

/* A writer is killed in the middle, again and again; what it had acknowledged is there. */
static void survives_kill(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();

	if (getenv("VOICED_TEST_OOM"))
		return; /* the child does not care */
	for (unsigned round = 0; round < 10; round++) {
		int acknowledged[2], seen = 0, n = 0;
		char c;
		CHECK_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct store *s;
			char why[STORE_WHY], path[64];
			int64_t id;
			enum store_put how;

			if (store_open(&s, dir.path, why) < 0)
				_exit(1);
			for (unsigned i = 0;; i++) {
				snprintf(path, sizeof(path), "%u-%u", round, i);
				if (!put(s, path, "some text of a document. And more.", &id, &how))
					_exit(2);
				if (write(acknowledged[1], "x", 1) != 1)
					_exit(3);
			}
		}
		close(acknowledged[1]);
		while (seen < 3 + (int)round * 2 && read(acknowledged[0], &c, 1) == 1)
			seen++;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(acknowledged[0], &c, 1) == 1)
			seen++;
		close(acknowledged[0]);
		CHECK(seen >= 3);

		struct store *s = NULL;
		char why[STORE_WHY], prefix[16];
		CHECK_EQ(store_open(&s, dir.path, why), 0);
		int checked = store_check(s);
		int walked = store_documents(s, 1, count_document, &n);
		store_close(s);
		snprintf(prefix, sizeof(prefix), "%u-", round);
		CHECK_EQ(checked, 0);
		CHECK_EQ(walked, 0);
		CHECK(n >= seen);
	}
}

/* One of several processes that find an empty directory at the same moment. */
static int open_with_others(const char *dir, int start, unsigned k)
{
	struct store *s = NULL;
	char why[STORE_WHY], name[8], c;
	int64_t id;

	(void)!read(start, &c, 1);
	int r = k % 3 == 2 ? store_reader_open(&s, dir, why) : store_open(&s, dir, why);
	if (r < 0)
		return k % 3 == 2 && r == -ENOENT ? 0 : 1;
	snprintf(name, sizeof(name), "c%u", k % 9);
	r = k % 3 == 2 ? 0 : store_collection(s, name, &id);
	store_close(s);
	return r < 0;
}

static void several_processes_make_it_together(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* the children do not care */
	for (unsigned round = 0; round < 8; round++) {
		AUTO(testdir) struct testdir dir = testdir_new();
		int start[2], status, bad = 0;
		pid_t pid[6];

		CHECK_EQ(pipe2(start, O_CLOEXEC), 0);
		for (unsigned k = 0; k < ARRAY_LEN(pid); k++) {
			if ((pid[k] = fork()) != 0)
				continue;
			close(start[1]);
			_exit(open_with_others(dir.path, start[0], k));
		}
		close(start[0]);
		close(start[1]);
		for (unsigned k = 0; k < ARRAY_LEN(pid); k++)
			bad += waitpid(pid[k], &status, 0) != pid[k] || status != 0;
		CHECK_EQ(bad, 0);
	}
}

TESTS({ "keeps_documents", keeps_documents },
      { "tells_what_changed_and_keeps_its_marks", tells_what_changed_and_keeps_its_marks },
      { "a_batch_is_all_or_nothing", a_batch_is_all_or_nothing },
      { "an_older_store_is_brought_up_to_date", an_older_store_is_brought_up_to_date },
      { "finds_the_passage_of_a_place", finds_the_passage_of_a_place }, { "separates_collections", separates_collections },
      { "says_what_is_wrong", says_what_is_wrong }, { "survives_kill", survives_kill },
      { "several_processes_make_it_together", several_processes_make_it_together })
