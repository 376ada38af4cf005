/* pcm.h - a growable run of samples with one owner. Zero is valid and empty.
 *
 * Samples are appended and taken from the front fifty times a second, from runs of minutes: what is taken
 * leaves a gap in front, and the rest moves only when the gap is as long as that.
 */
#pragma once

#include "base/defs.h"

struct pcm {
	int16_t *p;
	size_t n, cap; /* cap: from p on                           */
	size_t gone;   /* samples of the block that stand before p */
};

MUST_USE int pcm_put(struct pcm *b, const int16_t *p, size_t n); /* 0 or -ENOMEM */
/* Room for n more; the caller fills it and adds to .n. NULL: no memory. */
MUST_USE int16_t *pcm_reserve(struct pcm *b, size_t n);
void pcm_consume(struct pcm *b, size_t n); /* from the front */
void pcm_done(struct pcm *b);

static inline void pcm_auto_(struct pcm *b)
{
	pcm_done(b);
}
