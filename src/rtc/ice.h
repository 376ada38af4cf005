/* ice.h - the ICE-lite agent of one call.
 *
 * RFC 8445, 2.5 (lite implementation), 7.3 (answering checks), 9 (restart); RFC 7675
 * (consent) as the side that is asked. We never send a check: the peer's addresses are
 * learned from its own, always as the controlled side. A path is the peer's address as
 * we see it; our own end is the one socket we have.
 *
 * Sans-I/O, one thread. Nothing unauthenticated is ever answered. Allocates in
 * ice_new() only.
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/env.h"
#include "rtc/stun.h"

struct ice;

enum {
	ICE_LOOPS_MAX = 1296, /* two digits to base 36                                       */
	ICE_KEY_LEN = 9,      /* leading octets of our ufrag that stay for the life of a call */
	ICE_UFRAG_LEN = 10,
	ICE_PWD_LEN = 24, /* "at least 22 characters" (RFC 8445, 5.3)                        */
	ICE_PATHS_MAX = 8,

	/* "Consent expires after 30 seconds" (RFC 7675, 5.1); also the wait for the first check. */
	ICE_CONSENT_S = 30,
	ICE_GRACE_S = 5, /* after it: we are silent, but a check revives the call */
};

/* What became of a datagram. */
enum ice_verdict {
	ICE_ANSWER,       /* authenticated: send reply to where the datagram came from   */
	ICE_NOT_STUN,     /* drop, as all below                                          */
	ICE_MALFORMED,    /* or a FINGERPRINT that does not hold                         */
	ICE_NOT_REQUEST,  /* a response or indication: we ask nobody                     */
	ICE_UNAUTHORIZED, /* no credentials, another call's, or forged                   */
	ICE_NO_MEMORY,    /* hashing failed                                              */
};

enum ice_state {
	ICE_WAITING, /* no check yet                                              */
	ICE_READY,   /* a path is selected; we may send                           */
	ICE_STALE,   /* consent ran out: silent, until a check or ICE_GRACE_S     */
	ICE_LOST,    /* for good                                                  */
};

struct ice_reply {
	uint8_t p[STUN_REPLY_MAX];
	size_t n;
	bool selected; /* the selected path is another than before this check */
};

/* `env` is borrowed until ice_free(). loop_index < ICE_LOOPS_MAX. */
MUST_USE int ice_new(struct ice **out, const struct env *env, unsigned loop_index);
void ice_free(struct ice *ice);
AUTO_DEF(ice)

/* Ours, for the answer. Borrowed until the next ice_restart(). */
struct bytes ice_ufrag(const struct ice *ice);
struct bytes ice_pwd(const struct ice *ice);

/* New credentials of ours, after the peer changed its own (RFC 8445, 9). The old ones
 * and the path in use keep working until the peer nominates under the new ones. */
void ice_restart(struct ice *ice);

/* Only ICE_ANSWER writes *reply. `from` may be any address: it becomes a path. */
MUST_USE enum ice_verdict ice_input(struct ice *ice, struct bytes datagram,
				    const struct addr *from, uint64_t now_us,
				    struct ice_reply *reply);

/* Has an authenticated check come from there within ICE_CONSENT_S? */
bool ice_is_valid(const struct ice *ice, const struct addr *from, uint64_t now_us); /* RT */

/* Where to send: the path nominated last, or the first that was valid while none has been.
 * NULL unless ICE_READY. */
const struct addr *ice_selected(const struct ice *ice); /* RT */

enum ice_state ice_state(const struct ice *ice);
enum ice_state ice_on_time(struct ice *ice, uint64_t now_us);
uint64_t ice_next_us(const struct ice *ice); /* UINT64_MAX: never */

void ice_dump(const struct ice *ice, struct buf *to);

/* Of a ufrag of ours or a USERNAME that begins with one: the loop that made it, or -1.
 * Says nothing about whether such a call exists. */
int ice_ufrag_loop(struct bytes username);
/* The key of a call for the owner's table: ICE_KEY_LEN octets, the same over restarts;
 * absent when `ufrag` is not of our shape. */
struct bytes ice_key(struct bytes ufrag);
