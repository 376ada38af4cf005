/* lexical_test.c - what is found early is what scoring everything finds; a snapshot that was
 * brought up to date is what reading everything anew gives. */
#include "knowledge/lexical.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/nearest.h"
#include "knowledge/search.h"
#include "knowledge/teststore.h"

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

enum { VOCABULARY = 300 };

/* Few words are common, most are rare: sqrt of the difference of two even draws. */
static unsigned draw_word(uint64_t *state)
{
	uint64_t u = next_random(state) % 1000;

	return (unsigned)(u * u * u / (1000000000 / VOCABULARY));
}

/* A document of n sections, each a passage of 20 words or so. */
static int put_document(struct store *s, const char *path, unsigned n, uint64_t *state)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	AUTO(buf) struct buf b = { 0 };
	struct store_document d = { .collection = 1, .path = path, .title = path, .type = "text" };
	enum store_put how;
	int64_t id;

	for (unsigned i = 0; i < n; i++) {
		buf_reset(&b);
		buf_printf(&b, "Heading w%uq", draw_word(state));
		outline_add(&o, BLOCK_HEADING, 1, 0, buf_bytes(&b));
		buf_reset(&b);
		for (unsigned k = 10 + (unsigned)(next_random(state) % 30); k > 0; k--)
			buf_printf(&b, "w%uq ", draw_word(state));
		outline_add(&o, BLOCK_PARA, 0, 0, buf_bytes(&b));
	}
	if (b.failed || o.text.failed || passages_cut(&o, &p) < 0)
		return -1;
	return store_put(s, &d, buf_bytes(&o.text), &p, &id, &how);
}

static int fill_store(struct store *s, unsigned documents, uint64_t *state)
{
	char path[32];
	int r = store_batch(s);

	for (unsigned i = 0; r == 0 && i < documents; i++) {
		snprintf(path, sizeof(path), "d%u", i);
		r = put_document(s, path, 1 + (unsigned)(next_random(state) % 40), state);
	}
	return store_commit(s, r);
}

static void draw_query(struct lexical_query *q, const struct index *x, uint64_t *state)
{
	*q = (struct lexical_query){ .n = 0 };
	for (uint64_t n = 1 + next_random(state) % 12; n > 0; n--) {
		uint32_t t = (uint32_t)(next_random(state) % index_n_terms(x));
		float w = index_idf(x, (int32_t)t) * (float)(1 + next_random(state) % 3);
		bool sound = next_random(state) % 5 == 0;

		lexical_add(q, t, sound ? 0 : w, sound ? w : 0);
	}
}

/* The best k by scoring everything that the view shows. */
static int top_of_all(const struct lexical_query *q, const struct view *v, struct top *top)
{
	size_t n = index_n(v->x);
	AUTO(mem) float *words = mem_calloc(2 * n, sizeof(*words));

	if (!words)
		return -1;
	lexical_all(q, words, words + n);
	for (size_t i = 0; i < n; i++) {
		size_t passage = i;
		const struct index_segment *o = index_segment_of(v->x, &passage);
		const uint8_t *leaves = view_leaves(v, (size_t)(o - index_segment(v->x, 0)));

		if (words[i] + words[n + i] > 0 && (!leaves || leaves[o->g->rows[passage].leaf_no]))
			top_put(top, words[i] + words[n + i], (uint32_t)i);
	}
	top_sort(top);
	return 0;
}

static bool same_top(const struct top *a, const struct top *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].score != b->at[i].score || a->at[i].row != b->at[i].row)
			return false;
	return true;
}

static bool finds_the_same(const struct index *x, const struct view_filter *f, unsigned rounds,
			   uint64_t *state)
{
	AUTO(view) struct view v = { 0 };
	static struct lexical_query q;
	bool same = view_init(&v, x, f) == 0;

	for (unsigned i = 0; same && i < rounds; i++) {
		/* The last few may be others of the same score, added up in another order. */
		struct top early = { .k = 60 }, all = { .k = 60 };

		draw_query(&q, x, state);
		same = lexical_open(&q, x) == 0 && lexical_top(&q, &v, &early) == 0 && top_of_all(&q, &v, &all) == 0;
		lexical_done(&q);
		early.n = MIN(early.n, (size_t)50);
		all.n = MIN(all.n, (size_t)50);
		same = same && same_top(&early, &all);
	}
	return same;
}

static void early_is_exact(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];
	uint64_t state = 11;
	bool oom = getenv("VOICED_TEST_OOM");
	unsigned documents = oom ? 3 : 150, queries = oom ? 2 : 50;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	GIVEN(fill_store(s, documents, &state) == 0);
	CHECK_EQ(store_mark(s, 2, NULL, "\nsecret\n"), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(index_n_documents(x), documents);
	CHECK(finds_the_same(x, &(struct view_filter){ .groups = NULL }, 6 * queries, &state));
	CHECK(finds_the_same(x, &(struct view_filter){ .groups = "" }, queries, &state));
	CHECK(finds_the_same(x, &(struct view_filter){ .path = "d?" }, queries, &state));
	CHECK(finds_the_same(x, &(struct view_filter){ .document = 3 }, queries, &state));
}

/* The same documents, the same statistics, the same scores: whatever the way. */
static bool same_index(const struct index *a, const struct index *b)
{
	if (index_n_alive(a) != index_n_alive(b) || index_n_documents(a) != index_n_documents(b))
		return false;
	float d = index_mean_length(a) - index_mean_length(b);
	if (d > 1e-3f || d < -1e-3f)
		return false;
	for (size_t i = 0; i < index_n_documents(a); i++)
		if (index_document(a, i)->id != index_document(b, i)->id ||
		    index_document(a, i)->version != index_document(b, i)->version)
			return false;
	for (size_t t = 0; t < index_n_terms(a); t++) {
		const char *term = index_term(a, t);
		int32_t other = index_find_term(b, term, strlen(term));

		if (index_df(a, (int32_t)t) != index_df(b, other))
			return false;
	}
	return true;
}

static int change(struct store *s, uint64_t *state)
{
	char path[32];
	int r = 0;

	snprintf(path, sizeof(path), "d%u", (unsigned)(next_random(state) % 30));
	switch (next_random(state) % 3) {
	case 0:
	case 1:
		return put_document(s, path, (unsigned)(next_random(state) % 12), state);
	default:
		r = store_remove(s, (int64_t)(next_random(state) % 40));
		return r == -ENOENT ? 0 : r;
	}
}

static void updates_are_what_reading_anew_gives(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];
	uint64_t state = 3;
	unsigned rounds = getenv("VOICED_TEST_OOM") ? 3 : 60;

	CHECK_EQ(lib, 0);
	GIVEN(store_open(&s, dir.path, why) == 0);
	GIVEN(fill_store(s, getenv("VOICED_TEST_OOM") ? 2 : 20, &state) == 0);
	for (unsigned i = 0; i < rounds; i++) {
		AUTO(index) struct index *anew = NULL;
		struct index *now;

		CHECK_EQ(index_update(&now, x, s, STORE_DEFAULT_COLLECTION), 0);
		index_unref(x);
		x = now;
		CHECK_EQ(index_build(&anew, s, STORE_DEFAULT_COLLECTION), 0);
		CHECK(same_index(x, anew));
		CHECK(index_n_segments(x) <= 12);
		CHECK(finds_the_same(x, &(struct view_filter){ .groups = NULL }, 3, &state));
		CHECK_EQ(change(s, &state), 0);
	}
}

TESTS({ "early_is_exact", early_is_exact },
      { "updates_are_what_reading_anew_gives", updates_are_what_reading_anew_gives })
