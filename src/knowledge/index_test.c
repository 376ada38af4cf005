#include "knowledge/index.h"
#include "knowledge/teststore.h"

static void holds_a_collection(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "dir/manual.md", teststore_manual), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(index_n_documents(x), 1);
	CHECK_EQ(index_n(x), 4);
	CHECK_STR(index_document(x, 0)->name, "manual.md");
	CHECK_STR(index_passage(x, 1)->path, "Handbook > Holidays");

	int32_t t = index_find_term(x, "employe", 7);
	CHECK(t >= 0);
	CHECK_EQ(index_df(x, t), 1);
	CHECK(index_has(x, (size_t)t, 1) && !index_has(x, (size_t)t, 2));
	CHECK(index_idf(x, -1) > index_idf(x, t));
	int32_t head = index_find_term(x, "travel", 6);
	CHECK(head >= 0 && index_has(x, (size_t)head, 2));
	/* "the" is counted as a word, not as a term */
	int32_t the = index_find_surface(x, "the", 3);
	CHECK(the >= 0 && index_surface_term(x, (size_t)the) == -1);
	CHECK(index_surface_count(x, (size_t)the) >= 2);
	struct index_tokens k = index_tokens(x, 1);
	CHECK(k.n > k.n_heading && k.surface[k.n - 1] == INDEX_SENTENCE);
}

static void joins_words(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_add(s, "a.md", "# A\n\nThe database.\n\n# B\n\nThe data base.\n"), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	int32_t t = index_find_term(x, "databas", 7);
	CHECK(t >= 0 && index_has(x, (size_t)t, 0) && index_has(x, (size_t)t, 1));
}

TESTS({ "holds_a_collection", holds_a_collection }, { "joins_words", joins_words })
