/* secrets.h - what client secrets (token.h) need on disk, in the data directory:
 *
 *   token.key   what they are signed with where no API key is configured: 32 random
 *               octets, 0600, made at first use
 *   tokens.db   the session objects they are bound to, by hash, and how many sessions
 *               each limited one has opened; both until a while after the expiry
 *
 * SQLite (WAL), shared by all loops and by every process with the same data directory.
 * A struct secrets is one connection, used by one thread at a time: each loop has its own.
 * Every function but secrets_tend() is one small indexed statement and no fsync(): it may be
 * called on a loop. It waits for another writer, and each of those is as short, for 250 ms
 * at most.
 *
 * synchronous NORMAL: what was counted survives the end of any process, but the last
 * moment before a power failure may be forgotten.
 */
#pragma once

#include "api/token.h"
#include "base/buf.h"
#include "base/env.h"
#include "knowledge/store.h"

struct secrets;

enum {
	SECRETS_LINGER_S = 600,          /* rows outlive their tokens so long: clocks differ  */
	SECRETS_PRUNED = 256,            /* rows of each kind deleted at most at a time       */
	SECRETS_PAGES = 256 * 1024 / 4,  /* of 4 KiB; beyond it is "full": -ENOSPC            */
};

/* The key of the tokens of this server: from the API key if there is one (.n > 0), else from
 * the file, which is made where it is missing. -errno, and a sentence in why[]. */
MUST_USE int secrets_key(const char *dir, struct bytes api_key, const struct env *env,
			 struct token_key *out, char why[static STORE_WHY]);

/* The database is opened, and made, by the first function that needs it: an error then is
 * that function's, and the next one tries again. `dir` is copied. 0, -ENOMEM or -ENAMETOOLONG. */
MUST_USE int secrets_new(struct secrets **out, const char *dir);
void secrets_free(struct secrets *s);
AUTO_DEF(secrets)
const char *secrets_why(const struct secrets *s); /* of the last failure; borrowed */

/* Keep a session object until expires_at; *hash is for the claims. Keeping the same again
 * prolongs it. 0 or -errno. */
MUST_USE int secrets_keep(struct secrets *s, struct bytes config, uint64_t expires_at,
			  uint8_t hash[static TOKEN_HASH_LEN]);
/* Appends it to `to`. -ENOENT: not here (minted with another data directory); -errno. */
MUST_USE int secrets_find(struct secrets *s, const uint8_t hash[static TOKEN_HASH_LEN], struct buf *to);

enum secrets_spend {
	SPEND_OK,      /* one session more has been counted, or the token is not limited */
	SPEND_USED_UP, /* it has opened its max_sessions                                 */
	SPEND_FAILED,  /* it could not be counted: secrets_why()                         */
};

/* Count a session against c->max_sessions: one atomic statement, so that of several who want
 * the last one, on any loop and in any process, exactly one gets it. */
MUST_USE enum secrets_spend secrets_spend(struct secrets *s, const struct claims *c);

/* Forgets what has lapsed, a piece at a time, and moves the log into the database when it has
 * grown. Waits for the disk: for a worker, every few seconds, in one process at least. What
 * does not work is tried again the next time. */
void secrets_tend(struct secrets *s, uint64_t now_s);
