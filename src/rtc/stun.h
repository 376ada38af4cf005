/* stun.h - STUN Binding for an ICE-lite agent.
 *
 * RFC 8489 (STUN), RFC 8445 section 7.3 (answering connectivity checks).
 * Sans-I/O: bytes in, verdict out. No socket, clock, heap or log; reentrant.
 * Lengths are octets. Integers in structs are host order.
 */
#pragma once

#include "base/addr.h"
#include "base/bytes.h"

/* What the caller must do with the datagram. */
enum stun_verdict {
	STUN_OK,           /* authentic so far: act on it                         */
	STUN_NOT_STUN,     /* other protocol on this 5-tuple, pass on (RFC 7983)  */
	STUN_MALFORMED,    /* drop, no answer (RFC 8489, 6.3); wrong FINGERPRINT  */
	STUN_BAD_REQUEST,  /* USERNAME or MESSAGE-INTEGRITY missing: drop, count  */
	STUN_UNAUTHORIZED, /* not our user, or wrong HMAC: drop, count (RFC 8489
			    * would answer 401; we never answer a stranger)       */
	STUN_UNKNOWN_ATTR, /* once verified, answer 420: unknown[] lists them     */
};

enum {
	STUN_TID_LEN = 12,
	STUN_UNKNOWN_MAX = 8,
	STUN_BINDING_REQUEST = 0x0001,
	STUN_BINDING_SUCCESS = 0x0101,
	STUN_BINDING_ERROR = 0x0111,
	STUN_REPLY_MAX = 96, /* no answer of ours is longer */
};

/* A view into the datagram given to stun_parse(); it must outlive the view. */
struct stun_msg {
	struct bytes raw;
	const uint8_t *tid;    /* STUN_TID_LEN octets                       */
	uint16_t type;         /* method and class, as on the wire          */
	struct bytes username; /* "ours:theirs"; absent if .p is NULL       */
	const uint8_t *hmac;   /* 20 octets inside raw, or NULL             */
	uint32_t priority;     /* of the peer-reflexive candidate; 0: none  */
	bool use_candidate;    /* controlling side nominates this pair      */
	bool fingerprint;      /* present, last and right                   */
	uint16_t unknown[STUN_UNKNOWN_MAX];
	size_t n_unknown;
};

/* Parse one datagram. Any verdict but STUN_OK leaves *out untouched,
 * except STUN_UNKNOWN_ATTR, which fills it so that 420 can be built. */
MUST_USE enum stun_verdict stun_parse(struct bytes datagram, struct stun_msg *out);

/* The half of USERNAME before the colon, which the receiver chose (RFC 8445, 7.2.2);
 * absent when there is no colon. */
struct bytes stun_user(struct bytes username);

/* Check a parsed Binding request against our short-term credential
 * (RFC 8489, 9.1.3). Constant time in `pwd`. */
MUST_USE enum stun_verdict stun_verify(const struct stun_msg *m, struct bytes ufrag,
				       struct bytes pwd);

/* Answer a verified request with XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT.
 * Returns the octets written to `to`; 0: out of memory (OpenSSL), send nothing. */
MUST_USE size_t stun_write_success(const struct stun_msg *request, const struct addr *from,
				   struct bytes pwd, uint8_t to[static STUN_REPLY_MAX]);

/* 420 with UNKNOWN-ATTRIBUTES (RFC 8489, 6.3.1), for a verified request only. */
MUST_USE size_t stun_write_unknown(const struct stun_msg *request, struct bytes pwd,
				   uint8_t to[static STUN_REPLY_MAX]);
