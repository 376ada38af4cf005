#include "api/auth.h"
#include "base/test.h"

static const struct token_key no_tokens;

static void every_carrier(void)
{
	static const struct {
		const char *authorization, *api_key, *subprotocols, *q_key, *q_auth;
		enum auth_verdict want;
	} rows[] = {
		{ "Bearer sesame", NULL, NULL, NULL, NULL, AUTH_OK },
		{ "bearer  sesame ", NULL, NULL, NULL, NULL, AUTH_OK },
		{ "Bearer wrong", NULL, NULL, NULL, NULL, AUTH_WRONG },
		{ "Basic sesame", NULL, NULL, NULL, NULL, AUTH_MISSING },
		{ NULL, "sesame", NULL, NULL, NULL, AUTH_OK },
		{ NULL, "sesam", NULL, NULL, NULL, AUTH_WRONG },
		{ NULL, NULL, "realtime, openai-insecure-api-key.sesame", NULL, NULL, AUTH_OK },
		{ NULL, NULL, "openai-insecure-api-key.sesame,realtime", NULL, NULL, AUTH_OK },
		{ NULL, NULL, "realtime,openai-insecure-api-key.nope", NULL, NULL, AUTH_WRONG },
		{ NULL, NULL, "realtime", NULL, NULL, AUTH_MISSING },
		{ NULL, NULL, NULL, "sesame", NULL, AUTH_OK },
		{ NULL, NULL, NULL, NULL, "Bearer sesame", AUTH_OK },
		{ NULL, NULL, NULL, NULL, NULL, AUTH_MISSING },
		{ "Bearer wrong", "sesame", NULL, NULL, NULL, AUTH_WRONG }, /* the first decides */
	};
	struct env_fake f;
	struct auth a, open;

	struct claims token;

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, bytes_str("sesame"), &no_tokens);
	auth_init(&open, &f.env, (struct bytes){ 0 }, &no_tokens);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth_evidence e = {
			.authorization = bytes_str(rows[i].authorization),
			.api_key = bytes_str(rows[i].api_key),
			.subprotocols = bytes_str(rows[i].subprotocols),
			.query_api_key = bytes_str(rows[i].q_key),
			.query_authorization = bytes_str(rows[i].q_auth),
		};
		CHECK_EQ(auth_check(&a, &e, &token), rows[i].want);
		CHECK_EQ(auth_check(&open, &e, &token), AUTH_OK);
	}
}

static void the_code_works_once_and_its_cookie_lapses(void)
{
	struct env_fake f;
	struct auth a, other;
	struct claims token;
	char set[AUTH_COOKIE_MAX], cookie[AUTH_COOKIE_MAX + 16];

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, bytes_str("sesame"), &no_tokens);
	auth_init(&other, &f.env, bytes_str("another"), &no_tokens);
	CHECK(!auth_spend_code(&a, bytes_str("guess")));
	CHECK(auth_spend_code(&a, bytes_str(a.code)));
	CHECK(!auth_spend_code(&a, bytes_str(a.code)));

	CHECK_EQ(auth_cookie(&a, AUTH_TLS, set), 0);
	CHECK(strstr(set, "; HttpOnly; SameSite=Strict; Secure"));
	snprintf(cookie, sizeof(cookie), "theme=dark; %.*s", (int)strcspn(set, ";"), set);
	struct auth_evidence e = { .cookie = bytes_str(cookie) };
	CHECK_EQ(auth_check(&a, &e, &token), AUTH_OK);
	CHECK_EQ(auth_check(&other, &e, &token), AUTH_MISSING);
	cookie[strlen(cookie) - 1] ^= 1;
	CHECK_EQ(auth_check(&a, &e, &token), AUTH_MISSING);
	cookie[strlen(cookie) - 1] ^= 1;
	env_fake_advance(&f, ((uint64_t)AUTH_COOKIE_S + 1) * US_PER_S);
	CHECK_EQ(auth_check(&a, &e, &token), AUTH_MISSING);
}

/* A token wherever the key may stand, and on an open server, too. */
static void tokens_in_place_of_the_key(void)
{
	static const char app[] = "https://app.example";
	struct env_fake f;
	struct auth a, open;
	struct token_key k, other;
	struct claims c = { .max_sessions = 2, .kind = SESSION_TRANSCRIPTION }, got = { 0 };
	char ek[TOKEN_LEN + 1], forged[TOKEN_LEN + 1], text[TOKEN_LEN + 64];

	env_fake_init(&f, 1);
	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_key_derive(bytes_str("another"), &other), 0);
	auth_init(&a, &f.env, bytes_str("sesame"), &k);
	auth_init(&open, &f.env, (struct bytes){ 0 }, &k);
	c.expires_at = env_wall(&f.env) / US_PER_S + 600;
	CHECK_EQ(token_write(&k, &c, ek), 0);
	CHECK_EQ(token_write(&other, &c, forged), 0);

	struct auth_evidence e = { .api_key = bytes_str(ek) };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN);
	CHECK(got.max_sessions == 2 && got.kind == SESSION_TRANSCRIPTION);
	CHECK_EQ(auth_check(&open, &e, &got), AUTH_TOKEN);
	snprintf(text, sizeof(text), "realtime, openai-insecure-api-key.%s, openai-agents-sdk.0.20.0", ek);
	e = (struct auth_evidence){ .subprotocols = bytes_str(text) };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN);
	e = (struct auth_evidence){ .query_api_key = bytes_str(ek) };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN);
	snprintf(text, sizeof(text), "Bearer %s", ek);
	e = (struct auth_evidence){ .query_authorization = bytes_str(text) };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN);
	e = (struct auth_evidence){ .authorization = bytes_str(text), .api_key = bytes_str("sesame") };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN); /* the first decides */

	e = (struct auth_evidence){ .api_key = bytes_str(forged) };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_WRONG);
	CHECK_EQ(auth_check(&open, &e, &got), AUTH_WRONG);
	e.api_key = bytes_str("ek_");
	CHECK_EQ(auth_check(&open, &e, &got), AUTH_WRONG);
	e.api_key = bytes_str("sk-anything");
	CHECK_EQ(auth_check(&open, &e, &got), AUTH_OK);

	CHECK_EQ(token_origin(bytes_str(app), c.origin), 0);
	CHECK_EQ(token_write(&k, &c, ek), 0);
	e.api_key = bytes_str(ek);
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_ORIGIN);
	e.origin = bytes_str(app);
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_TOKEN);
	env_fake_advance(&f, 600ull * US_PER_S);
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_EXPIRED);
	CHECK_EQ(auth_check(&open, &e, &got), AUTH_EXPIRED);
}

static void a_key_that_looks_like_a_token_is_a_key(void)
{
	struct env_fake f;
	struct auth a;
	struct claims got;

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, bytes_str("ek_mine"), &no_tokens);
	struct auth_evidence e = { .api_key = bytes_str("ek_mine") };
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_OK);
	e.api_key = bytes_str("ek_minf");
	CHECK_EQ(auth_check(&a, &e, &got), AUTH_WRONG);
}

TESTS({ "every_carrier", every_carrier },
      { "the_code_works_once_and_its_cookie_lapses", the_code_works_once_and_its_cookie_lapses },
      { "tokens_in_place_of_the_key", tokens_in_place_of_the_key },
      { "a_key_that_looks_like_a_token_is_a_key", a_key_that_looks_like_a_token_is_a_key })
