#include "session/pcm.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

/* Closes the gap in front. */
static void settle(struct pcm *b)
{
	if (!b->gone)
		return;
	memmove(b->p - b->gone, b->p, b->n * sizeof(*b->p));
	b->p -= b->gone;
	b->cap += b->gone;
	b->gone = 0;
}

int16_t *pcm_reserve(struct pcm *b, size_t n)
{
	if (b->cap - b->n < n && b->gone >= b->n)
		settle(b);
	/* Also for no samples: NULL would say that memory ran out. */
	if (!b->p || b->cap - b->n < n) {
		settle(b);
		size_t cap = MAX(MAX(b->n + n, b->cap + b->cap / 2), (size_t)1);
		int16_t *p = mem_realloc(b->p, cap * sizeof(*p));

		if (!p)
			return NULL;
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

int pcm_put(struct pcm *b, const int16_t *p, size_t n)
{
	if (n == 0)
		return 0;
	int16_t *to = pcm_reserve(b, n);
	if (!to)
		return -ENOMEM;
	memcpy(to, p, n * sizeof(*p));
	b->n += n;
	return 0;
}

void pcm_consume(struct pcm *b, size_t n)
{
	n = MIN(n, b->n);
	if (!n)
		return;
	b->p += n;
	b->n -= n;
	b->cap -= n;
	b->gone += n;
	if (!b->n)
		settle(b);
}

void pcm_done(struct pcm *b)
{
	mem_free(b->p ? b->p - b->gone : NULL);
	*b = (struct pcm){ 0 };
}
