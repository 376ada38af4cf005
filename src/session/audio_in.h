/* audio_in.h - the input audio buffer: what the user's microphone sends.
 *
 * Everything inside is STT_RATE_HZ. Positions count samples received since the
 * session began ("audio_start_ms" and its like are these, not wall time).
 */
#pragma once

#include "session/config.h"
#include "session/pcm.h"
#include "session/rate.h"
#include "session/session.h"

/* Samples at the format's rate to wire octets (at most 2 per sample); returns how many. */
size_t audio_out_encode(enum audio_format f, const int16_t *pcm, size_t n, uint8_t *to);

struct audio_in {
	struct pcm buf;   /* not yet committed; its first sample is number `start` */
	uint64_t start;   /* position of buf.p[0]                */
	uint64_t framed;  /* position up to which turns have looked */
	struct rate rate; /* of appended audio to STT_RATE_HZ    */
	int32_t held;     /* appended, but still inside `rate`: samples at 48 kHz */
	int32_t held_then; /* of them, what came before buf was emptied */
	uint8_t odd;      /* half a sample of pcm16 ...          */
	bool has_odd;     /* ... that waits for its other half   */
	struct pcm wire, heard; /* room that appending uses again and again */
};

void audio_in_done(struct audio_in *a);
/* Samples at STT_RATE_HZ: buffered, and looked at in steps of 20 ms. */
void audio_in_push(struct session *s, const int16_t *pcm, size_t n);
/* Octets in the session's input format. */
void audio_in_append(struct session *s, const uint8_t *p, size_t n);
void audio_in_clear(struct session *s);
uint64_t audio_in_end(const struct audio_in *a); /* samples received so far */
/* How much of what was appended is not committed yet, the samples in the converter included. */
double audio_in_ms(const struct audio_in *a);
/* buf has been emptied. */
void audio_in_emptied(struct audio_in *a);
/* Forget what lies before this position. */
void audio_in_drop_before(struct session *s, uint64_t position);

/* base64 in the session's input format to samples at STT_RATE_HZ, for items that bring audio.
 * 0, -EINVAL: not base64, -ENOMEM. */
MUST_USE int audio_in_decode(struct session *s, const char *base64, size_t n, struct pcm *to);
/* The other way, for conversation.item.retrieve: a JSON string, or NULL. */
MUST_USE json_t *audio_encode(enum audio_format f, const int16_t *pcm, size_t n);
