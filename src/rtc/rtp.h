/* rtp.h - RTP packets: a view of one that came, the header of one that goes.
 *
 * RFC 3550 section 5.1; header extensions by RFC 8285 (one- and two-byte form);
 * the audio level by RFC 6464; telling RTCP from RTP by RFC 5761 section 4.
 * Sans-I/O, no heap, reentrant. Lengths are octets, integers are host order.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |           synchronization source (SSRC) identifier            |
 * |            contributing source (CSRC) identifiers …           |
 */
#pragma once

#include "base/bytes.h"

enum rtp_verdict {
	RTP_OK,        /* *out is a view of the packet                          */
	RTP_NOT_RTP,   /* the first bits are not version 2, or it is RTCP       */
	RTP_MALFORMED, /* CSRCs, extension or padding run over the end: drop it */
};

enum {
	RTP_HEADER_LEN = 12,
	RTP_EXT_MAX = 4,      /* extensions we write at most    */
	RTP_EXT_VALUE_MAX = 16,
	RTP_HEADER_MAX = RTP_HEADER_LEN + 4 + RTP_EXT_MAX * (1 + RTP_EXT_VALUE_MAX),
	RTP_LEVEL_NONE = 255, /* no audio level in this packet  */
};

/* A view into the packet given to rtp_parse(); the packet must outlive it. */
struct rtp_view {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts, ssrc;
	unsigned n_csrc;
	const uint8_t *csrc;  /* n_csrc times four octets, big-endian              */
	uint16_t ext_profile; /* 0xBEDE, 0x100x, or a stranger's                   */
	struct bytes ext;     /* its content; absent if the packet has none        */
	struct bytes payload; /* without padding; may be empty (a padding packet)  */
};

/* Second octet 192..223: RTCP that shares the port (RFC 5761, 4). */
static inline bool rtp_is_rtcp(struct bytes packet)
{
	return packet.n >= 2 && packet.p[1] >= 192 && packet.p[1] <= 223;
}

/* Any verdict but RTP_OK leaves *out untouched. */
MUST_USE enum rtp_verdict rtp_parse(struct bytes packet, struct rtp_view *out); /* RT */

/* The value of extension `id` (1..14, two-byte form 1..255), absent if it is not there.
 * What follows a broken element is not looked at (RFC 8285, 4.2). */
MUST_USE struct bytes rtp_ext(const struct rtp_view *v, unsigned id); /* RT */

/* Level of the audio in -dBov, 0 (loudest) .. 127 (silence), or RTP_LEVEL_NONE. *voice (may be
 * NULL) is the sender's own idea of voice activity. */
MUST_USE unsigned rtp_audio_level(const struct rtp_view *v, unsigned id, bool *voice); /* RT */

/* What to write. Zero is a valid default apart from pt and ssrc. */
struct rtp_header {
	bool marker;
	uint8_t pt; /* < 128 */
	uint16_t seq;
	uint32_t ts, ssrc;
	unsigned n_ext; /* <= RTP_EXT_MAX */
	struct {
		uint8_t id;         /* 1..14: the one-byte form          */
		struct bytes value; /* 1..RTP_EXT_VALUE_MAX octets       */
	} ext[RTP_EXT_MAX];
};

/* Octets written to `to`, the payload goes right behind them. 0: no room. */
MUST_USE size_t rtp_write(const struct rtp_header *h, uint8_t *to, size_t room); /* RT */

/* Signed distance from a to b on the circle of sequence numbers. */
static inline int rtp_seq_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(b - a);
}
