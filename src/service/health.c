#include "service/health.h"

enum { PAUSE_US = US_PER_S, PAUSE_LONGEST_US = 60 * US_PER_S };

void health_init(struct health *h)
{
	*h = (struct health){ .rest_until_us = 0 };
	pthread_mutex_init(&h->lock, NULL);
}

void health_done(struct health *h)
{
	pthread_mutex_destroy(&h->lock);
}

static uint64_t pause_us(const struct health *h)
{
	unsigned doubled = h->failures ? MIN(h->failures - 1, 6u) : 0;

	return MIN((uint64_t)PAUSE_US << doubled, (uint64_t)PAUSE_LONGEST_US);
}

bool health_ask(struct health *h, uint64_t now_us)
{
	pthread_mutex_lock(&h->lock);
	bool may = h->rest_until_us <= now_us;
	if (may && h->rest_until_us) {
		h->rest_until_us = now_us + pause_us(h); /* the others wait for this one */
		h->trying = true;
	}
	h->n_asked += may;
	pthread_mutex_unlock(&h->lock);
	return may;
}

void health_ask_anyway(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->n_asked++;
	pthread_mutex_unlock(&h->lock);
}

void health_well(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->rest_until_us = 0;
	h->failures = 0;
	h->trying = false;
	pthread_mutex_unlock(&h->lock);
}

void health_failed(struct health *h, uint64_t now_us, uint64_t retry_after_ms)
{
	pthread_mutex_lock(&h->lock);
	h->n_failed++;
	if (h->trying || h->rest_until_us <= now_us) /* many at once are one failure */
		h->failures++;
	h->trying = false;
	uint64_t rest_us = retry_after_ms ? retry_after_ms * US_PER_MS : pause_us(h);
	h->rest_until_us = MAX(h->rest_until_us, now_us + rest_us);
	pthread_mutex_unlock(&h->lock);
}

void health_view(struct health *h, uint64_t now_us, struct health_view *to)
{
	pthread_mutex_lock(&h->lock);
	to->resting = h->rest_until_us > now_us;
	to->rest_ms = to->resting ? (h->rest_until_us - now_us) / US_PER_MS : 0;
	to->n_asked = h->n_asked;
	to->n_failed = h->n_failed;
	pthread_mutex_unlock(&h->lock);
}
