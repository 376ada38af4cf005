/* A damaged store: any octets over a good one's, four for each place (where, thirds of 24 bits; what
 * is put there). It opens or says why not, and whatever is asked of it ends with an answer or a
 * sentence. Links: the knowledge layer. */
#include <stdlib.h>

#include "knowledge/search.h"
#include "knowledge/teststore.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { IMAGE_MAX = 1 << 20 };

static uint8_t good[IMAGE_MAX];
static size_t n_good;
static char dir[64];

static void make_good(void)
{
	struct testdir d = testdir_new(); /* stays: the fuzzer has no end */
	struct store *s = NULL;
	char why[STORE_WHY], path[128];

	snprintf(dir, sizeof(dir), "%s", d.path);
	if (store_init() != 0 || store_open(&s, dir, why) != 0 ||
	    teststore_add(s, "manual.md", teststore_manual) != 0 || teststore_fill(s) != 0)
		abort();
	store_close(s);
	snprintf(path, sizeof(path), "%s/voiced.db", dir);
	FILE *f = fopen(path, "re");
	if (!f)
		abort();
	n_good = fread(good, 1, sizeof(good), f);
	fclose(f);
}

static void damage(const uint8_t *p, size_t n)
{
	static uint8_t image[IMAGE_MAX];
	char path[256];

	memcpy(image, good, n_good);
	for (; n >= 4; p += 4, n -= 4)
		image[((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]) % n_good] = p[3];
	struct testdir d;
	snprintf(d.path, sizeof(d.path), "%s", dir);
	snprintf(path, sizeof(path), "%s/voiced.db-wal", dir);
	(void)!unlink(path);
	snprintf(path, sizeof(path), "%s/voiced.db-shm", dir);
	(void)!unlink(path);
	if (!testdir_write(&d, "voiced.db", bytes_of(image, n_good), path))
		abort();
}

static int see_document(void *ctx, const struct store_document *d)
{
	struct store *s = ctx;
	AUTO(buf) struct buf b = { 0 };
	struct store_document again;
	struct store_passage p;
	size_t start = 3, end = 90;

	if (store_document(s, d->id, &b, &again) == 0)
		(void)!store_text(s, d->id, &start, &end, &b);
	(void)!store_passage_at(s, d->id, 77, &b, &p);
	return 0;
}

static int count_hit(void *ctx, int64_t passage, double score)
{
	(void)passage, (void)score;
	++*(size_t *)ctx;
	return 0;
}

static void search(struct store *s)
{
	AUTO(searcher) struct searcher *x = NULL;
	AUTO(search_result) struct search_result r = { 0 };
	const struct search_request q = { .query = "how many days of holiday, and the boat" };
	size_t n = 0;

	(void)!store_fts(s, 1, "holiday boat", 20, count_hit, &n);
	if (searcher_new(&x) != 0)
		abort();
	if (searcher_load(x, s, STORE_DEFAULT_COLLECTION) != 0 || search_run(x, &q, &r) != 0)
		return;
	AUTO(json) json_t *o = search_result_json(&q, &r);
	if (!o)
		abort();
}

static void must_say(const char *what, int r, const char *why)
{
	if (r >= 0 || *why)
		return;
	fprintf(stderr, "%s: %d, and no sentence\n", what, r);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY] = "";

	if (!n_good)
		make_good();
	damage(p, n);
	int r = store_reader_open(&s, dir, why);
	must_say("reader", r, why);
	if (r == 0) {
		(void)!store_documents(s, 1, see_document, s);
		search(s);
	}
	store_close(s);
	s = NULL;
	r = store_open(&s, dir, why);
	must_say("open", r, why);
	if (r < 0)
		return 0;
	r = teststore_add(s, "manual.md", "# Another\n\nWith other words about the harbour.\n");
	must_say("add", r, store_why(s));
	(void)!store_remove(s, 2);
	r = store_check(s);
	must_say("check", r, store_why(s));
	return 0;
}
