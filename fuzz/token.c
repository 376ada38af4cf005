/* A key from a stranger, as a client secret. The first octet: 0 and it is read as it came; else
 * its octets are claims that we sign ourselves, to get behind the signature, and change after.
 * Whatever is accepted must be what is written again. Sources: src/api/token.c and libbase. */
#include <assert.h>
#include <stdlib.h>

#include "api/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct token_key key = { "a key of thirty-two octets, here" };

/* Claims out of the input, as far as it goes. */
static struct claims invent(struct bytes in)
{
	struct claims c = { .expires_at = 1 };
	uint8_t t[48] = { 0 };

	if (in.n)
		memcpy(t, in.p, MIN(in.n, sizeof(t)));
	c.dialect = t[0] & 15;
	c.kind = t[1] & 7;
	c.bound = t[1] & 8;
	c.max_sessions = be16(t + 2);
	c.max_duration_s = be32(t + 4);
	c.expires_at = be64(t + 8);
	memcpy(c.id, t + 16, TOKEN_ID_LEN);
	memcpy(c.config, t + 32, TOKEN_HASH_LEN);
	return c;
}

static void look(struct bytes text, struct bytes origin, uint64_t now_s)
{
	struct claims c;
	char again[TOKEN_LEN + 1];

	if (token_read(&key, text, origin, now_s, &c) != TOKEN_OK)
		return;
	assert(c.expires_at > now_s && c.dialect < N_DIALECTS && c.kind <= SESSION_TRANSCRIPTION);
	if (token_write(&key, &c, again) != 0)
		abort();
	assert(bytes_is(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char text[TOKEN_LEN + 1];

	if (n < 1)
		return 0;
	struct bytes in = bytes_of(p + 1, n - 1);
	struct claims c = invent(in);

	if (p[0] == 0) {
		look(in, (struct bytes){ 0 }, 0);
		return 0;
	}
	(void)token_claimed(in);
	bool has_origin = token_origin(in, c.origin) == 0;
	if (!has_origin)
		memset(c.origin, 0, sizeof(c.origin));
	if (token_write(&key, &c, text) != 0)
		abort();
	look(bytes_str(text), in, c.expires_at - 1);
	look(bytes_str(text), (struct bytes){ 0 }, 0);
	/* One character of ours changed is not ours. */
	char *at = &text[p[0] % TOKEN_LEN], was = *at;
	*at = (char)(n > 1 ? p[n - 1] : 'x');
	struct claims got;
	assert(*at == was || token_read(&key, bytes_of(text, TOKEN_LEN), in, 0, &got) != TOKEN_OK);
	return 0;
}
