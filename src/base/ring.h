/* ring.h - one producer, one consumer, no lock: PCM between a loop and an engine.
 *
 * Capacity is a power of two, fixed at creation. Elements are int16 samples.
 * push/pull never block and never allocate. 
 */
#pragma once

#include "base/defs.h"

struct ring;

MUST_USE struct ring *ring_new(size_t capacity_log2); /* NULL: no memory */
void ring_free(struct ring *r);
AUTO_DEF(ring)

/* Samples taken: fewer than n when full (push) or empty (pull). */
MUST_USE size_t ring_push(struct ring *r, const int16_t *pcm, size_t n);
MUST_USE size_t ring_pull(struct ring *r, int16_t *pcm, size_t n);
size_t ring_fill(const struct ring *r);
/* By the consumer, or while neither side runs. */
void ring_clear(struct ring *r);
