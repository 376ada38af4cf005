/* voice.h - the sound of a paced leg: RTP payloads in to 16 kHz, PCM out to packets on a 20 ms grid.
 *
 * Joins jbuf, codec and pace for a leg whose speed is the server's (WebRTC, later SIP).
 * Knows no transport: packets go out through voice_ops. Lives on one loop, needs no
 * timer of its own: voice_next_us() says when voice_on_time() wants to be called.
 *
 * Memory is taken when there is something to do: the receiving side (about 120 kB) with
 * the first packet, the encoder (about 45 kB) with the first audio to send.
 */
#pragma once

#include "base/buf.h"
#include "base/env.h"
#include "media/frame.h"
#include "session/leg.h"

enum { VOICE_RATE_HZ = 24000 }; /* of what is pushed */

enum voice_codec { VOICE_OPUS, VOICE_PCMU, VOICE_PCMA };

struct voice;

struct voice_ops {
	/* 20 ms of payload. ts counts the codec's RTP clock. RT */
	void (*send)(void *owner, struct bytes payload, uint32_t ts, bool marker);
	/* What the user said, at 16 kHz, gaps filled. */
	void (*heard)(void *owner, const struct frame *f, uint64_t now_us);
	void (*playout)(void *owner, uint64_t tag, enum leg_playout p, uint64_t now_us);
};

MUST_USE int voice_new(struct voice **out, const struct env *env, const struct voice_ops *ops,
		       void *owner);
void voice_free(struct voice *v);
AUTO_DEF(voice)

/* The codec of both directions, as negotiated; may be called again. */
void voice_set_codec(struct voice *v, enum voice_codec c);

struct voice_packet {
	uint32_t ssrc, ts;
	uint16_t seq;
	struct bytes payload;
};

/* −ENOMEM: the receiving side could not be made. Corrupt payloads are concealed. */
MUST_USE int voice_input(struct voice *v, const struct voice_packet *p, uint64_t now_us);

/* The four of struct leg_ops. */
MUST_USE int voice_push(struct voice *v, uint64_t tag, const int16_t *pcm, size_t n);
uint64_t voice_clear(struct voice *v, uint64_t tag);
uint64_t voice_played(struct voice *v, uint64_t tag);

/* What the other side reports lost, of 256. */
void voice_loss(struct voice *v, unsigned fraction_lost);

uint64_t voice_next_us(const struct voice *v);
MUST_USE int voice_on_time(struct voice *v, uint64_t now_us);

void voice_dump(const struct voice *v, struct buf *to);
