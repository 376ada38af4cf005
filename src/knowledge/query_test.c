#include "knowledge/query.h"
#include "knowledge/teststore.h"

static void understands(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];
	struct query q;

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "manual.md", teststore_manual), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);

	query_make(&(struct view){ .x = x, .all = true }, bytes_str("What is the allowance for Prague?"), &q);
	CHECK_EQ(q.n_slots, 2);
	CHECK(query_covers_passage(x, &q, 2) > 0.99f);
	CHECK(query_covers_passage(x, &q, 0) < 0.01f);
	CHECK(query_covers_text(x, &q, bytes_str("Prague, 40 euro"), bytes_str("")) > 0.3f);
	CHECK(query_covers_text(x, &q, bytes_str("Prague"), bytes_str("Allowances")) > 0.99f);

	query_make(&(struct view){ .x = x, .all = true }, bytes_str("conf file"), &q); /* joined */
	CHECK(query_covers_passage(x, &q, 3) > 0.99f);
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("traveldesk"), &q); /* split */
	CHECK_EQ(q.n_slots, 2);
	CHECK(query_covers_passage(x, &q, 2) > 0.8f);
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("holliday"), &q); /* sounds like */
	CHECK(query_covers_passage(x, &q, 1) > 0.4f && query_covers_passage(x, &q, 1) < 0.9f);
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("spaghetti carbonara"), &q);
	CHECK(query_covers_passage(x, &q, 1) < 0.3f);
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("what is the"), &q);
	CHECK_EQ(q.n_slots, 0);
	CHECK(query_covers_passage(x, &q, 1) == 0);
}

static void takes_any_text(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(buf) struct buf b = { 0 };
	char why[STORE_WHY];
	struct query q;

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0); /* empty */
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&b, "holiday%u travel data base\xff ", i);
	CHECK(!b.failed);
	query_make(&(struct view){ .x = x, .all = true }, buf_bytes(&b), &q);
	CHECK_EQ(q.n_slots, QUERY_SLOTS);
	query_make(&(struct view){ .x = x, .all = true }, bytes_of(NULL, 0), &q);
	CHECK_EQ(q.n_slots, 0);
}

TESTS({ "understands", understands }, { "takes_any_text", takes_any_text })
