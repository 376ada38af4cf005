/* dtls.h - DTLS 1.2 with use_srtp, for one call; the certificate all calls share.
 *
 * RFC 6347 (DTLS 1.2), RFC 5764 (DTLS-SRTP), RFC 8122 (fingerprints), RFC 8827
 * section 6.5 (WebRTC). Wraps OpenSSL 3 on a BIO of datagrams: no socket here.
 * Datagrams in by dtls_input(), out by dtls_output(), which the caller drains after
 * every call that can make some. The caller gives us only datagrams from an address
 * that ICE has validated. OpenSSL reads the wall clock for its retransmission timer
 * and makes its own random numbers; only the deadline counts in the caller's time.
 * Not thread-safe: one loop per object. A struct cert may be used by many loops.
 */
#pragma once

#include "base/bytes.h"
#include "rtc/rtpsec.h"

struct buf;
struct env;
struct cert;
struct dtls;

enum {
	DTLS_MTU = 1200,           /* octets of UDP payload we send at most             */
	DTLS_PAYLOAD_MAX = 1150,   /* octets of one dtls_write(), so that it fits       */
	DTLS_DATAGRAM_MAX = 2048,  /* longer ones are dropped; room for dtls_output()   */
	DTLS_QUEUE = 256 * 1024,   /* octets waiting in dtls_output(); then -EAGAIN      */
	DTLS_DEADLINE_US = 10 * US_PER_S,    /* for the whole handshake                 */
	DTLS_RETRANSMIT_US = 75 * US_PER_MS, /* first; doubles up to 2 s                */
	DTLS_HANDSHAKE_DATAGRAMS = 512,      /* read during a handshake; more are dropped */
	CERT_FINGERPRINT = 96,     /* "AB:CD:…" of SHA-256 and its NUL                  */
};

/* --- certificates and fingerprints --------------------------------------- */

/* Self-signed ECDSA P-256, made at start. 0 or -errno. Outlives every dtls made with it. */
MUST_USE int cert_new(struct cert **out, const struct env *env);
void cert_free(struct cert *c);
AUTO_DEF(cert)
/* SHA-256 as SDP writes it (RFC 8122, 5), without "sha-256 ". */
void cert_fingerprint(const struct cert *c, char out[static CERT_FINGERPRINT]);

/* What the peer's certificate must hash to. */
struct fingerprint {
	unsigned hash_bits; /* 256, 384 or 512 */
	uint8_t octets[64];
};

enum fingerprint_verdict {
	FINGERPRINT_OK,
	FINGERPRINT_UNKNOWN_HASH, /* also MD5 and SHA-1, which prove nothing: try the next line */
	FINGERPRINT_MALFORMED,
};

/* a=fingerprint:HASH VALUE (RFC 8122, 5); letters of either case. */
MUST_USE enum fingerprint_verdict fingerprint_parse(struct bytes hash, struct bytes value,
						    struct fingerprint *out);

/* --- one association ----------------------------------------------------- */

enum dtls_role { DTLS_CLIENT, DTLS_SERVER };

enum dtls_verdict {
	DTLS_AGAIN,     /* nothing for you; something may wait in dtls_output()      */
	DTLS_CONNECTED, /* just now, once: the fingerprint is right; there may be data, too */
	DTLS_DATA,      /* dtls_read() has some                                      */
	DTLS_DROPPED,   /* not a DTLS record, or over a limit: ignored, counted      */
	/* The end; the same verdict is repeated from now on. An alert may wait in dtls_output(). */
	DTLS_CLOSED,          /* the peer said goodbye, or dtls_close() was called   */
	DTLS_BAD_FINGERPRINT, /* the certificate is not the one of the SDP           */
	DTLS_BAD_CERT,        /* explicit curve parameters, odd key, none at all     */
	DTLS_NO_PROFILE,      /* no SRTP profile in common                           */
	DTLS_TIMED_OUT,       /* DTLS_DEADLINE_US is over                            */
	DTLS_FAILED,          /* anything else in the handshake; a fatal alert; no memory */
};

MUST_USE int dtls_new(struct dtls **out, struct cert *cert, enum dtls_role role,
		      const struct fingerprint *peer);
void dtls_free(struct dtls *d); /* wipes the keys; says no goodbye */
AUTO_DEF(dtls)

/* Start the clock; a client's ClientHello is then in dtls_output(). */
MUST_USE enum dtls_verdict dtls_start(struct dtls *d, uint64_t now_us);
/* One datagram as it came. Garbage changes nothing once we are connected. After
 * DTLS_CONNECTED and DTLS_DATA call dtls_read() until it returns 0. */
MUST_USE enum dtls_verdict dtls_input(struct dtls *d, struct bytes datagram, uint64_t now_us);
/* The next datagram to send, *n octets; false: none. cap is DTLS_DATAGRAM_MAX or more. */
MUST_USE bool dtls_output(struct dtls *d, uint8_t *to, size_t cap, size_t *n);

/* When to call dtls_on_time(); UINT64_MAX: no need. */
uint64_t dtls_next_us(const struct dtls *d, uint64_t now_us);
MUST_USE enum dtls_verdict dtls_on_time(struct dtls *d, uint64_t now_us);

/* One record of application data (an SCTP packet, RFC 8261). 0, -ENOTCONN before
 * DTLS_CONNECTED and after the end, -EMSGSIZE, -EAGAIN when DTLS_QUEUE octets wait. */
MUST_USE int dtls_write(struct dtls *d, struct bytes data);
/* Octets of the next record, cut to cap; 0: none. The peer's goodbye may be among what it
 * reads: dtls_next_us() is then now, and dtls_on_time() says DTLS_CLOSED. */
MUST_USE size_t dtls_read(struct dtls *d, uint8_t *to, size_t cap);

/* The keys of RFC 5764, 4.2, or -ENOTCONN. A client has them a round trip before
 * DTLS_CONNECTED: as soon as its Finished is in dtls_output() and the peer's certificate and
 * signature have been verified (false start, RFC 7918). Media may be sent right behind it;
 * so ask after each DTLS_AGAIN, too. The caller wipes its copy. */
MUST_USE int dtls_keys(struct dtls *d, struct rtpsec_keys *out);

/* close_notify into dtls_output(), when we are connected; the end in any case. */
void dtls_close(struct dtls *d);

const char *dtls_verdict_name(enum dtls_verdict v);
void dtls_dump(const struct dtls *d, struct buf *to);
