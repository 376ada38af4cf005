/* auth.h - who may come in.
 *
 * On a loopback address without a configured key everybody may. Otherwise a request
 * shows the key in one of the places that real clients use, in this order:
 *   Authorization: Bearer K · api-key: K · WebSocket subprotocol
 *   openai-insecure-api-key.K · ?api-key=K · ?Authorization=Bearer%20K · our cookie.
 * The cookie is what the page gets for a one-time code: it holds no key, is signed
 * with it, and lapses with time or with another key.
 *
 * One struct auth serves all loops; its only changing part is the code, an atomic.
 */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"
#include "base/env.h"

enum {
	AUTH_CODE_LEN = 32,
	AUTH_COOKIE_S = 30 * 24 * 3600,
	AUTH_COOKIE_MAX = 200,
};

struct auth {
	const struct env *env;
	struct bytes key; /* borrowed; .n == 0: open */
	char code[AUTH_CODE_LEN + 1];
	atomic_bool code_spent;
};

/* What a request shows; absent ones are {NULL, 0}. All borrowed. */
struct auth_evidence {
	struct bytes authorization; /* header                       */
	struct bytes api_key;       /* header                       */
	struct bytes subprotocols;  /* Sec-WebSocket-Protocol       */
	struct bytes query_api_key; /* percent-decoded              */
	struct bytes query_authorization;
	struct bytes cookie;        /* header                       */
};

enum auth_verdict { AUTH_OK, AUTH_MISSING, AUTH_WRONG };

void auth_init(struct auth *a, const struct env *env, struct bytes key);

MUST_USE enum auth_verdict auth_check(const struct auth *a, const struct auth_evidence *e);

/* The one-time code for a cookie: true once. Constant time in the code. */
MUST_USE bool auth_spend_code(struct auth *a, struct bytes code);
/* A Set-Cookie value; `secure` adds Secure. 0 or −ENOMEM. */
enum auth_channel { AUTH_PLAIN, AUTH_TLS };
MUST_USE int auth_cookie(const struct auth *a, enum auth_channel c, char to[static AUTH_COOKIE_MAX]);
