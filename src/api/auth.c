#include "api/auth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/crypto.h"

static const char cookie_name[] = "voiced=";

void auth_init(struct auth *a, const struct env *env, struct bytes key, const struct token_key *tokens)
{
	*a = (struct auth){ .env = env, .key = key, .tokens = *tokens };
	env_id(env, "", a->code, AUTH_CODE_LEN);
	atomic_init(&a->code_spent, false);
}

static struct bytes after(struct bytes b, const char *prefix)
{
	size_t n = strlen(prefix);

	if (b.n < n || strncasecmp((const char *)b.p, prefix, n) != 0)
		return (struct bytes){ 0 };
	return bytes_sub(b, n, b.n - n);
}

static struct bytes strip(struct bytes b)
{
	while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	return b;
}

/* The rest of the first element of a list that begins with `prefix`. */
static struct bytes in_list(struct bytes list, char separator, const char *prefix)
{
	while (list.n > 0) {
		const uint8_t *end = memchr(list.p, separator, list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;
		struct bytes rest = after(strip(bytes_of(list.p, n)), prefix);

		if (rest.p)
			return rest;
		n = MIN(n + 1, list.n);
		list = bytes_sub(list, n, list.n - n);
	}
	return (struct bytes){ 0 };
}

static struct bytes shown_key(const struct auth_evidence *e)
{
	const struct bytes places[] = {
		strip(after(e->authorization, "Bearer ")),
		e->api_key,
		in_list(e->subprotocols, ',', "openai-insecure-api-key."),
		e->query_api_key,
		strip(after(e->query_authorization, "Bearer ")),
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (places[i].n > 0)
			return places[i];
	return (struct bytes){ 0 };
}

/* "<expiry>.<hmac of it>" in hexadecimal. */
static int sign(const struct auth *a, uint64_t expiry_s, char to[static 96])
{
	uint8_t mac[SHA256_LEN];
	char text[48];

	snprintf(text, sizeof(text), "voiced cookie until %" PRIu64, expiry_s);
	if (hmac_sha256(a->key, bytes_str(text), mac) != 0)
		return -ENOMEM;
	int n = snprintf(to, 96, "%" PRIu64 ".", expiry_s);
	hex(mac, sizeof(mac), to + n);
	return 0;
}

static bool cookie_ok(const struct auth *a, struct bytes cookie)
{
	struct bytes v = in_list(cookie, ';', cookie_name);
	char text[24] = "", want[96];

	if (v.n < 3 || v.n >= sizeof(want))
		return false;
	memcpy(text, v.p, MIN(v.n, sizeof(text) - 1));
	uint64_t expiry_s = strtoull(text, NULL, 10);
	return expiry_s > env_wall(a->env) / US_PER_S && sign(a, expiry_s, want) == 0 &&
	       equal_secret(v, bytes_str(want));
}

static enum auth_verdict check_token(const struct auth *a, struct bytes shown, struct bytes origin,
				     struct claims *token)
{
	static const enum auth_verdict is[] = {
		[TOKEN_OK] = AUTH_TOKEN,	 [TOKEN_MALFORMED] = AUTH_WRONG, [TOKEN_FORGED] = AUTH_WRONG,
		[TOKEN_EXPIRED] = AUTH_EXPIRED,	 [TOKEN_ORIGIN] = AUTH_ORIGIN,
		[TOKEN_NO_MEMORY] = AUTH_NO_MEMORY,
	};

	return is[token_read(&a->tokens, shown, origin, env_wall(a->env) / US_PER_S, token)];
}

enum auth_verdict auth_check(const struct auth *a, const struct auth_evidence *e, struct claims *token)
{
	struct bytes shown = shown_key(e);

	/* The key first: nobody forbids one that begins with "ek_". */
	if (a->key.n > 0 && shown.n > 0 && equal_secret(shown, a->key))
		return AUTH_OK;
	if (token_claimed(shown))
		return check_token(a, shown, e->origin, token);
	if (a->key.n == 0)
		return AUTH_OK;
	if (shown.n > 0)
		return AUTH_WRONG;
	if (e->cookie.n > 0 && cookie_ok(a, e->cookie))
		return AUTH_OK;
	return AUTH_MISSING;
}

bool auth_spend_code(struct auth *a, struct bytes code)
{
	if (a->key.n == 0 || !equal_secret(code, bytes_str(a->code)))
		return false;
	return !atomic_exchange(&a->code_spent, true);
}

int auth_cookie(const struct auth *a, enum auth_channel c, char to[static AUTH_COOKIE_MAX])
{
	char value[96] = "";

	if (sign(a, env_wall(a->env) / US_PER_S + AUTH_COOKIE_S, value) != 0)
		return -ENOMEM;
	snprintf(to, AUTH_COOKIE_MAX, "%s%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
		 cookie_name, value, AUTH_COOKIE_S, c == AUTH_TLS ? "; Secure" : "");
	return 0;
}
