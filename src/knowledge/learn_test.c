#include <errno.h>

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
	struct seen v = { .sorted = true };
	struct store_state state, again;
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0); /* learns at its end */
	CHECK_EQ(store_words_foreach(s, 1, each_word, &v), 0);
	CHECK(v.sorted && v.boats >= 16);
	CHECK_EQ(store_state(s, 1, &state), 0);
	CHECK_STR(state.embedder, "lsa-2");
	CHECK(state.dim && state.vectors == state.generation && state.words == state.generation);
	CHECK_EQ(learn_collection(s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(store_state(s, 1, &again), 0);
	CHECK_EQ(again.generation, state.generation);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK(index_embedder(x) && index_n(x) == 64);
}

static int count_bare(void *ctx, const struct store_passage *p)
{
	*(size_t *)ctx += p->vector.n == 0;
	return 0;
}

/* A little that is new gets vectors from the embedder that is there; a fifth, a new one. */
static void learns_anew_when_much_has_changed(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(buf) struct buf more = { 0 };
	struct seen v = { .sorted = true };
	struct store_state first, second, third;
	size_t bare = 0;
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(store_state(s, 1, &first), 0);
	CHECK_EQ(teststore_add(s, "more.md", teststore_manual), 0);
	CHECK_EQ(store_state(s, 1, &second), 0);
	CHECK_EQ(second.embedder_generation, first.embedder_generation);
	CHECK(second.vectors == second.generation && second.words == second.generation);
	CHECK_EQ(store_passages(s, 1, count_bare, &bare), 0);
	CHECK_EQ(bare, 0);
	for (unsigned i = 0; i < 20; i++)
		buf_printf(&more, "## Extra %u\n\nThe boat carries bread to the star %u.\n\n", i, i);
	CHECK(!more.failed);
	CHECK_EQ(teststore_add(s, "extra.md", (const char *)more.p), 0);
	CHECK_EQ(store_state(s, 1, &third), 0);
	CHECK(third.embedder_generation > second.embedder_generation);
	CHECK(third.vectors == third.generation && third.words == third.generation);
	CHECK_EQ(store_passages(s, 1, count_bare, &bare), 0);
	CHECK_EQ(bare, 0);
	CHECK_EQ(store_words_foreach(s, 1, each_word, &v), 0);
	CHECK(v.boats >= 36);
}

static bool at_once(void *ctx)
{
	(void)ctx;
	return true;
}

static void can_be_stopped(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(buf) struct buf more = { 0 };
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(store_mark(s, 1, "\na\n", NULL), 0);
	CHECK_EQ(learn_tend(s, STORE_DEFAULT_COLLECTION, at_once, NULL), -ECANCELED);
	CHECK_EQ(learn_tend(s, STORE_DEFAULT_COLLECTION, NULL, NULL), 0);
}

TESTS({ "learns_once", learns_once },
      { "learns_anew_when_much_has_changed", learns_anew_when_much_has_changed },
      { "can_be_stopped", can_be_stopped })
