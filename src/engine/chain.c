#include "engine/chain.h"

#include <assert.h>

void chain_init(struct chain *c, const struct env *env, size_t n)
{
	assert(n >= 1 && n <= CHAIN_MAX);
	*c = (struct chain){ .env = env, .n = n };
	for (size_t i = 0; i < n; i++)
		health_init(&c->healths[i]);
}

void chain_done(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		health_done(&c->healths[i]);
}

static uint64_t rest_ms(struct chain *c, size_t i)
{
	struct health_view v = { NULL };

	health_view(&c->healths[i], env_now(c->env), &v);
	return v.rest_ms;
}

size_t chain_pick(struct chain *c, unsigned tried)
{
	size_t best = c->n;

	for (size_t i = 0; i < c->n; i++)
		if (!(tried & BIT(i)) && health_ask(&c->healths[i], env_now(c->env)))
			return i;
	for (size_t i = 0; i < c->n; i++)
		if (!(tried & BIT(i)) && (best == c->n || rest_ms(c, i) < rest_ms(c, best)))
			best = i;
	if (best < c->n)
		health_ask_anyway(&c->healths[best]);
	return best;
}

void chain_failed(struct chain *c, size_t i, uint64_t again_us)
{
	uint64_t now = env_now(c->env);

	health_failed(&c->healths[i], now, again_us > now ? (again_us - now + US_PER_MS - 1) / US_PER_MS : 0);
}

void chain_worked(struct chain *c, size_t i)
{
	health_well(&c->healths[i]);
}

bool chain_rests(struct chain *c, size_t i)
{
	return rest_ms(c, i) > 0;
}
