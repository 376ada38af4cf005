#include <errno.h>

#include "knowledge/embed.h"
#include "knowledge/embed_lsa.h"
#include "knowledge/query.h"
#include "knowledge/teststore.h"

static bool embed_words(const struct embedder *e, const char *a, const char *b, int8_t *out)
{
	struct embed_sum sum = { { 0 } };

	return embed_add(e, &sum, a, 1) && embed_add(e, &sum, b, 1) && embed_finish(e, &sum, out);
}

static void learns_what_goes_together(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(embedder) struct embedder *e = NULL;
	AUTO(embedder) struct embedder *again = NULL;
	AUTO(buf) struct buf b = { 0 };
	int8_t sea[EMBED_DIM_MAX], boat[EMBED_DIM_MAX], sky[EMBED_DIM_MAX];
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(embedder_learn(&e, s, 1), 0);
	CHECK(e && embedder_dim(e) >= EMBED_BLOCK);
	CHECK(embed_words(e, "boat", "harbour", boat));
	CHECK(embed_words(e, "anchor", "sail", sea));
	CHECK(embed_words(e, "star", "telescop", sky));
	CHECK(embed_cosine(boat, sea, embedder_dim(e)) > embed_cosine(boat, sky, embedder_dim(e)) + 0.2f);

	embedder_save(e, &b);
	CHECK(!b.failed);
	CHECK_EQ(embedder_load(&again, buf_bytes(&b)), 0);
	CHECK_EQ(embedder_dim(again), embedder_dim(e));
	CHECK(embed_words(again, "boat", "harbour", sea) && memcmp(sea, boat, embedder_dim(e)) == 0);
	CHECK_EQ(lsa_origin(again).passages, 64);
	CHECK_STR(embedder_name(again), LSA_NAME);
}

/* The same vector whether a passage comes from the index or as a text; a question near its own. */
static void texts_and_passages_agree(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(index) struct index *x = NULL;
	AUTO(mem) float *v = mem_calloc(EMBED_DIM_MAX, sizeof(*v));
	struct query q;
	int8_t a[EMBED_DIM_MAX], b[EMBED_DIM_MAX];
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	const struct embedder *e = index_embedder(x);
	CHECK(e && v);
	for (size_t i = 0; i < index_n(x); i += 7) {
		const struct index_passage *p = index_passage(x, i);
		struct embed_text t = { p->document->title, p->heading, p->path, p->text };

		CHECK(embed_passage(e, x, i, a));
		CHECK_EQ(embed_texts(e, &t, 1, v, why), 0);
		embed_quantise(v, embedder_dim(e), embedder_gain(e), b);
		CHECK(embed_cosine(a, b, embedder_dim(e)) > 0.98f);
		CHECK(embed_cosine(a, index_vector(x, i), embedder_dim(e)) > 0.98f);
	}
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("where is the harbour?"), &q);
	CHECK(embed_query(e, x, &q, bytes_str("where is the harbour?"), a));
	query_make(&(struct view){ .x = x, .all = true }, bytes_str("zzzz"), &q);
	CHECK(!embed_query(e, x, &q, bytes_str("zzzz"), a) && a[0] == 0);
}

static void too_little_to_learn_from(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(embedder) struct embedder *e = NULL;
	char why[STORE_WHY];

	GIVEN(store_open(&s, dir.path, why) == 0);
	CHECK_EQ(teststore_add(s, "manual.md", teststore_manual), 0);
	CHECK_EQ(embedder_learn(&e, s, 1), -ENODATA);
}

static void vectors(void)
{
	float v[16] = { 3, 4 };
	int8_t a[16], b[16];

	CHECK(embed_normalise(v, 16) && v[0] > 0.599f && v[1] < 0.801f);
	embed_quantise(v, 16, 1, a);
	CHECK(a[0] == 76 && a[1] == 102 && a[2] == 0);
	v[0] = -v[0], v[1] = -v[1];
	embed_quantise(v, 16, 1, b);
	CHECK(embed_cosine(a, b, 16) < -0.99f);
	embed_quantise(v, 16, 4, b);
	CHECK(b[0] == -127 && b[1] == -127);
	v[0] = v[1] = 0;
	CHECK(!embed_normalise(v, 16));
	v[0] = 1.0f / v[1];
	CHECK(!embed_normalise(v, 16) && v[0] == 0);
}

static void refuses_broken_models(void)
{
	AUTO(buf) struct buf b = { 0 };
	struct embedder *e = NULL;
	const uint8_t model[] = { 'v', 's', 'a', '2', 16, 0, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0,
				  1, 0, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 0x80, 0x3f,
				  0, 0, 0x80, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	int r = embedder_load(&e, bytes_of(model, sizeof(model)));
	embedder_free(r == 0 ? e : NULL);
	CHECK_EQ(r, 0);
	for (size_t n = 0; n < sizeof(model); n++) {
		buf_reset(&b);
		buf_put(&b, model, n);
		r = embedder_load(&e, bytes_of(b.p ? b.p : model, n));
		CHECK(r == -EBADMSG);
	}
}

TESTS({ "learns_what_goes_together", learns_what_goes_together },
      { "texts_and_passages_agree", texts_and_passages_agree },
      { "too_little_to_learn_from", too_little_to_learn_from },
      { "vectors", vectors },
      { "refuses_broken_models", refuses_broken_models })
