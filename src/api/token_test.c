#include "api/token.h"

#include <errno.h>

#include "base/test.h"

enum { NOW = 1767225600 };

static const struct claims all_of_it = {
	.expires_at = NOW + 600,
	.id = "0123456789abcdef",
	.dialect = DIALECT_BETA,
	.kind = SESSION_TRANSCRIPTION,
	.config = "configconfigconf",
	.max_sessions = 3,
	.max_duration_s = 120,
};

static const struct bytes nowhere = { NULL, 0 };

static bool same(const struct claims *a, const struct claims *b)
{
	return a->expires_at == b->expires_at && memcmp(a->id, b->id, TOKEN_ID_LEN) == 0 &&
	       a->dialect == b->dialect && a->kind == b->kind &&
	       memcmp(a->config, b->config, TOKEN_HASH_LEN) == 0 &&
	       memcmp(a->origin, b->origin, TOKEN_HASH_LEN) == 0 &&
	       a->max_sessions == b->max_sessions && a->max_duration_s == b->max_duration_s;
}

static void what_is_written_is_read(void)
{
	struct token_key k;
	struct claims back = { 0 };
	char text[TOKEN_LEN + 1];

	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_write(&k, &all_of_it, text), 0);
	CHECK_EQ(strlen(text), TOKEN_LEN);
	CHECK(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == TOKEN_LEN);
	CHECK(token_claimed(bytes_str(text)));
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW, &back), TOKEN_OK);
	CHECK(same(&back, &all_of_it));
	CHECK_EQ(token_read(&k, bytes_str(text), bytes_str("https://any.example"), NOW, &back), TOKEN_OK);
}

/* Fixed for ever: tokens outlive the process that made them. */
static void version_1_stays_as_it_is(void)
{
	static const char text[] =
		"ek_ARECAwQFBgcAAAAAaVW5ADAxMjM0NTY3ODlhYmNkZWZjb25maWdjb25maWdjb25mAAAAAAAAAAAAAAAAAAAAAAz"
		"y3nYUpr_QiP8dpmUN_Nn1sblq";
	struct token_key k;
	struct claims c = { 0 }, want = all_of_it;

	want.expires_at = NOW;
	want.max_sessions = 0x0203;
	want.max_duration_s = 0x04050607;
	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW - 1, &c), TOKEN_OK);
	CHECK(same(&c, &want));
}

static void nothing_can_be_changed(void)
{
	struct token_key k, other;
	struct claims back, untouched = { .max_sessions = 77 };
	char text[TOKEN_LEN + 1], with_nul[TOKEN_LEN + 3];

	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_key_derive(bytes_str("sesamf"), &other), 0);
	CHECK_EQ(token_write(&k, &all_of_it, text), 0);
	back = untouched;
	CHECK_EQ(token_read(&other, bytes_str(text), nowhere, NOW, &back), TOKEN_FORGED);
	for (size_t i = 0; i < TOKEN_LEN; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW, &back),
			 i < 3 ? TOKEN_MALFORMED : TOKEN_FORGED);
		for (const char *c = "+/=. \n\x80"; *c; c++) {
			text[i] = *c;
			CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW, &back), TOKEN_MALFORMED);
		}
		text[i] = was;
		CHECK_EQ(token_read(&k, bytes_of(text, i), nowhere, NOW, &back), TOKEN_MALFORMED);
	}
	snprintf(with_nul, sizeof(with_nul), "%sA", text);
	CHECK_EQ(token_read(&k, bytes_of(with_nul, TOKEN_LEN + 1), nowhere, NOW, &back), TOKEN_MALFORMED);
	CHECK_EQ(token_read(&k, nowhere, nowhere, NOW, &back), TOKEN_MALFORMED);
	CHECK(same(&back, &untouched));
}

static void it_lapses(void)
{
	struct token_key k;
	struct claims back;
	char text[TOKEN_LEN + 1];

	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_write(&k, &all_of_it, text), 0);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW + 599, &back), TOKEN_OK);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW + 600, &back), TOKEN_EXPIRED);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, UINT64_MAX, &back), TOKEN_EXPIRED);
}

static void one_origin_alone(void)
{
	static const struct {
		const char *origin;
		enum token_verdict want;
	} rows[] = {
		{ "https://app.example", TOKEN_OK },
		{ "https://APP.example/", TOKEN_OK },
		{ "http://app.example", TOKEN_ORIGIN },
		{ "https://app.example:8443", TOKEN_ORIGIN },
		{ "https://app.example.evil", TOKEN_ORIGIN },
		{ "null", TOKEN_ORIGIN },
		{ "", TOKEN_ORIGIN },
		{ NULL, TOKEN_ORIGIN },
	};
	struct token_key k;
	struct claims c = all_of_it, back;
	char text[TOKEN_LEN + 1];

	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	CHECK_EQ(token_origin(bytes_str("https://app.example"), c.origin), 0);
	CHECK_EQ(token_write(&k, &c, text), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(token_read(&k, bytes_str(text), bytes_str(rows[i].origin), NOW, &back), rows[i].want);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW + 600, &back), TOKEN_EXPIRED);
}

static void what_is_an_origin(void)
{
	static const char *const good[] = { "https://a", "http://localhost:3000", "http://[::1]:80", "https://a.b/",
					    "app://x" };
	static const char *const bad[] = { "", "/", "null", "*", "a.b", "https:", "https://", "https:///", "://a",
					   "https://a/b", "https://a//", "https://a?x", "https://u@a", "https://a b",
					   "https://*.a", "http://a,http://b" };
	uint8_t hash[TOKEN_HASH_LEN];
	char longer[TOKEN_ORIGIN_MAX + 2] = "https://";

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_EQ(token_origin(bytes_str(good[i]), hash), 0);
		CHECK(token_hash_given(hash));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(token_origin(bytes_str(bad[i]), hash), -EINVAL);
	memset(longer + 8, 'a', TOKEN_ORIGIN_MAX - 8);
	CHECK_EQ(token_origin(bytes_of(longer, TOKEN_ORIGIN_MAX), hash), 0);
	longer[TOKEN_ORIGIN_MAX] = 'a';
	CHECK_EQ(token_origin(bytes_str(longer), hash), -EINVAL);
}

/* A signature alone does not make claims that we understand. */
static void a_later_version_is_not_guessed_at(void)
{
	struct token_key k;
	struct claims c = all_of_it, back;
	char text[TOKEN_LEN + 1];

	CHECK_EQ(token_key_derive(bytes_str("sesame"), &k), 0);
	c.dialect = N_DIALECTS;
	CHECK_EQ(token_write(&k, &c, text), 0);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW, &back), TOKEN_MALFORMED);
	c = all_of_it;
	c.kind = SESSION_TRANSCRIPTION + 1;
	CHECK_EQ(token_write(&k, &c, text), 0);
	CHECK_EQ(token_read(&k, bytes_str(text), nowhere, NOW, &back), TOKEN_MALFORMED);
}

TESTS({ "what_is_written_is_read", what_is_written_is_read },
      { "version_1_stays_as_it_is", version_1_stays_as_it_is },
      { "nothing_can_be_changed", nothing_can_be_changed },
      { "it_lapses", it_lapses },
      { "one_origin_alone", one_origin_alone },
      { "what_is_an_origin", what_is_an_origin },
      { "a_later_version_is_not_guessed_at", a_later_version_is_not_guessed_at })
