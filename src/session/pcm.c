#include "session/pcm.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

int16_t *pcm_reserve(struct pcm *b, size_t n)
{
	/* Also for no samples: NULL would say that memory ran out. */
	if (!b->p || b->cap - b->n < n) {
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
	b->n -= n;
	if (b->n)
		memmove(b->p, b->p + n, b->n * sizeof(*b->p));
}

void pcm_done(struct pcm *b)
{
	mem_free(b->p);
	*b = (struct pcm){ 0 };
}
