/* rtpsec.h - SRTP and SRTCP of one call: both directions, any number of sources up to a cap.
 *
 * RFC 3711 (SRTP), RFC 7714 (AES-GCM), RFC 5764 section 4.1.2 (profiles). Wraps
 * libsrtp, and is the only file that sees it. Packets are changed in place. A
 * packet that is refused changes nothing: no memory, no replay window, no key; so
 * a flood of forged packets costs CPU only, and must never end a call.
 * Not thread-safe: one loop per object. Lengths are octets.
 */
#pragma once

#include "base/bytes.h"

struct buf;
struct rtpsec;

/* Values of the use_srtp extension (RFC 5764, 4.1.2; RFC 7714, 14.2). */
enum rtpsec_profile {
	RTPSEC_AES128_CM_SHA1_80 = 0x0001,
	RTPSEC_AEAD_AES_128_GCM = 0x0007,
};

enum {
	RTPSEC_KEY = 16,
	RTPSEC_KEY_SALT_MAX = 30, /* key, then salt: 14 octets for CM, 12 for GCM  */
	RTPSEC_GROWTH = 20,       /* the most that protecting adds (SRTCP, GCM: 16 + 4) */
	RTPSEC_WINDOW = 1024,     /* packets; RFC 3711, 3.3.2 asks for at least 64 */
	RTPSEC_SSRC_MAX = 32,     /* sources the peer may use on one call          */
};

/* What the DTLS handshake gives: "local" protects what we send. */
struct rtpsec_keys {
	enum rtpsec_profile profile;
	uint8_t local[RTPSEC_KEY_SALT_MAX], remote[RTPSEC_KEY_SALT_MAX];
};

enum rtpsec_verdict {
	RTPSEC_OK,
	RTPSEC_REPLAYED,  /* seen before, or older than the window: drop, count       */
	RTPSEC_FORGED,    /* its tag is wrong: drop, count                            */
	RTPSEC_MALFORMED, /* not RTP or RTCP, or does not fit: drop, count            */
	RTPSEC_TOO_MANY,  /* authentic or not, it would be one source too many: drop  */
	RTPSEC_FAILED,    /* the library could not (no memory, key used up): end call */
};

/* Octets of key and salt per direction. */
size_t rtpsec_key_salt_len(enum rtpsec_profile p);

/* Copies the keys. 0 or -errno. */
MUST_USE int rtpsec_new(struct rtpsec **out, const struct rtpsec_keys *k);
void rtpsec_free(struct rtpsec *r); /* wipes the keys */
AUTO_DEF(rtpsec)

/* *n octets at p become protected ones; cap is the room at p, RTPSEC_GROWTH more than *n
 * or RTPSEC_MALFORMED. *n is the new length on RTPSEC_OK only. RT, but for the first
 * packet of each SSRC, which allocates. */
MUST_USE enum rtpsec_verdict rtpsec_protect_rtp(struct rtpsec *r, uint8_t *p, size_t *n,
						size_t cap);
MUST_USE enum rtpsec_verdict rtpsec_protect_rtcp(struct rtpsec *r, uint8_t *p, size_t *n,
						 size_t cap);
/* The content of p is undefined unless RTPSEC_OK. */
MUST_USE enum rtpsec_verdict rtpsec_unprotect_rtp(struct rtpsec *r, uint8_t *p, size_t *n);
MUST_USE enum rtpsec_verdict rtpsec_unprotect_rtcp(struct rtpsec *r, uint8_t *p, size_t *n);

void rtpsec_dump(const struct rtpsec *r, struct buf *to);
