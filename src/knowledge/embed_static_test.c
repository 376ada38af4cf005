/* MODELS is test/models. */
#include "knowledge/embed_static.h"

#include <errno.h>

#include "base/test.h"

static bool vector_of(const struct embedder *e, const char *text, int8_t *out)
{
	AUTO(mem) float *v = mem_calloc(EMBED_DIM_MAX, sizeof(*v));
	struct embed_text t = { .text = bytes_str(text) };
	char why[EMBED_WHY];

	if (!v || embed_texts(e, &t, 1, v, why) != 0)
		return false;
	embed_quantise(v, embedder_dim(e), embedder_gain(e), out);
	return true;
}

static void check_model(const char *name)
{
	AUTO(embedder) struct embedder *e = NULL;
	AUTO(embedder) struct embedder *again = NULL;
	AUTO(buf) struct buf b = { 0 };
	int8_t boat[EMBED_DIM_MAX], sea[EMBED_DIM_MAX], sky[EMBED_DIM_MAX];
	char path[512], why[EMBED_WHY] = "";

	snprintf(path, sizeof(path), "%s/%s", MODELS, name);
	CHECK_EQ(embed_static_open(&e, path, why), 0);
	CHECK_EQ(embedder_width(e), 20);
	CHECK_EQ(embedder_dim(e), 32);
	CHECK(vector_of(e, "the boat and the sail", boat));
	CHECK(vector_of(e, "a harbour, an anchor", sea));
	CHECK(vector_of(e, "the telescope and the galaxy", sky));
	CHECK(boat[20] == 0 && boat[31] == 0);
	CHECK(embed_cosine(boat, boat, 32) > 0.95f);
	CHECK(embed_cosine(boat, sea, 32) > embed_cosine(boat, sky, 32) + 0.1f);
	CHECK(vector_of(e, "", sky) && sky[0] == 0 && sky[1] == 0);

	embedder_save(e, &b);
	CHECK(!b.failed);
	int r = embedder_load(&again, buf_bytes(&b));
	embed_static_forget();
	CHECK_EQ(r, 0);
	CHECK_STR(embedder_name(again), embedder_name(e));
	CHECK(vector_of(again, "the boat and the sail", sea) && memcmp(boat, sea, 32) == 0);
	b.p[b.n - 1] ^= 1; /* of another name */
	embedder_free(again);
	again = NULL;
	CHECK_EQ(embedder_load(&again, buf_bytes(&b)), -EBADMSG);
}

static void wordpiece(void)
{
	check_model("wordpiece");
}

static void unigram(void)
{
	check_model("unigram");
}

static void bpe(void)
{
	check_model("bpe");
}

static void says_what_is_wrong(void)
{
	struct embedder *e = NULL;
	char why[EMBED_WHY] = "";

	CHECK_EQ(embed_static_open(&e, MODELS "/nowhere", why), -ENOENT);
	CHECK(strstr(why, "nowhere"));
	CHECK_EQ(embed_static_open(&e, MODELS, why), -ENOENT);
	CHECK(strstr(why, "model.safetensors"));
}

TESTS({ "wordpiece", wordpiece }, { "unigram", unigram }, { "bpe", bpe },
      { "says_what_is_wrong", says_what_is_wrong })
