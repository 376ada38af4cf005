/* mint.h - make a client secret (token.h). For the routes and for `voiced token`. */
#pragma once

#include "api/secrets.h"
#include "base/json.h"

enum {
	MINT_LIFE_MIN_S = 10, /* the range and the default of POST client_secrets */
	MINT_LIFE_S = 600,
	MINT_LIFE_MAX_S = 7200,
	MINT_DURATION_MAX_S = 3600, /* a session's life is never longer */
};

struct mint_order {
	/* Borrowed. What becomes session_params.config, in this dialect; session_config_preview()
	 * has found it good. NULL or {}: bound to nothing. */
	json_t *config;
	enum dialect dialect;
	enum session_kind kind;
	unsigned life_s;         /* MINT_LIFE_MIN_S … MINT_LIFE_MAX_S           */
	unsigned max_sessions;   /* … TOKEN_SESSIONS_MAX; 0: any number         */
	unsigned max_duration_s; /* … MINT_DURATION_MAX_S; 0: as the server has it */
	const char *origin;      /* "https://app.example"; NULL: any            */
	/* What its sessions may be about. Both NULL: not bound, any collection, no group. */
	const char *collection;  /* the only one; NULL: the served one          */
	const char *groups;      /* knowledge/labels.h; NULL: none              */
};

struct minted {
	char value[TOKEN_LEN + 1];
	uint64_t expires_at; /* s since 1970 */
};

/* 0; -EINVAL: the origin is none; -ENOMEM; or -errno when the config could not be kept:
 * secrets_why(). Numbers outside their range are a bug of the caller. */
MUST_USE int token_mint(struct secrets *s, const struct token_key *k, const struct env *env,
			const struct mint_order *o, struct minted *out);

/* The kind that a GA session object asks for ("type"; without it realtime). false: neither. */
MUST_USE bool mint_kind(const json_t *config, enum session_kind *out);
