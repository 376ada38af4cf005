/* resample.h - one direction of one stream from one rate to another.
 *
 * Any rates from 4 to 192 kHz (the wire and the engines have 8, 16, 24 and 48, files others too), mono
 * int16, in pieces of any size. Output sample k is input
 * time k / to_hz: nothing is put in front, so sample counts convert exactly; the
 * newest resample_latency() samples are held back until their future is known (or
 * resample_flush()). Behind it is speexdsp, which takes its own few kilobytes from
 * the C library when the object is made and never afterwards.
 */
#pragma once

#include "base/defs.h"

struct resample;

enum { RESAMPLE_MIN_HZ = 4000, RESAMPLE_MAX_HZ = 192000 };

/* 0; -EINVAL: another rate; -ENOMEM. Equal rates copy. */
MUST_USE int resample_new(struct resample **out, unsigned from_hz, unsigned to_hz);
void resample_free(struct resample *r);
AUTO_DEF(resample)

/* No push of n samples yields more. */
size_t resample_bound(const struct resample *r, size_t n);
/* Takes all n, writes at most resample_bound(r, n), returns how many. */
MUST_USE size_t resample_push(struct resample *r, const int16_t *pcm, size_t n,
			      int16_t *out); /* RT */
/* What is held back, as if silence followed; then starts anew. At most
 * resample_bound(r, 0). */
MUST_USE size_t resample_flush(struct resample *r, int16_t *out);
void resample_reset(struct resample *r);
/* Held back, in samples of the output. */
size_t resample_latency(const struct resample *r);
