#include "api/mint.h"

#include <errno.h>

#include "base/test.h"
#include "knowledge/testlib.h"

static const struct bytes nowhere = { NULL, 0 };

struct rig {
	struct env_fake f;
	struct token_key key;
	uint64_t now_s;
};

static void rig_init(struct rig *g)
{
	static const struct token_key key = { "any key will do for these tests" };

	env_fake_init(&g->f, 1);
	g->key = key;
	g->now_s = env_wall(&g->f.env) / US_PER_S;
}

static void all_that_was_ordered_is_in_it(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL;
	AUTO(buf) struct buf text = { 0 };
	AUTO(json) json_t *config = json_pack("{s:s}", "instructions", "Be kind.");
	struct mint_order o = { .config = config, .dialect = DIALECT_BETA, .kind = SESSION_TRANSCRIPTION,
				.life_s = 10, .max_sessions = 2, .max_duration_s = 90,
				.origin = "https://app.example" };
	struct minted m, again;
	struct claims c, other;
	struct rig g;

	rig_init(&g);
	CHECK_EQ(lib, 0);
	CHECK(config);
	CHECK_EQ(secrets_new(&s, d.path), 0);
	CHECK_EQ(token_mint(s, &g.key, &g.f.env, &o, &m), 0);
	CHECK_EQ(m.expires_at, g.now_s + 10);
	CHECK_EQ(token_read(&g.key, bytes_str(m.value), bytes_str(o.origin), g.now_s + 9, &c), TOKEN_OK);
	CHECK_EQ(token_read(&g.key, bytes_str(m.value), nowhere, g.now_s, &c), TOKEN_ORIGIN);
	CHECK_EQ(token_read(&g.key, bytes_str(m.value), bytes_str(o.origin), g.now_s + 10, &c), TOKEN_EXPIRED);
	CHECK(c.expires_at == m.expires_at && c.dialect == DIALECT_BETA && c.kind == SESSION_TRANSCRIPTION);
	CHECK(c.max_sessions == 2 && c.max_duration_s == 90);
	CHECK_EQ(secrets_find(s, c.config, &text), 0);
	CHECK_STR((const char *)text.p, "{\"instructions\":\"Be kind.\"}");

	CHECK_EQ(token_mint(s, &g.key, &g.f.env, &o, &again), 0);
	CHECK_EQ(token_read(&g.key, bytes_str(again.value), bytes_str(o.origin), g.now_s, &other), TOKEN_OK);
	CHECK(memcmp(c.id, other.id, sizeof(c.id)) != 0); /* each is counted by itself */
	CHECK(memcmp(c.config, other.config, sizeof(c.config)) == 0);
}

static void bound_to_a_collection_and_groups(void)
{
	static const struct {
		const char *collection, *groups, *text;
	} rows[] = {
		{ "work", "\nhr\n", "{\"access\":{\"collection\":\"work\",\"groups\":\"\\nhr\\n\"}}" },
		{ "work", NULL, "{\"access\":{\"collection\":\"work\",\"groups\":\"\"}}" },
		{ NULL, "", "{\"access\":{\"groups\":\"\"}}" },
	};
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL;
	struct minted m;
	struct claims c;
	struct rig g;

	rig_init(&g);
	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&s, d.path), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf text = { 0 };
		struct mint_order o = { .life_s = MINT_LIFE_S, .kind = SESSION_TRANSCRIPTION, .dialect = DIALECT_VOICE_LIVE,
					.collection = rows[i].collection, .groups = rows[i].groups };

		CHECK_EQ(token_mint(s, &g.key, &g.f.env, &o, &m), 0);
		CHECK_EQ(token_read(&g.key, bytes_str(m.value), nowhere, g.now_s, &c), TOKEN_OK);
		CHECK(c.bound && c.kind == SESSION_TRANSCRIPTION && c.dialect == DIALECT_VOICE_LIVE);
		CHECK_EQ(secrets_find(s, c.config, &text), 0);
		CHECK_STR((const char *)text.p, rows[i].text);
	}
}

static void bound_to_nothing_nothing_is_kept(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(secrets) struct secrets *s = NULL;
	AUTO(json) json_t *empty = json_object();
	struct mint_order o = { .config = empty, .life_s = MINT_LIFE_S };
	struct minted m;
	struct claims c;
	struct rig g;
	char path[256];

	rig_init(&g);
	CHECK_EQ(secrets_new(&s, d.path), 0);
	CHECK_EQ(token_mint(s, &g.key, &g.f.env, &o, &m), 0);
	CHECK_EQ(token_read(&g.key, bytes_str(m.value), nowhere, g.now_s, &c), TOKEN_OK);
	CHECK(!c.bound && !token_hash_given(c.config) && !token_hash_given(c.origin));
	snprintf(path, sizeof(path), "%s/tokens.db", d.path);
	CHECK(access(path, F_OK) != 0);
}

static void what_cannot_be_minted(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(secrets) struct secrets *s = NULL;
	AUTO(json) json_t *config = json_pack("{s:s}", "instructions", "Be kind.");
	struct mint_order o = { .life_s = MINT_LIFE_S, .origin = "null" };
	struct minted m = { .expires_at = 7 };
	struct rig g;

	rig_init(&g);
	CHECK_EQ(lib, 0);
	CHECK_EQ(secrets_new(&s, "/nowhere/at/all"), 0);
	CHECK_EQ(token_mint(s, &g.key, &g.f.env, &o, &m), -EINVAL);
	o = (struct mint_order){ .config = config, .life_s = MINT_LIFE_S };
	CHECK(token_mint(s, &g.key, &g.f.env, &o, &m) < 0);
	CHECK(strstr(secrets_why(s), "/nowhere/at/all"));
	CHECK_EQ(m.expires_at, 7);
}

static void kinds_of_session(void)
{
	static const struct {
		const char *json;
		bool good;
		enum session_kind kind;
	} rows[] = {
		{ "{}", true, SESSION_REALTIME },
		{ "{\"type\":\"realtime\"}", true, SESSION_REALTIME },
		{ "{\"type\":\"transcription\"}", true, SESSION_TRANSCRIPTION },
		{ "{\"type\":\"translation\"}", false, SESSION_REALTIME },
		{ "{\"type\":7}", false, SESSION_REALTIME },
		{ "{\"type\":null}", false, SESSION_REALTIME },
	};
	enum session_kind k;
	char why[160];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(json) json_t *v = json_parse(bytes_str(rows[i].json), why);

		CHECK(v);
		CHECK_EQ(mint_kind(v, &k), rows[i].good);
		CHECK(!rows[i].good || k == rows[i].kind);
	}
	CHECK(mint_kind(NULL, &k) && k == SESSION_REALTIME);
}

TESTS({ "all_that_was_ordered_is_in_it", all_that_was_ordered_is_in_it },
      { "bound_to_a_collection_and_groups", bound_to_a_collection_and_groups },
      { "bound_to_nothing_nothing_is_kept", bound_to_nothing_nothing_is_kept },
      { "what_cannot_be_minted", what_cannot_be_minted },
      { "kinds_of_session", kinds_of_session })
