#include "api/token.h"

#include <errno.h>

#include "base/b64.h"
#include "base/crypto.h"

enum {
	VERSION_1 = 1,
	AT_KINDS = 1,
	BOUND = 8, /* of the kinds */
	AT_SESSIONS = 2,
	AT_DURATION = 4,
	AT_EXPIRES = 8,
	AT_ID = 16,
	AT_CONFIG = 32,
	AT_ORIGIN = 48,
	AT_MAC = 64,
	MAC_LEN = 20, /* of 32: RFC 2104, section 5 wants half at least */
	OCTETS = AT_MAC + MAC_LEN,
	PREFIX = 3,
	DIGITS = OCTETS / 3 * 4,
};

_Static_assert(OCTETS % 3 == 0, "base64url needs no padding");
_Static_assert(PREFIX + DIGITS == TOKEN_LEN && TOKEN_LEN <= 200, "as promised");

int token_key_derive(struct bytes secret, struct token_key *out)
{
	/* One secret, several uses: each signs with a key of its own (RFC 5869 in its
	 * simplest form: the secret is the key, the purpose is the message). */
	return hmac_sha256(secret, bytes_str("voiced client secrets, version 1"), out->k);
}

static int sign(const struct token_key *k, const uint8_t claims[static AT_MAC],
		uint8_t mac[static SHA256_LEN])
{
	return hmac_sha256(bytes_of(k->k, sizeof(k->k)), bytes_of(claims, AT_MAC), mac);
}

/* --- base64url ------------------------------------------------------------------------------- */

static void swap(char *s, size_t n, const char *from, const char *to)
{
	for (size_t i = 0; i < n; i++)
		s[i] = s[i] == from[0] ? to[0] : s[i] == from[1] ? to[1] : s[i];
}

static bool decode(struct bytes text, uint8_t to[static OCTETS])
{
	char digits[DIGITS];

	if (text.n != TOKEN_LEN || !token_claimed(text))
		return false;
	memcpy(digits, text.p + PREFIX, DIGITS);
	if (memchr(digits, '+', DIGITS) || memchr(digits, '/', DIGITS))
		return false; /* one way of writing each token */
	swap(digits, DIGITS, "-_", "+/");
	/* '=' at the end would make it shorter. */
	return b64_decode(digits, DIGITS, to) == OCTETS;
}

/* --- claims ---------------------------------------------------------------------------------- */

int token_write(const struct token_key *k, const struct claims *c, char to[static TOKEN_LEN + 1])
{
	uint8_t t[OCTETS] = { VERSION_1, (uint8_t)(c->dialect << 4 | (c->bound ? BOUND : 0) | c->kind) };
	uint8_t mac[SHA256_LEN];

	put_be16(t + AT_SESSIONS, c->max_sessions);
	put_be32(t + AT_DURATION, c->max_duration_s);
	put_be64(t + AT_EXPIRES, c->expires_at);
	memcpy(t + AT_ID, c->id, TOKEN_ID_LEN);
	memcpy(t + AT_CONFIG, c->config, TOKEN_HASH_LEN);
	memcpy(t + AT_ORIGIN, c->origin, TOKEN_HASH_LEN);
	if (sign(k, t, mac) != 0)
		return -ENOMEM;
	memcpy(t + AT_MAC, mac, MAC_LEN);

	memcpy(to, "ek_", PREFIX);
	b64_encode(t, OCTETS, to + PREFIX);
	swap(to + PREFIX, DIGITS, "+/", "-_");
	to[TOKEN_LEN] = 0;
	return 0;
}

static enum token_verdict check_origin(const struct claims *c, struct bytes origin)
{
	uint8_t here[TOKEN_HASH_LEN];

	if (!token_hash_given(c->origin))
		return TOKEN_OK;
	int r = token_origin(origin, here);
	if (r == -ENOMEM)
		return TOKEN_NO_MEMORY;
	return r == 0 && memcmp(here, c->origin, sizeof(here)) == 0 ? TOKEN_OK : TOKEN_ORIGIN;
}

enum token_verdict token_read(const struct token_key *k, struct bytes text, struct bytes origin,
			      uint64_t now_s, struct claims *out)
{
	uint8_t t[OCTETS], mac[SHA256_LEN];

	if (!decode(text, t))
		return TOKEN_MALFORMED;
	if (sign(k, t, mac) != 0)
		return TOKEN_NO_MEMORY;
	if (!equal_secret(bytes_of(mac, MAC_LEN), bytes_of(t + AT_MAC, MAC_LEN)))
		return TOKEN_FORGED;
	/* Ours from here on; maybe of a later version of ours. */
	struct claims c = {
		.expires_at = be64(t + AT_EXPIRES),
		.dialect = t[AT_KINDS] >> 4,
		.kind = t[AT_KINDS] & (BOUND - 1),
		.bound = t[AT_KINDS] & BOUND,
		.max_sessions = be16(t + AT_SESSIONS),
		.max_duration_s = be32(t + AT_DURATION),
	};
	if (t[0] != VERSION_1 || c.dialect >= N_DIALECTS || c.kind > SESSION_TRANSCRIPTION)
		return TOKEN_MALFORMED;
	memcpy(c.id, t + AT_ID, TOKEN_ID_LEN);
	memcpy(c.config, t + AT_CONFIG, TOKEN_HASH_LEN);
	memcpy(c.origin, t + AT_ORIGIN, TOKEN_HASH_LEN);
	if (c.expires_at <= now_s)
		return TOKEN_EXPIRED;
	enum token_verdict v = check_origin(&c, origin);
	if (v == TOKEN_OK)
		*out = c;
	return v;
}

/* --- hashes ---------------------------------------------------------------------------------- */

int token_hash(struct bytes data, uint8_t to[static TOKEN_HASH_LEN])
{
	uint8_t whole[SHA256_LEN];

	if (sha256(data, whole) != 0)
		return -ENOMEM;
	memcpy(to, whole, TOKEN_HASH_LEN);
	return 0;
}

/* Octets of scheme://host[:port] that stand before "//" and behind it; nothing else may follow. */
static bool is_origin(struct bytes o)
{
	const uint8_t *colon = o.n ? memchr(o.p, ':', o.n) : NULL;
	size_t scheme = colon ? (size_t)(colon - o.p) : 0;

	if (scheme == 0 || o.n > TOKEN_ORIGIN_MAX || o.n <= scheme + 3 ||
	    memcmp(colon, "://", 3) != 0)
		return false;
	for (size_t i = 0; i < o.n; i++)
		if (o.p[i] <= ' ' || o.p[i] > '~' || (o.p[i] == '/' && i > scheme + 2) ||
		    memchr("?#@*,", o.p[i], 5))
			return false;
	return true;
}

int token_origin(struct bytes origin, uint8_t to[static TOKEN_HASH_LEN])
{
	char lower[TOKEN_ORIGIN_MAX];

	if (origin.n > 0 && origin.p[origin.n - 1] == '/')
		origin.n--;
	if (!is_origin(origin))
		return -EINVAL;
	for (size_t i = 0; i < origin.n; i++) {
		uint8_t c = origin.p[i];
		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return token_hash(bytes_of(lower, origin.n), to);
}
