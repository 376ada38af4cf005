/* token.h - client secrets, "ek_…": what a browser is given in place of the key. Pure.
 *
 * A token is a few signed claims. Whoever has the secret it was signed with can check it,
 * without a table and on any machine. What is too long for it (the session object it
 * is bound to) is named by its hash, what changes (the sessions it has opened) by its id:
 * both are kept by secrets.h.
 *
 *    0        1        2        3        4
 *   +--------+--------+--------+--------+--------+--------+--------+--------+
 *   | version| kinds  |  max_sessions   |          max_duration_s           |
 *   +--------+--------+--------+--------+--------+--------+--------+--------+
 *   |                       expires_at, s since 1970                        |
 *   +--------+--------+--------+--------+--------+--------+--------+--------+
 *   |                        id, random (16 octets)                         |
 *   |               SHA-256 of the session object, first 16                 |
 *   |                   SHA-256 of the origin, first 16                     |
 *   |          HMAC-SHA256 of all of the above, first 20 octets             |
 *   +-----------------------------------------------------------------------+
 *
 * Integers are big-endian; kinds is the dialect in the upper four bits, whether it is bound to a
 * collection and groups in the next, and the kind of session in the lower three. Written as "ek_" and base64url without padding (RFC 4648, section 5).
 */
#pragma once

#include "base/bytes.h"
#include "session/session.h"

enum {
	TOKEN_ID_LEN = 16,
	TOKEN_HASH_LEN = 16,
	TOKEN_LEN = 115, /* characters, always; clients are promised 200 at most */
	TOKEN_ORIGIN_MAX = 255,
	TOKEN_SESSIONS_MAX = 65535,
};

/* What tokens are signed with: derived from a secret, useless for anything else. */
struct token_key {
	uint8_t k[32];
};

/* 0 or -ENOMEM. The secret may be of any length; one that can be guessed can be guessed
 * from any token, too, and at leisure. */
MUST_USE int token_key_derive(struct bytes secret, struct token_key *out);

struct claims {
	uint64_t expires_at;             /* s since 1970; from then on it opens nothing       */
	uint8_t id[TOKEN_ID_LEN];        /* random                                            */
	enum dialect dialect;            /* that the session object is written in             */
	enum session_kind kind;
	bool bound;                      /* `config` is that of {session?, access}: secrets.h  */
	uint8_t config[TOKEN_HASH_LEN];  /* token_hash() of the session object; zero: none    */
	uint8_t origin[TOKEN_HASH_LEN];  /* token_origin() of the only one; zero: any         */
	uint16_t max_sessions;           /* that may be opened with it; 0: any number         */
	uint32_t max_duration_s;         /* of such a session; 0: as the server has it        */
};

/* What has come as a key. */
enum token_verdict {
	TOKEN_OK,
	TOKEN_MALFORMED, /* not "ek_" and as many characters of base64url; or of a later version */
	TOKEN_FORGED,    /* not signed with this key                                             */
	TOKEN_EXPIRED,   /* ours, but too late                                                   */
	TOKEN_ORIGIN,    /* ours, but from another origin, or from none                          */
	TOKEN_NO_MEMORY,
};

/* Does it claim to be a token? */
static inline bool token_claimed(struct bytes text)
{
	return bytes_starts(text, "ek_");
}

static inline bool token_hash_given(const uint8_t hash[static TOKEN_HASH_LEN])
{
	static const uint8_t none[TOKEN_HASH_LEN];

	return memcmp(hash, none, sizeof(none)) != 0;
}

/* Writes TOKEN_LEN characters and a NUL. 0 or -ENOMEM. */
MUST_USE int token_write(const struct token_key *k, const struct claims *c,
			 char to[static TOKEN_LEN + 1]);
/* `origin` is the Origin field of the request, or {NULL, 0}. *out is filled for TOKEN_OK only.
 * Constant time in the signature. */
MUST_USE enum token_verdict token_read(const struct token_key *k, struct bytes text,
				       struct bytes origin, uint64_t now_s, struct claims *out);

/* The first octets of SHA-256. 0 or -ENOMEM. */
MUST_USE int token_hash(struct bytes data, uint8_t to[static TOKEN_HASH_LEN]);
/* The hash of an origin ("https://app.example"), in lower case and without a slash at its
 * end (RFC 6454, section 6.2). -EINVAL: not scheme://host; -ENOMEM. */
MUST_USE int token_origin(struct bytes origin, uint8_t to[static TOKEN_HASH_LEN]);
