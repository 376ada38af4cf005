#include "engine/chain.h"

#include <assert.h>

enum {
	FIRST_US = US_PER_S,
	LONGEST_US = 60 * US_PER_S,
	ASKED_FOR_MAX_US = 300 * US_PER_S,
	PROBE_US = 2 * US_PER_S,
};

void chain_init(struct chain *c, const struct env *env, size_t n)
{
	assert(n >= 1 && n <= CHAIN_MAX);
	*c = (struct chain){ .env = env, .n = n };
	pthread_mutex_init(&c->lock, NULL);
}

void chain_done(struct chain *c)
{
	pthread_mutex_destroy(&c->lock);
}

size_t chain_pick(struct chain *c, unsigned tried)
{
	uint64_t now = env_now(c->env);
	size_t best = c->n;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n; i++) {
		if (tried & BIT(i))
			continue;
		if (c->rests[i].until_us <= now) {
			best = i;
			break;
		}
		if (best == c->n || c->rests[i].until_us < c->rests[best].until_us)
			best = i;
	}
	/* Whoever asks one that has failed asks for the others, too. */
	if (best < c->n && c->rests[best].until_us && c->rests[best].until_us <= now)
		c->rests[best].until_us = now + PROBE_US;
	pthread_mutex_unlock(&c->lock);
	return best;
}

void chain_failed(struct chain *c, size_t i, uint64_t again_us)
{
	uint64_t now = env_now(c->env), rest = FIRST_US;

	pthread_mutex_lock(&c->lock);
	for (unsigned k = 0; k < c->rests[i].n_failures && rest < LONGEST_US; k++)
		rest *= 2;
	c->rests[i].n_failures++;
	rest = MIN(rest, (uint64_t)LONGEST_US);
	if (again_us > now)
		rest = MAX(rest, MIN(again_us - now, (uint64_t)ASKED_FOR_MAX_US));
	c->rests[i].until_us = now + rest;
	pthread_mutex_unlock(&c->lock);
}

void chain_worked(struct chain *c, size_t i)
{
	pthread_mutex_lock(&c->lock);
	c->rests[i].until_us = 0;
	c->rests[i].n_failures = 0;
	pthread_mutex_unlock(&c->lock);
}

bool chain_rests(struct chain *c, size_t i)
{
	uint64_t now = env_now(c->env);

	pthread_mutex_lock(&c->lock);
	bool rests = c->rests[i].until_us > now;
	pthread_mutex_unlock(&c->lock);
	return rests;
}
