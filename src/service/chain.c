#include "service/chain.h"

static uint64_t rest_ms(struct health *h, uint64_t now_us)
{
	struct health_view v;

	health_view(h, now_us, &v);
	return v.rest_ms;
}

size_t chain_pick_well(struct chain *c, unsigned tried, uint64_t now_us)
{
	for (size_t i = 0; i < c->n; i++)
		if (!(tried & BIT(i)) && health_ask(c->of[i], now_us))
			return i;
	return c->n;
}

size_t chain_pick(struct chain *c, unsigned tried, uint64_t now_us)
{
	size_t best = chain_pick_well(c, tried, now_us);

	if (best < c->n)
		return best;
	for (size_t i = 0; i < c->n; i++)
		if (!(tried & BIT(i)) && (best == c->n || rest_ms(c->of[i], now_us) < rest_ms(c->of[best], now_us)))
			best = i;
	if (best < c->n)
		health_ask_anyway(c->of[best]);
	return best;
}

uint64_t chain_rest_ms(struct chain *c, uint64_t now_us)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < c->n; i++)
		least = MIN(least, rest_ms(c->of[i], now_us));
	return least;
}
