/* peer.h - one WebRTC call, answering side: ICE, DTLS, SRTP, RTCP and data channels joined.
 *
 * RFC 8825 (overview), RFC 8829 (offer and answer), RFC 7983 (what shares the port),
 * RFC 5763/5764 (DTLS-SRTP), RFC 8834 (RTP use), RFC 8831 (data channels).
 * Offers in, answers out; datagrams in, datagrams out; audio and messages both ways. No
 * socket here, and the time comes in. The order of a call:
 *
 *   peer_new -> peer_offer -> (first valid check) -> DTLS -> on_connected -> audio, messages
 *                 ^ again for renegotiation and ICE restart          -> on_closed or peer_close
 *
 * We are the DTLS client, and the first flight leaves with the answer to the first valid
 * check; only when the offer insists on setup:active are we the server. A datagram from an
 * address that no authenticated check has validated is dropped and counted, never read.
 *
 * One loop per peer; ops are called on it. Audio paths do not allocate (marked RT), but
 * for the first packet of an SSRC. Times are env's monotonic microseconds.
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/env.h"
#include "rtc/answer.h"
#include "rtc/dtls.h"
#include "rtc/sdp.h"
#include "rtc/stream.h"

struct loop;
struct peer;
struct sctp_service;

enum { PEER_DATAGRAM_MAX = DTLS_DATAGRAM_MAX }; /* octets; longer ones are dropped */

/* Why a call ended by itself. */
enum peer_end {
	PEER_END_GOODBYE,     /* the peer closed DTLS                                   */
	PEER_END_NO_CHECK,    /* nobody came within ICE_CONSENT_S                       */
	PEER_END_CONSENT,     /* no check for ICE_CONSENT_S and ICE_GRACE_S             */
	PEER_END_HANDSHAKE,   /* DTLS failed, or took longer than DTLS_DEADLINE_US      */
	PEER_END_FINGERPRINT, /* the certificate is not the one of the offer            */
	PEER_END_FAILED,      /* memory, or a library gave up                           */
};

/* Why a datagram was dropped. */
enum peer_drop {
	PEER_DROP_STRANGER,     /* from an address that no check has validated           */
	PEER_DROP_UNKNOWN,      /* no protocol of ours; too long                         */
	PEER_DROP_STUN_BAD,     /* malformed, or no request                              */
	PEER_DROP_STUN_AUTH,    /* not authentic                                         */
	PEER_DROP_DTLS,         /* no record, or after the end                           */
	PEER_DROP_EARLY,        /* SRTP before there are keys                            */
	PEER_DROP_SRTP_FORGED,
	PEER_DROP_SRTP_REPLAYED,
	PEER_DROP_RTP_BAD,      /* authentic, yet malformed                              */
	PEER_DROP_RTP_TYPE,     /* a payload type that was not agreed                    */
	PEER_DROP_MESSAGE,      /* on no open channel; see enum channel_verdict          */
	PEER_DROPS,
};

struct peer_stats {
	uint64_t messages_in, messages_out;
	uint64_t dropped[PEER_DROPS];
};

/* Bytes and structs are borrowed for the call. An op may call anything here but
 * peer_free(), peer_input() and peer_on_time(); after peer_close() no further op comes. */
struct peer_ops {
	void (*send)(void *owner, const struct addr *to, struct bytes datagram);
	void (*on_connected)(void *owner); /* the fingerprint is right; audio may be sent */
	void (*on_audio)(void *owner, const struct stream_audio *a, uint64_t now_us); /* RT */
	void (*on_channel_open)(void *owner, uint16_t channel, struct bytes label);
	void (*on_channel_close)(void *owner, uint16_t channel);
	void (*on_message)(void *owner, uint16_t channel, struct bytes message, bool is_text);
	void (*on_writable)(void *owner); /* after -EAGAIN from peer_send_message()       */
	void (*on_report)(void *owner, const struct stream_report *r);
	void (*on_closed)(void *owner, enum peer_end why); /* once, then nothing more     */
};

/* All are borrowed until peer_free(), but for candidates, which are copied. */
struct peer_params {
	const struct env *env;
	struct cert *cert;
	struct loop *loop;           /* both NULL: no channel will ever open; for tests */
	struct sctp_service *sctp;
	unsigned loop_index;         /* < ICE_LOOPS_MAX, goes into the user fragment */
	const struct addr *candidates;
	size_t n_candidates;         /* <= ANSWER_CANDIDATES_MAX */
};

/* 0 or -errno. `ops` is borrowed. */
MUST_USE int peer_new(struct peer **out, const struct peer_params *params,
		      const struct peer_ops *ops, void *owner);
void peer_free(struct peer *p); /* says no goodbye; calls no op */
AUTO_DEF(peer)

/* The first offer or a later one; the answer is appended. On any verdict but SDP_OK the
 * call goes on as it was, nothing is appended, and *why is a sentence for the client. */
MUST_USE enum sdp_verdict peer_offer(struct peer *p, struct bytes offer, struct buf *answer,
				     const char **why);

/* What ice_key() makes of each user fragment of this call, for the owner's table. */
struct bytes peer_key(const struct peer *p);

void peer_input(struct peer *p, struct bytes datagram, const struct addr *from,
		uint64_t now_us); /* RT for SRTP */
void peer_on_time(struct peer *p, uint64_t now_us);
/* Has an authenticated check come from there lately? Then what else comes from there is this
 * call's, and the owner may say so in its table of addresses. */
bool peer_is_valid(const struct peer *p, const struct addr *from, uint64_t now_us); /* RT */
/* When to call peer_on_time(); UINT64_MAX: no need. Changes with every call here. */
uint64_t peer_next_us(const struct peer *p, uint64_t now_us);

struct stream_media peer_media(const struct peer *p);
/* Was a data channel section agreed? Which channels there are is the peer's to say. */
bool peer_has_data(const struct peer *p);

/* One packet; ts48 counts at 48 kHz whatever the codec. 0; -ENOTCONN before on_connected,
 * without a path or when the peer does not receive audio; -EMSGSIZE; -EIO. */
MUST_USE int peer_send_audio(struct peer *p, struct bytes payload, uint32_t ts48, bool marker,
			     uint64_t now_us); /* RT */

/* Text on a channel of on_channel_open(). 0; -ENOTCONN: not open; -EMSGSIZE: longer than the
 * peer takes; -EAGAIN: full, wait for on_writable(). Copies. */
MUST_USE int peer_send_message(struct peer *p, uint16_t channel, struct bytes text);

/* RTCP BYE and DTLS close_notify; then nothing more is sent or reported. */
void peer_close(struct peer *p, uint64_t now_us);

const struct peer_stats *peer_stats(const struct peer *p);
const struct stream_stats *peer_audio_stats(const struct peer *p);
const char *peer_end_name(enum peer_end e);
const char *peer_drop_name(enum peer_drop d);
void peer_dump(const struct peer *p, struct buf *to);
