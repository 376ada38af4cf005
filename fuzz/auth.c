/* Evidence of a request, a line for each place; the last line is tried as the one-time code.
 * Nobody comes in who does not show the key or a cookie that was signed with it.
 * Links: api/auth.c libbase. */
#include <stdlib.h>

#include "api/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct token_key no_tokens;

static bool holds(struct bytes b, struct bytes what)
{
	return b.n >= what.n && memmem(b.p, b.n, what.p, what.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct env_fake f;
	struct auth a, open;
	struct bytes line[7] = { 0 }, key = bytes_str("sesame");
	char cookie[AUTH_COOKIE_MAX];
	struct claims token;

	env_fake_init(&f, 1);
	auth_init(&a, &f.env, key, &no_tokens);
	auth_init(&open, &f.env, (struct bytes){ 0 }, &no_tokens);
	if (auth_cookie(&a, AUTH_PLAIN, cookie) != 0)
		abort();
	cookie[strcspn(cookie, ";")] = '\0';

	for (size_t i = 0, at = 0; i <= ARRAY_LEN(line) - 1 && at < n; i++) {
		const uint8_t *end = memchr(p + at, '\n', n - at);

		line[i] = bytes_of(p + at, end ? (size_t)(end - p) - at : n - at);
		at += line[i].n + 1;
	}
	const struct auth_evidence e = { line[0], line[1], line[2], line[3], line[4], line[5] };
	bool shown = holds(line[5], bytes_str(strchr(cookie, '=') + 1));

	for (size_t i = 0; i < 5; i++)
		shown = shown || holds(line[i], key);
	if (auth_check(&a, &e, &token) == AUTH_OK && !shown)
		abort();
	/* Who shows a token is asked for a good one, also where no key is needed. */
	if ((auth_check(&open, &e, &token) != AUTH_OK && !memmem(p, n, "ek_", 3)) ||
	    auth_spend_code(&open, line[6]))
		abort();
	if (auth_spend_code(&a, line[6]) && !bytes_eq(line[6], bytes_str(a.code)))
		abort();
	return 0;
}
