#include "base/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"

struct ring {
	atomic_size_t head; /* written by the producer */
	char apart[64];     /* each on a cache line of its own */
	atomic_size_t tail; /* written by the consumer */
	size_t mask;
	int16_t pcm[];
};

struct ring *ring_new(size_t capacity_log2)
{
	size_t cap = (size_t)1 << capacity_log2;
	struct ring *r = mem_zalloc(sizeof(*r) + cap * sizeof(int16_t));

	if (r)
		r->mask = cap - 1;
	return r;
}

void ring_free(struct ring *r)
{
	mem_free(r);
}

/* How many of n samples from position `at` lie before the end of the memory. */
static size_t ring_span(const struct ring *r, size_t at, size_t n)
{
	return MIN(n, r->mask + 1 - (at & r->mask));
}

size_t ring_push(struct ring *r, const int16_t *pcm, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

	n = MIN(n, r->mask + 1 - (head - tail));
	size_t first = ring_span(r, head, n);
	memcpy(r->pcm + (head & r->mask), pcm, first * sizeof(*pcm));
	memcpy(r->pcm, pcm + first, (n - first) * sizeof(*pcm));
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return n;
}

size_t ring_pull(struct ring *r, int16_t *pcm, size_t n)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	n = MIN(n, head - tail);
	size_t first = ring_span(r, tail, n);
	memcpy(pcm, r->pcm + (tail & r->mask), first * sizeof(*pcm));
	memcpy(pcm + first, r->pcm, (n - first) * sizeof(*pcm));
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

size_t ring_fill(const struct ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire) -
	       atomic_load_explicit(&r->tail, memory_order_acquire);
}

void ring_clear(struct ring *r)
{
	atomic_store_explicit(&r->tail, atomic_load_explicit(&r->head, memory_order_acquire),
			      memory_order_release);
}
