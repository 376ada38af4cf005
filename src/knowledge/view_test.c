#include "knowledge/view.h"

#include "knowledge/query.h"
#include "knowledge/teststore.h"

static size_t seen(const struct index *x, const struct view_filter *f, const char *word)
{
	AUTO(view) struct view v = { 0 };
	size_t n = 0;

	if (view_init(&v, x, f) < 0)
		return 99;
	for (size_t s = 0; s < index_n_segments(x); s++) {
		const uint8_t *leaves = view_leaves(&v, s);

		for (size_t i = 0; i < index_segment(x, s)->g->n_leaves; i++)
			n += !leaves || leaves[i];
	}
	return 10 * n + view_has_term(&v, index_find_term(x, word, strlen(word)));
}

static void shows_what_is_asked_for(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];

	CHECK_EQ(lib, 0);
	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "hr/a.md", "# A\n\nThe zebra sleeps.\n"), 0);
	CHECK_EQ(teststore_add(s, "it/b.md", "# B\n\nThe lion sleeps.\n"), 0);
	CHECK_EQ(store_mark(s, 1, "\nanimal\n", "\nkeepers\n"), 0);
	CHECK_EQ(store_mark(s, 2, "\nanimal\nlarge\n", NULL), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(seen(x, &(struct view_filter){ .groups = NULL }, "zebra"), 21);
	CHECK_EQ(seen(x, &(struct view_filter){ .groups = "" }, "zebra"), 10);
	CHECK_EQ(seen(x, &(struct view_filter){ .groups = "" }, "lion"), 11);
	CHECK_EQ(seen(x, &(struct view_filter){ .groups = "\nkeepers\n" }, "zebra"), 21);
	CHECK_EQ(seen(x, &(struct view_filter){ .tags = "\nanimal\n" }, "zebra"), 21);
	CHECK_EQ(seen(x, &(struct view_filter){ .tags = "\nlarge\nanimal\n" }, "zebra"), 11);
	CHECK_EQ(seen(x, &(struct view_filter){ .tags = "\nsmall\n" }, "zebra"), 1);
	CHECK_EQ(seen(x, &(struct view_filter){ .path = "hr/*" }, "zebra"), 11);
	CHECK_EQ(seen(x, &(struct view_filter){ .path = "b.md" }, "zebra"), 11);
	CHECK_EQ(seen(x, &(struct view_filter){ .name = "*.md" }, "zebra"), 21);
	CHECK_EQ(seen(x, &(struct view_filter){ .name = "hr/*" }, "zebra"), 1);
	CHECK_EQ(seen(x, &(struct view_filter){ .since_us = 1 }, "zebra"), 1);
	CHECK_EQ(seen(x, &(struct view_filter){ .until_us = 1 }, "zebra"), 21);
	CHECK_EQ(seen(x, &(struct view_filter){ .document = 2 }, "zebra"), 11);
}

static void reads_dates(void)
{
	static const char *const wrong[] = { "", "2026", "2026-13-01", "2026-01-31x", "yesterday", "2026-01-31T1" };
	int64_t us;

	CHECK(view_date("2026-01-31", &us));
	CHECK_EQ(us, 1769817600 * (int64_t)US_PER_S);
	CHECK(view_date("1970-01-01T00:00:01Z", &us));
	CHECK_EQ(us, US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		CHECK(!view_date(wrong[i], &us));
}

/* A word that stands only where one may not look is a word nobody has heard of. */
static void hidden_words_are_unknown(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(view) struct view v = { 0 };
	struct query q;
	char why[STORE_WHY];

	CHECK_EQ(lib, 0);
	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "a.md", "# A\n\nThe Zarkonite project.\n"), 0);
	CHECK_EQ(teststore_add(s, "b.md", "# B\n\nThe lion project.\n"), 0);
	CHECK_EQ(store_mark(s, 1, NULL, "\nboard\n"), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(view_init(&v, x, &(struct view_filter){ .groups = "" }), 0);
	query_make(&v, bytes_str("the zarkonite"), &q);
	CHECK(q.n_slots == 1 && q.slots[0].term == -1 && q.n_alternatives == 0);
	query_make(&v, bytes_str("zarkonight"), &q); /* sounds like it */
	CHECK_EQ(q.n_alternatives, 0);
	query_make(&v, bytes_str("project"), &q);
	CHECK_EQ(q.n_alternatives, 1);
}

/* Two words that join to one which only the hidden have are two words. */
static void hidden_words_join_nothing(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(view) struct view all = { 0 }, v = { 0 };
	struct query q;
	char why[STORE_WHY];

	CHECK_EQ(lib, 0);
	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "a.md", "# A\n\nThe Zarkonite project.\n"), 0);
	CHECK_EQ(teststore_add(s, "b.md", "# B\n\nZarko nite, the lion.\n"), 0);
	CHECK_EQ(store_mark(s, 1, NULL, "\nboard\n"), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(view_init(&all, x, &(struct view_filter){ .groups = NULL }), 0);
	CHECK_EQ(view_init(&v, x, &(struct view_filter){ .groups = "" }), 0);
	query_make(&all, bytes_str("zarkonite"), &q);
	CHECK(q.n_slots == 1 && q.slots[0].term >= 0);
	query_make(&v, bytes_str("zarkonite"), &q);
	CHECK_EQ(q.n_slots, 2); /* as where it is unknown: its parts are meant */
	for (size_t i = 0; i < q.n_alternatives; i++)
		CHECK(!strstr(index_term(x, (size_t)q.alternatives[i].term), "zarkon"));
	query_make(&v, bytes_str("zarkonyte"), &q);
	for (size_t i = 0; i < q.n_alternatives; i++)
		CHECK(!strstr(index_term(x, (size_t)q.alternatives[i].term), "zarkon"));
}

TESTS({ "shows_what_is_asked_for", shows_what_is_asked_for },
      { "reads_dates", reads_dates }, { "hidden_words_are_unknown", hidden_words_are_unknown },
      { "hidden_words_join_nothing", hidden_words_join_nothing })
