/* The answers' parser, names and octets; the rest is test/server/embedder.test.mjs. */
#include "knowledge/embed_remote.h"

#include <errno.h>

#include "base/test.h"

static void reads_answers(void)
{
	static const char *const good[] = {
		"{\"data\":[{\"index\":1,\"embedding\":[0,1]},{\"index\":0,\"embedding\":[1,-2.5]}]}",
		"{\"object\":\"list\",\"data\":[{\"embedding\":\"AACAPwAAIMA=\"},{\"embedding\":\"AAAAAAAAgD8=\"}]}",
	};
	float v[2 * 16];
	char why[EMBED_WHY];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		unsigned width = 0;

		CHECK_EQ(embed_remote_parse(bytes_str(good[i]), 2, 16, &width, v, why), 0);
		CHECK_EQ(width, 2);
		CHECK(v[0] == 1 && v[1] == -2.5f && v[16] == 0 && v[17] == 1);
	}
}

static void refuses_senseless_answers(void)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"data\":{}}", "{\"data\":[]}", "{\"data\":[{\"embedding\":[1,2]}]}",
		"{\"data\":[{\"embedding\":[1,2,3]},{\"embedding\":[1,2,3]}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1,\"2\"]}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":null}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[NaN,1]}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1e39,1]}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":\"AADAfwAAgD8=\"}]}",
		"{\"data\":[{\"embedding\":[1,2]},{\"embedding\":\"AAA\"}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[1,2]}]}",
		"{\"data\":[{\"index\":5,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[1,2]}]}",
	};
	float v[2 * 16];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char why[EMBED_WHY] = "";
		unsigned width = 2;
		int r = embed_remote_parse(bytes_str(bad[i]), 2, 16, &width, v, why);

		CHECK_EQ(r, -EBADMSG);
		CHECK(why[0]);
	}
}

static void names_and_octets(void)
{
	AUTO(buf) struct buf b = { 0 };
	AUTO(embedder) struct embedder *e = NULL;
	const struct embed_remote_params p = { "https://example.org/v1", "small", 0 };
	char name[EMBED_NAME_MAX], other[EMBED_NAME_MAX];
	static const uint8_t head[] = { 'v', 'r', 'm', '1', 20, 0, 0, 0, 0, 0, 0, 0 };

	embed_remote_name(&p, name);
	embed_remote_name(&(struct embed_remote_params){ p.url, p.model, 256 }, other);
	CHECK(strncmp(name, "remote-small-", 13) == 0 && strcmp(name, other) != 0);
	buf_put(&b, head, sizeof(head));
	buf_put(&b, "https://example.org/v1\0small", 28);
	CHECK(!b.failed);
	CHECK_EQ(embedder_load(&e, buf_bytes(&b)), 0);
	CHECK_STR(embedder_name(e), name);
	CHECK(embedder_width(e) == 20 && embedder_dim(e) == 32 && embedder_kind(e) == EMBED_REMOTE);
	for (size_t n = 0; n < 35; n++) {
		struct embedder *broken = NULL;
		int r = embedder_load(&broken, bytes_of(b.p, n));

		embedder_free(r == 0 ? broken : NULL);
		CHECK(r == -EBADMSG || r == -ENOMEM);
	}
}

static void checks_urls(void)
{
	CHECK(!embed_remote_check_url("https://api.openai.com/v1"));
	CHECK(!embed_remote_check_url("http://127.0.0.1:8080/v1/embeddings"));
	CHECK(!embed_remote_check_url("https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21"));
	CHECK(embed_remote_check_url("ftp://x/"));
	CHECK(embed_remote_check_url("https://"));
	CHECK(embed_remote_check_url("https://user:secret@x/v1"));
	CHECK(embed_remote_check_url("https://x/a b"));
}

TESTS({ "reads_answers", reads_answers }, { "refuses_senseless_answers", refuses_senseless_answers },
      { "names_and_octets", names_and_octets }, { "checks_urls", checks_urls })
