/* stretches.h - a recording cut where nobody speaks, into what a recogniser takes in one piece.
 *
 * By voice activity (media/vad.h, endpoint.h); a stretch longer than STRETCH_S is cut at the next
 * short pause, one without any at STRETCH_MAX_S. Pure; takes 0.3 ms for a second of audio.
 */
#pragma once

#include "base/buf.h"

enum { STRETCH_S = 12, STRETCH_MAX_S = 28 };

struct stretch {
	size_t from, n; /* samples at 16 kHz */
};

/* Appends struct stretch. -ENOMEM. Nobody speaks: none. */
MUST_USE int stretches_find(const int16_t *pcm, size_t n, struct buf *out);
