#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "knowledge/search.h"
#include "knowledge/teststore.h"

static struct search_result result; /* large */

static void finds_and_cites(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "handbook.md", teststore_manual), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);

	struct search_request q = { .query = "what is the allowance for prague" };
	CHECK_EQ(search_run(finder, &q, &result), 0);
	AUTO(json) json_t *j = search_result_json(&q, &result);
	bool cited = result.n >= 1 && strcmp(result.rows[0].heading, "Travel") == 0 &&
		     strcmp(result.rows[0].headings, "Handbook > Travel") == 0 &&
		     strcmp(result.rows[0].name, "handbook.md") == 0 && result.confidence > 0.9f;
	float good = 0, bad = 0;
	if (result.n) {
		good = sentence_score(&result, &result.rows[0],
				      bytes_str("City: Prague; Allowance: 40 euro"));
		bad = sentence_score(&result, &result.rows[0],
				     bytes_str("Book trains before flights."));
	}
	search_result_done(&result);
	CHECK(cited);
	CHECK(good > 0.9f && bad < 0.1f);
	CHECK(j);
	CHECK_STR(json_str(json_array_get(json_object_get(j, "results"), 0), "title", ""), "Handbook");

	q.query = "who won the football match";
	CHECK_EQ(search_run(finder, &q, &result), 0);
	bool nothing = result.confidence < SEARCH_NOTHING;
	search_result_done(&result);
	CHECK(nothing);
	q.query = "";
	CHECK_EQ(search_run(finder, &q, &result), 0);
	size_t n = result.n;
	search_result_done(&result);
	CHECK_EQ(n, 0);
	q.collection = "none";
	CHECK_EQ(search_run(finder, &q, &result), -ENOENT);
}

/* 120 words; the first says what is looked for. */
static void put_paragraph(struct buf *b, const char *about)
{
	buf_puts(b, about);
	for (unsigned i = 0; i < 115; i++)
		buf_printf(b, " filler%u", i % 40);
	buf_puts(b, ".\n\n");
}

/* Of two passages that say the same, the one whose section goes on about it. */
static void neighbours_lend(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	AUTO(buf) struct buf b = { 0 };
	char why[STORE_WHY];

	buf_puts(&b, "## First\n\n");
	put_paragraph(&b, "The walnut cupboard is here");
	buf_puts(&b, "## Second\n\n");
	put_paragraph(&b, "The walnut cupboard is here");
	put_paragraph(&b, "The walnut is old and dark");
	CHECK(!b.failed);
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "two.md", (const char *)b.p), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);

	const struct search_request q = { .query = "where is the walnut cupboard" };
	CHECK_EQ(search_run(finder, &q, &result), 0);
	bool good = result.n >= 2 && strcmp(result.rows[0].heading, "Second") == 0 &&
		    strcmp(result.rows[1].heading, "First") == 0 &&
		    result.rows[0].score <= 1 && result.rows[1].score < result.rows[0].score;
	search_result_done(&result);
	CHECK(good);
}

static void uses_all_three_ways(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_load(finder, s, STORE_DEFAULT_COLLECTION), 0);

	const struct search_request q = { .query = "the telescop of the galaxie", .k = 3, .filter = { .document = 1 } };
	CHECK_EQ(search_run(finder, &q, &result), 0);
	bool good = result.n == 3 && result.rows[0].vector > 0 && result.rows[0].lexical > 0 &&
		    memmem(result.rows[0].text.p, result.rows[0].text.n, "star", 4);
	search_result_done(&result);
	CHECK(good);

	/* A new document is found after a refresh; the old snapshot stays good until then. */
	const struct search_request n = { .query = "zeppelin" };
	CHECK_EQ(search_run(finder, &n, &result), 0);
	int r = teststore_add(s, "new.md", "# Zeppelin\n\nA zeppelin is large.\n");
	if (r == 0)
		r = searcher_refresh(finder, s);
	search_result_done(&result);
	CHECK_EQ(r, 0);
	CHECK_EQ(search_run(finder, &n, &result), 0);
	good = result.n >= 1 && strcmp(result.rows[0].name, "new.md") == 0;
	search_result_done(&result);
	CHECK(good);
}

/* A copy of a document is not a second answer; passages beside each other are one. */
static void folds_what_belongs_together(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	AUTO(buf) struct buf b = { 0 };
	char why[STORE_WHY];

	buf_puts(&b, "## Cupboards\n\n");
	put_paragraph(&b, "The walnut cupboard is here");
	put_paragraph(&b, "The walnut cupboard is old and dark");
	CHECK(!b.failed);
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "one.md", (const char *)b.p), 0);
	CHECK_EQ(teststore_add(s, "copy.md", (const char *)b.p), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);
	const struct search_request q = { .query = "walnut cupboard" };
	CHECK_EQ(search_run(finder, &q, &result), 0);
	const struct search_row *r = &result.rows[0];
	bool good = result.n == 1 && r->n_alike >= 1 && r->end > r->start;
	search_result_done(&result);
	CHECK(good);
}

struct asking {
	struct searcher *finder;
	atomic_bool stop;
	atomic_uint asked, wrong;
};

static void *ask(void *arg)
{
	struct asking *a = arg;
	AUTO(mem) struct search_result *r = mem_zalloc(sizeof(*r));
	const struct search_request q = { .query = "travel desk", .k = 2 };

	while (r && !atomic_load(&a->stop)) {
		if (search_run(a->finder, &q, r) < 0 || !r->n)
			a->wrong++;
		search_result_done(r);
		a->asked++;
	}
	return NULL;
}

/* Indexes are swapped under threads that search. */
static void is_swapped_under_readers(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	char why[STORE_WHY];
	pthread_t threads[2];

	if (getenv("VOICED_TEST_OOM"))
		return;
	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "handbook.md", teststore_manual), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);
	struct asking a = { .finder = finder };
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, ask, &a), 0);
	int r = 0;
	for (unsigned i = 0; r == 0 && (i < 20 || a.asked < 20); i++)
		r = searcher_load(finder, s, STORE_DEFAULT_COLLECTION);
	atomic_store(&a.stop, true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(r, 0);
	CHECK_EQ(a.wrong, 0);
}

static void keeps_collections_apart(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params other = { .collection = "other" };
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "handbook.md", teststore_manual), 0);
	CHECK_EQ(ingest_bytes(s, &other, "handbook.md", bytes_str("# Secret\n\nThe vault."), &sum), 0);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);
	struct search_request q = { .query = "vault" };
	CHECK_EQ(search_run(finder, &q, &result), 0);
	size_t here = result.n;
	search_result_done(&result);
	q.collection = "other";
	CHECK_EQ(search_run(finder, &q, &result), 0);
	size_t there = result.n;
	search_result_done(&result);
	CHECK(here == 0 && there == 1);
}

TESTS({ "is_swapped_under_readers", is_swapped_under_readers },
      { "keeps_collections_apart", keeps_collections_apart }, { "finds_and_cites", finds_and_cites }, { "neighbours_lend", neighbours_lend },
      { "folds_what_belongs_together", folds_what_belongs_together }, { "uses_all_three_ways", uses_all_three_ways })
