/* rate.h - one direction of sample rate conversion, made when first needed. */
#pragma once

#include "session/pcm.h"

struct resample;

/* Zero is valid. */
struct rate {
	struct resample *r;
	unsigned in_hz, out_hz;
};

/* Appends the converted samples. A change of rates starts afresh. 0 or -ENOMEM. */
MUST_USE int rate_convert(struct rate *r, unsigned in_hz, unsigned out_hz, const int16_t *pcm,
			  size_t n, struct pcm *to);
/* Appends what is held back; the next conversion starts anew. */
MUST_USE int rate_flush(struct rate *r, struct pcm *to);
void rate_done(struct rate *r);
