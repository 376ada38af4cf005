#include <errno.h>

#include "knowledge/embed.h"
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

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(teststore_fill(s), 0);
	CHECK_EQ(index_build(&x, s, STORE_DEFAULT_COLLECTION), 0);
	CHECK_EQ(embedder_learn(&e, x), 0);
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
}

static void refuses_broken_models(void)
{
	AUTO(buf) struct buf b = { 0 };
	struct embedder *e = NULL;
	const uint8_t model[] = { 'v', 's', 'a', '1', 16, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0x80, 0x3f,
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
      { "refuses_broken_models", refuses_broken_models })
