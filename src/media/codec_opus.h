/* codec_opus.h - Opus (RFC 6716) for one voice, behind one wrapper of libopus.
 *
 * Mono. Encoder and decoder each live in one block from base/alloc, sized by
 * libopus; nothing is allocated per packet. One thread at a time per object.
 * Sample counts are at the object's own rate unless named otherwise; on the wire
 * an Opus timestamp always counts at 48 kHz (RFC 7587, 4.1).
 */
#pragma once

#include "base/bytes.h"

enum {
	CODEC_OPUS_CLOCK_HZ = 48000,
	CODEC_OPUS_PACKET_MAX = 1275 * 6 + 7, /* octets of the largest 120 ms packet        */
	CODEC_OPUS_MS_MAX = 120,              /* "at most 120 ms" (RFC 6716, 3.4, R5)       */
};

enum codec_opus_verdict {
	CODEC_OPUS_OK,
	CODEC_OPUS_CORRUPT, /* not a packet by RFC 6716, 3.4: conceal its time instead */
};

/* --- out ----------------------------------------------------------------------------- */

struct codec_opus_encoder;

struct codec_opus_params {
	unsigned rate_hz; /* 16000, 24000 or 48000                     */
	int bitrate;      /* bit/s; 0: 24000                           */
	int complexity;   /* 1..10; 0: 5. What load sheds: see below   */
};

/* VOIP tuning, in-band FEC, no DTX: we send nothing at all while nobody speaks.
 * 0; -EINVAL: another rate; -ENOMEM. */
MUST_USE int codec_opus_encoder_new(struct codec_opus_encoder **out,
				    const struct codec_opus_params *p);
void codec_opus_encoder_free(struct codec_opus_encoder *e);
AUTO_DEF(codec_opus_encoder)

/* n: 10, 20, 40 or 60 ms. Octets written; `room` is at least 256. */
MUST_USE size_t codec_opus_encode(struct codec_opus_encoder *e, const int16_t *pcm, size_t n,
				  uint8_t *to, size_t room); /* RT */
/* Forget the last talkspurt, so that its last 6.5 ms do not open the next one. */
void codec_opus_encoder_reset(struct codec_opus_encoder *e);
void codec_opus_encoder_set_complexity(struct codec_opus_encoder *e, int complexity); /* 0..10 */
/* What the other side reports lost, of 256 (struct rtcp_report). FEC grows with it at once and
 * shrinks slowly. Before the first report 5 % is assumed. */
void codec_opus_encoder_loss(struct codec_opus_encoder *e, unsigned fraction_lost);
/* Samples by which decoded audio lags what was encoded. */
size_t codec_opus_encoder_delay(const struct codec_opus_encoder *e);

/* --- in ------------------------------------------------------------------------------ */

struct codec_opus_decoder;

/* 0; -EINVAL: not 8, 12, 16, 24 or 48 kHz; -ENOMEM. Stereo packets are mixed down. */
MUST_USE int codec_opus_decoder_new(struct codec_opus_decoder **out, unsigned rate_hz);
void codec_opus_decoder_free(struct codec_opus_decoder *d);
AUTO_DEF(codec_opus_decoder)

/* How long a packet lasts, at any rate libopus knows; 2.5..120 ms. 0: corrupt. */
MUST_USE size_t codec_opus_samples(struct bytes packet, unsigned rate_hz);

/* `pcm` has room for CODEC_OPUS_MS_MAX. *n: samples written. */
MUST_USE enum codec_opus_verdict codec_opus_decode(struct codec_opus_decoder *d,
						   struct bytes packet, int16_t *pcm,
						   size_t *n); /* RT */
/* The n samples lost just before `next`, from its redundancy if it has any, else guessed. Call
 * before decoding `next` itself. n: a multiple of 2.5 ms, at most 120 ms. */
MUST_USE enum codec_opus_verdict codec_opus_decode_fec(struct codec_opus_decoder *d,
						       struct bytes next, int16_t *pcm,
						       size_t n); /* RT */
/* n samples nobody knows: continued from the past, fading. n as above. */
void codec_opus_conceal(struct codec_opus_decoder *d, int16_t *pcm, size_t n); /* RT */
