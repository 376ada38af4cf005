/* stream.h - the one audio stream of a call, both ways: what was agreed, the numbers in the
 * packets we send, what packets that come mean, and the reports about both.
 *
 * RFC 3550 (RTP, RTCP), RFC 8834 (its use in WebRTC), RFC 8285 (header extensions), RFC
 * 4733 (telephone events). Plain packets: peer.c protects and unprotects. Sans-I/O, no
 * heap, one thread. Embedded in its owner; stream_init() first.
 */
#pragma once

#include "base/env.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/sdp.h"

enum {
	STREAM_PAYLOAD_MAX = 1200,         /* octets of audio in one packet we send      */
	STREAM_REPORT_US = 5 * US_PER_S,   /* RTCP, times 0.5 to 1.5 (RFC 3550, 6.3.1)   */
	STREAM_ID_LEN = 16,
};

/* What was agreed for audio; pt is SDP_NO_PT: none. */
struct stream_media {
	enum sdp_codec codec;
	uint8_t pt, pt_dtmf;
	bool may_send, may_receive; /* by the directions of the last answer */
};

/* One packet of the agreed audio or telephone-event type. */
struct stream_audio {
	uint8_t pt;
	bool marker;
	bool is_dtmf;    /* RFC 4733 events, not audio                               */
	uint8_t level;   /* -dBov 0..127, or RTP_LEVEL_NONE (255)                    */
	bool voice;      /* the sender thinks it is speech; only with a level        */
	uint16_t seq;
	uint32_t ts;     /* in the codec's RTP clock: 48000 for Opus, 8000 for G.711 */
	uint32_t ssrc;
	struct bytes payload;
};

/* From the peer's RTCP about what we send, and ours about what we receive. */
struct stream_report {
	int64_t rtt_us;        /* -1: not known                                  */
	uint8_t fraction_lost; /* of 256, of what we sent, since its last report */
	int32_t lost;          /* since the beginning                            */
	uint32_t jitter_us;    /* of our packets at the peer                     */
	uint32_t jitter_in_us; /* of its packets here                            */
};

struct stream_stats {
	uint64_t audio_in, audio_out, audio_octets_in, audio_octets_out, rtcp_in, rtcp_out;
};

struct stream {
	const struct env *env;
	struct stream_media media;
	struct stream_stats stats;
	char cname[STREAM_ID_LEN + 1];
	uint64_t report_at_us; /* UINT64_MAX: no audio yet */

	/* What we send. */
	uint32_t ssrc, ts_offset;
	uint16_t seq;
	uint32_t packets, octets, packets_at_report;
	uint32_t last_ts; /* RTP clock */
	uint64_t last_us;
	uint8_t ext_mid, ext_level; /* 0: not agreed */
	char mid[RTP_EXT_VALUE_MAX + 1];

	/* What we receive: the source heard last. */
	struct rtcp_stats rx;
};

enum stream_verdict {
	STREAM_AUDIO,   /* *out is a view of it                         */
	STREAM_PADDING, /* counted; there is nothing to hear            */
	STREAM_BAD,     /* malformed                                    */
	STREAM_FOREIGN, /* a payload type that was not agreed           */
};

void stream_init(struct stream *s, const struct env *env); /* `env` is borrowed */
void stream_agree(struct stream *s, const struct sdp_offer *o);

/* Octets of the RTP packet written; 0: too long a payload, or no room. ts48 counts at 48 kHz
 * whatever the codec. Each call uses up a sequence number. */
MUST_USE size_t stream_write(struct stream *s, struct bytes payload, uint32_t ts48, bool marker,
			     uint8_t *to, size_t room); /* RT */
/* The packet written last has left. */
void stream_on_sent(struct stream *s, size_t payload_octets, uint64_t now_us); /* RT */

MUST_USE enum stream_verdict stream_input(struct stream *s, struct bytes packet, uint64_t now_us,
					  struct stream_audio *out); /* RT */

/* false: malformed. *n is 1 when the peer reports on what we send, else 0. */
MUST_USE bool stream_input_rtcp(struct stream *s, struct bytes packet, uint64_t now_us,
				struct stream_report *out, size_t *n);

/* RTCP is due at report_at_us. Writes an SR or RR with SDES, schedules the next. 0: no room. */
enum stream_rtcp { STREAM_REPORT, STREAM_BYE };
MUST_USE size_t stream_write_rtcp(struct stream *s, enum stream_rtcp kind, uint64_t now_us,
				  uint8_t *to, size_t room);

/* Has audio flowed, in whichever direction? */
static inline bool stream_began(const struct stream *s)
{
	return s->packets || s->rx.started;
}
