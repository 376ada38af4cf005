/* auth.h - who may come in.
 *
 * On a loopback address without a configured key everybody may. Otherwise a request
 * shows the key in one of the places that real clients use, in this order:
 *   Authorization: Bearer K · api-key: K · WebSocket subprotocol
 *   openai-insecure-api-key.K · ?api-key=K · ?Authorization=Bearer%20K · our cookie.
 * The cookie is what the page gets for a one-time code: it holds no key, is signed
 * with it, and lapses with time or with another key.
 *
 * In place of the key, and in the same places, a client secret ("ek_…", token.h) may be
 * shown. It is checked even where no key is needed: whoever shows one wants what it stands for.
 *
 * One struct auth serves all loops; its only changing part is the code, an atomic.
 */
#pragma once

#include <stdatomic.h>

#include "api/token.h"
#include "base/buf.h"
#include "base/env.h"

enum {
	AUTH_CODE_LEN = 32,
	AUTH_COOKIE_S = 30 * 24 * 3600,
	AUTH_COOKIE_MAX = 200,
};

struct auth {
	const struct env *env;
	struct bytes key;        /* borrowed; .n == 0: open */
	struct token_key tokens; /* what they are signed with */
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
	struct bytes origin;        /* header                       */
};

enum auth_verdict {
	AUTH_OK,      /* the key, its cookie, or none is needed                   */
	AUTH_TOKEN,   /* a token: it may open sessions, and says what kind        */
	AUTH_MISSING, /* nothing was shown                                        */
	AUTH_WRONG,   /* neither the key nor a token of ours                      */
	AUTH_EXPIRED, /* a token of ours, too late                                */
	AUTH_ORIGIN,  /* a token of ours, in a page that it was not made for      */
	AUTH_NO_MEMORY,
	N_AUTH_VERDICTS
};

/* Copies *tokens (secrets.h makes it); the key is borrowed. */
void auth_init(struct auth *a, const struct env *env, struct bytes key, const struct token_key *tokens);

/* *token is filled for AUTH_TOKEN only. Checking spends nothing: secrets_spend() does, when a
 * session is admitted. */
MUST_USE enum auth_verdict auth_check(const struct auth *a, const struct auth_evidence *e,
				      struct claims *token);

/* The one-time code for a cookie: true once. Constant time in the code. */
MUST_USE bool auth_spend_code(struct auth *a, struct bytes code);
/* A Set-Cookie value; `secure` adds Secure. 0 or −ENOMEM. */
enum auth_channel { AUTH_PLAIN, AUTH_TLS };
MUST_USE int auth_cookie(const struct auth *a, enum auth_channel c, char to[static AUTH_COOKIE_MAX]);
