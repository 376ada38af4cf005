#include "api/auth.h"
#include "base/test.h"

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

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, bytes_str("sesame"));
	auth_init(&open, &f.env, (struct bytes){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth_evidence e = {
			.authorization = bytes_str(rows[i].authorization),
			.api_key = bytes_str(rows[i].api_key),
			.subprotocols = bytes_str(rows[i].subprotocols),
			.query_api_key = bytes_str(rows[i].q_key),
			.query_authorization = bytes_str(rows[i].q_auth),
		};
		CHECK_EQ(auth_check(&a, &e), rows[i].want);
		CHECK_EQ(auth_check(&open, &e), AUTH_OK);
	}
}

static void the_code_works_once_and_its_cookie_lapses(void)
{
	struct env_fake f;
	struct auth a, other;
	char set[AUTH_COOKIE_MAX], cookie[AUTH_COOKIE_MAX + 16];

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, bytes_str("sesame"));
	auth_init(&other, &f.env, bytes_str("another"));
	CHECK(!auth_spend_code(&a, bytes_str("guess")));
	CHECK(auth_spend_code(&a, bytes_str(a.code)));
	CHECK(!auth_spend_code(&a, bytes_str(a.code)));

	CHECK_EQ(auth_cookie(&a, AUTH_TLS, set), 0);
	CHECK(strstr(set, "; HttpOnly; SameSite=Strict; Secure"));
	snprintf(cookie, sizeof(cookie), "theme=dark; %.*s", (int)strcspn(set, ";"), set);
	struct auth_evidence e = { .cookie = bytes_str(cookie) };
	CHECK_EQ(auth_check(&a, &e), AUTH_OK);
	CHECK_EQ(auth_check(&other, &e), AUTH_MISSING);
	cookie[strlen(cookie) - 1] ^= 1;
	CHECK_EQ(auth_check(&a, &e), AUTH_MISSING);
	cookie[strlen(cookie) - 1] ^= 1;
	env_fake_advance(&f, ((uint64_t)AUTH_COOKIE_S + 1) * US_PER_S);
	CHECK_EQ(auth_check(&a, &e), AUTH_MISSING);
}

TESTS({ "every_carrier", every_carrier },
      { "the_code_works_once_and_its_cookie_lapses", the_code_works_once_and_its_cookie_lapses })
