/* hidden_test.c - for who may not read a document it is as if it were not there. */
#include "knowledge/search.h"
#include "knowledge/teststore.h"

static const char canary[] =
	"# Quorvimax\n\nThe Quorvimax allowance is hidden in the flumdarb. A holliday in Prague is two hundred euro.\n";
static const char *const questions[] = {
	"Quorvimax", "quorvimaks", "corvimax", "quor vimax", "flumdarb", "where is the flumdarp",
	"what is the allowance for prague", "holliday", "travel desk", "the allowance of Quorvimax",
	"conf file", "thirty days", "", "quorvimaxflumdarb", "euro",
};

static struct search_result result; /* large */

/* A searcher over the handbook, and over what is labelled "hr" as well if `both`. */
static int make(struct searcher **out, const char *dir, bool both)
{
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];
	int64_t id;
	uint8_t sha[STORE_SHA];
	int r = store_open(&s, dir, why);

	if (r == 0)
		r = teststore_add(s, "handbook.md", teststore_manual);
	if (r == 0 && both)
		r = teststore_add(s, "canary.md", canary);
	if (r == 0 && both)
		r = store_find(s, 1, "canary.md", &id, sha);
	if (r == 0 && both)
		r = store_mark(s, id, NULL, "\nboard\nhr\n");
	if (r == 0)
		r = searcher_new(out);
	return r == 0 ? searcher_refresh(*out, s) : r;
}

/* All that a client is told but the scores, as JSON text. NULL: no memory. */
static char *told(struct searcher *s, const char *query, const char *groups, float *confidence)
{
	const struct search_request q = { .query = query, .filter = { .groups = groups }, .k = 20 };
	AUTO(buf) struct buf text = { 0 };

	if (search_run(s, &q, &result) != 0)
		return NULL;
	AUTO(json) json_t *o = search_result_json(&q, &result);
	*confidence = result.confidence;
	search_result_done(&result);
	json_t *rows = json_object_get(o, "results");
	for (size_t i = 0; i < json_array_size(rows); i++)
		for (size_t k = 0; k < 3; k++)
			json_object_del(json_array_get(rows, i), (const char *[]){ "score", "lexical", "sound" }[k]);
	json_object_del(o, "confidence");
	json_write(&text, o);
	return !o || text.failed ? NULL : buf_take(&text);
}

static void hidden_is_as_if_it_were_not_there(void)
{
	AUTO(testdir) struct testdir one = testdir_new(), two = testdir_new();
	AUTO(searcher) struct searcher *with = NULL, *without = NULL;
	float a = 0, b = 0;

	CHECK_EQ(make(&with, one.path, true), 0);
	CHECK_EQ(make(&without, two.path, false), 0);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		AUTO(mem) char *expected = told(without, questions[i], NULL, &b);
		AUTO(mem) char *got = told(with, questions[i], i % 2 ? "" : "\nit\n", &a);

		CHECK(expected && got);
		CHECK_STR(got, expected);
		CHECK(a - b < 0.02f && b - a < 0.02f);
	}
}

static void a_group_finds_it(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(searcher) struct searcher *s = NULL;
	static const char *const may[] = { "\nhr\n", "\nit\nboard\n", NULL };
	float confidence = 0;

	CHECK_EQ(make(&s, dir.path, true), 0);
	for (size_t i = 0; i < ARRAY_LEN(may); i++) {
		AUTO(mem) char *found = told(s, "where is the quorvimax allowance", may[i], &confidence);

		CHECK(found);
		CHECK(strstr(found, "flumdarb") && confidence > 0.9f);
	}
}

TESTS({ "hidden_is_as_if_it_were_not_there", hidden_is_as_if_it_were_not_there },
      { "a_group_finds_it", a_group_finds_it })
