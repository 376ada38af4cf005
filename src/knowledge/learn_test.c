#include "knowledge/index.h"
#include "knowledge/learn.h"
#include "knowledge/teststore.h"

struct seen {
	int64_t boats, last;
	bool sorted;
};

static int each_word(void *ctx, const struct store_word *w)
{
	struct seen *v = ctx;

	if (strcmp(w->word, "boat") == 0)
		v->boats = w->count;
	v->sorted &= v->last == 0 || w->count <= v->last;
	v->last = w->count;
	return 0;
}

static void learns_once(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(buf) struct buf model = { 0 };
	struct seen v = { .sorted = true };
	char why[STORE_WHY];
	unsigned dim;
	int64_t generation, now;

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_fill(s), 0); /* learns at its end */
	CHECK_EQ(store_words_foreach(s, 1, each_word, &v), 0);
	CHECK(v.sorted && v.boats >= 16);
	CHECK_EQ(store_embedder(s, 1, &model, &dim, &generation), 0);
	CHECK_EQ(store_generation(s, 1, &now), 0);
	CHECK_EQ(generation, now);
	CHECK(dim && model.n);
	CHECK_EQ(learn_collection(s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK(index_embedder(x) && index_n(x) == 64);
}

TESTS({ "learns_once", learns_once })
