/* jbuf.h - packets of one incoming voice, put in order for a listener that is a machine.
 *
 * Recognition needs no steady playout. So a packet that comes in order is handed out at
 * once, and only a gap waits, for a packet that may have been overtaken: 15..60 ms, as
 * much as overtaking was seen to take on this path. Then the gap is filled (from the
 * next packet's redundancy, by guessing, by silence), so that the output is one
 * continuous stream and "samples received" is a clock: audio_start_ms counts it.
 *
 * Sans-I/O, virtual time, no allocation after jbuf_new(). Not a playout buffer: audio
 * that is replayed to people needs another.
 *
 * Units. `samples`, `ts`, `pos`: ticks of the RTP clock (Opus: 48 kHz whatever the
 * decoder's rate; G.711: 8 kHz). Times are monotonic µs.
 *
 * Two sorts of gap. Sequence numbers missing: packets were lost; filled in full, the
 * first 100 ms by guessing, the rest by silence. Timestamps that jump while sequence
 * numbers do not: the sender said nothing for that long (DTX): silence. When nothing
 * arrives at all for 200 ms, silence is handed out as time passes, so that a turn ends
 * also when the path has died; if a later timestamp shows the same pause, it is not
 * counted again. One gap yields at most JBUF_GAP_MAX_S of silence.
 */
#pragma once

#include "base/bytes.h"

enum {
	JBUF_PACKETS = 64,
	JBUF_PACKET_MAX = 1500, /* octets of payload */
	JBUF_GAP_MAX_S = 30,
};

struct jbuf;

MUST_USE struct jbuf *jbuf_new(unsigned clock_hz); /* NULL: no memory; about 100 KB */
void jbuf_free(struct jbuf *j);
AUTO_DEF(jbuf)

/* What arrived; the payload is copied. `samples`: how long it lasts, as its codec says. */
struct jbuf_packet {
	uint32_t ssrc;
	uint16_t seq;
	uint32_t ts;
	size_t samples; /* > 0: a packet of unknown length is not audio */
	struct bytes payload;
};

enum jbuf_put {
	JBUF_STORED,
	JBUF_REORDERED, /* stored; it fills a gap that was waited for              */
	JBUF_RESET,     /* stored; it begins a new stream: reset the decoder       */
	JBUF_DUPLICATE, /* dropped                                                 */
	JBUF_LATE,      /* dropped: its place has been filled already              */
	JBUF_STRAY,     /* dropped: far off; the next in sequence to it would reset */
	JBUF_TOO_BIG,   /* dropped: longer than JBUF_PACKET_MAX, or than a second, or 0 */
};

MUST_USE enum jbuf_put jbuf_put(struct jbuf *j, const struct jbuf_packet *p,
				uint64_t now_us); /* RT */

enum jbuf_kind {
	JBUF_PACKET,  /* decode `payload`                                             */
	JBUF_FEC,     /* decode `samples` out of the redundancy of `payload`, which
		       * comes again as a packet; a codec without any guesses         */
	JBUF_CONCEAL, /* guess `samples`, a multiple of 2.5 ms, at most 20 ms         */
	JBUF_SILENCE, /* `samples` of nought                                          */
	JBUF_WAIT,    /* nothing now; call again at until_us, or after a put          */
};

struct jbuf_out {
	enum jbuf_kind kind;
	uint64_t pos;         /* of the first sample, since the stream began */
	size_t samples;
	struct bytes payload; /* borrowed until the next put or get          */
	uint64_t until_us;    /* UINT64_MAX: only after a put                */
};

/* Call until it says JBUF_WAIT, after each put and at until_us. */
void jbuf_get(struct jbuf *j, uint64_t now_us, struct jbuf_out *out); /* RT */

struct jbuf_stats {
	uint64_t stored, reordered, duplicate, late, stray, resets;
	uint64_t lost;      /* packets that never came in time           */
	uint64_t fec;       /* of these: rebuilt from the next packet    */
	uint64_t concealed; /* samples guessed                           */
	uint64_t silence;   /* samples of silence put in                 */
	uint32_t wait_us;   /* what a gap would wait now                 */
};

struct jbuf_stats jbuf_stats(const struct jbuf *j);
